"""Events as oslo.messaging notifications, with failures that can be seen.

oslo.messaging's notifier logs what it cannot send and goes on, as if it were sent.  The
relay must know: here a failed sending raises, and the event stays in the outbox.
"""

from __future__ import annotations

import logging
import socket
from typing import Any, Protocol

import oslo_messaging
from oslo_config import cfg
from oslo_messaging.transport import NotificationTransport

from ipamd.context import RequestContext
from ipamd.db.outbox import OutboxEvent
from ipamd.rpc import transport

LOG = logging.getLogger(__name__)

_DEFAULT_DRIVER = "messagingv2"
_BUS_DRIVERS = {"messaging", "messagingv2"}


class NotSent(Exception):
    """The bus did not take an event; the reason is for the log."""


class Sender(Protocol):
    """Where the relay's events go; ``prompt``: whether anyone waits for them there."""

    prompt: bool

    def send(self, event: OutboxEvent) -> None:
        """Return when the bus has confirmed the event.

        Raises: NotSent.
        """

    def close(self) -> None:
        """Close the connection to the bus."""


class JournalOnly:
    """No bus: an event is in the journal, where it can be queried, and nowhere else."""

    prompt = False

    def send(self, event: OutboxEvent) -> None:
        """Accept the event."""

    def close(self) -> None:
        """Do nothing: nothing is open."""


class Notifications:
    """Sends events by the drivers of ``[oslo_messaging_notifications]``."""

    prompt = True

    def __init__(self, bus: Any, drivers: list[str]) -> None:
        """Prepare for ``drivers`` on ``bus``; it is connected with the first event."""
        self._transport = _WatchedTransport(bus)
        self._notifiers = [
            oslo_messaging.Notifier(
                self._transport,
                publisher_id=f"ipamd.{socket.gethostname()}",
                driver=driver,
                serializer=_ContextSerializer(),
                retry=0,  # the relay has its own patience
            )
            for driver in drivers
        ]

    def send(self, event: OutboxEvent) -> None:
        """Return when the bus has confirmed the event.

        Raises: NotSent.
        """
        context = RequestContext(
            request_id=event.payload.get("request_id"),
            project_id=event.payload.get("tenant_id"),
            overwrite=False,
        )
        for notifier in self._notifiers:
            notify = getattr(notifier, event.priority.lower())
            notify(context, event.event_type, event.payload)
            self._transport.raise_failure()

    def close(self) -> None:
        """Close the connection to the bus."""
        self._transport.cleanup()


class _WatchedTransport(NotificationTransport):  # type: ignore[misc]
    """Keeps a failure for the relay, instead of leaving it to the notifier's log."""

    def __init__(self, bus: Any) -> None:
        super().__init__(bus._driver)
        self._failure: Exception | None = None

    def _send_notification(self, *args: Any, **kwargs: Any) -> None:
        try:
            super()._send_notification(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - raised by raise_failure()
            self._failure = error

    def raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise NotSent(str(failure) or type(failure).__name__) from failure


class _ContextSerializer(oslo_messaging.NoOpSerializer):  # type: ignore[misc]
    def serialize_context(self, ctxt: Any) -> dict[str, Any]:
        return dict(ctxt.to_dict()) if ctxt else {}


def make_sender(conf: cfg.ConfigOpts) -> Sender:
    """Choose where events go, by ``[oslo_messaging_notifications]``.

    ``driver`` unset: ``messagingv2`` where a transport_url, there or in [DEFAULT], names a
    bus; else, embedded without a broker, the journal alone.

    Raises: oslo_config.cfg.ConfigFileValueError when a driver needs a bus and none is named.
    """
    transport.register_opts(conf)
    options = conf.oslo_messaging_notifications
    has_bus = bool(options.transport_url or conf.transport_url)
    drivers = list(options.driver) or ([_DEFAULT_DRIVER] if has_bus else [])
    if not drivers or drivers == ["noop"]:
        LOG.info("events stay in the journal: no notification driver and no transport_url")
        return JournalOnly()
    if has_bus:
        return Notifications(transport.notification_transport(conf), drivers)
    if _BUS_DRIVERS & set(drivers):
        raise cfg.ConfigFileValueError(
            f"[oslo_messaging_notifications] driver {', '.join(drivers)} needs a transport_url"
        )
    # The other drivers get a transport as well, and do not use it.
    return Notifications(oslo_messaging.get_notification_transport(conf, url="fake://"), drivers)
