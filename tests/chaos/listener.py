"""A notification listener as other services run one: it drops what it has heard before."""

from __future__ import annotations

import threading
from typing import Any

import oslo_messaging
from oslo_config import cfg


class Listener:
    """Keeps the events it hears, in the order in which they came."""

    def __init__(self, url: str) -> None:
        self.heard: list[dict[str, Any]] = []
        self.repetitions = 0
        self._known: set[str] = set()
        self._lock = threading.Lock()
        self._transport = oslo_messaging.get_notification_transport(cfg.CONF, url=url)
        target = oslo_messaging.Target(exchange="ipamd", topic="notifications")
        self._listener = oslo_messaging.get_notification_listener(
            self._transport, [target], [self], executor="threading"
        )
        # More threads would shuffle what came in order.
        self._listener.start(override_pool_size=1)

    def info(self, _ctxt: Any, _publisher: str, event_type: str, payload: Any, _m: Any) -> None:
        """Take an event of a change."""
        self._hear(event_type, payload)

    def error(self, _ctxt: Any, _publisher: str, event_type: str, payload: Any, _m: Any) -> None:
        """Take the event of a cast that failed."""
        self._hear(event_type, payload)

    def _hear(self, event_type: str, payload: dict[str, Any]) -> None:
        with self._lock:
            if payload["event_id"] in self._known:
                self.repetitions += 1
                return
            self._known.add(payload["event_id"])
            self.heard.append({**payload, "event_type": event_type})

    def event_ids(self) -> set[str]:
        """Return the ids of the events heard so far."""
        with self._lock:
            return set(self._known)

    def close(self) -> None:
        """Stop to listen."""
        self._listener.stop()
        self._listener.wait()
        self._transport.cleanup()
