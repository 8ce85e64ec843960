"""Events as the messages that oslo.messaging's notifier would send, written without it.

The notifier makes objects of everything anew for each driver and topic, and JSON of those:
for events that are JSON in the outbox already that was most of what sending them cost.
A test holds these messages against the notifier's.
"""

from __future__ import annotations

import socket
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from oslo_config import cfg

from ipamd import fast_json
from ipamd.context import RequestContext
from ipamd.db.outbox import OutboxEvent
from ipamd.rpc import envelope
from ipamd.rpc.bodies import fit
from ipamd.rpc.bus import Message

# The drivers of [oslo_messaging_notifications] that this stands for; with an envelope or not.
BUS_DRIVERS = {"messaging": False, "messagingv2": True}


class EventMessages:
    """Writes events for bus drivers, in the configured exchange and topics."""

    def __init__(self, conf: cfg.ConfigOpts, drivers: Sequence[str]) -> None:
        self._exchange: str = conf.control_exchange
        self._topics: list[str] = conf.oslo_messaging_notifications.topics
        self._wrapped = [BUS_DRIVERS[driver] for driver in drivers]
        self._publisher = fast_json.dumps(f"ipamd.{socket.gethostname()}")

    def of(self, event: OutboxEvent) -> list[Message]:
        """Return an event's messages: for each driver one to each topic."""
        message_id, priority = uuid.uuid4(), event.priority.lower()
        return [
            Message(
                self._exchange,
                f"{topic}.{priority}",
                *fit(self._body(event, message_id, wrapped)),
            )
            for wrapped in self._wrapped
            for topic in self._topics
        ]

    def _body(self, event: OutboxEvent, message_id: uuid.UUID, wrapped: bool) -> bytes:
        timestamp = datetime.now(UTC).replace(tzinfo=None)
        request_id = fast_json.dumps(event.payload.get("request_id"))
        text = (
            f'{{"message_id": "{message_id}", "publisher_id": {self._publisher}, '
            f'"event_type": "{event.event_type}", "priority": "{event.priority}", '
            f'"payload": {event.payload_json}, "timestamp": "{timestamp}", '
            f'"_unique_id": "{uuid.uuid4().hex}", "_context_request_id": {request_id}, '
            f"{_context(event.payload.get('tenant_id'))}}}"
        )
        return envelope.wrap_text(text) if wrapped else text.encode()


@lru_cache(maxsize=1000)
def _context(tenant_id: str | None) -> str:
    """Write the context of a tenant's events as members of a message, but its request id."""
    values = RequestContext(project_id=tenant_id, overwrite=False).to_dict()
    del values["request_id"]
    return fast_json.dumps({f"_context_{name}": value for name, value in values.items()})[1:-1]
