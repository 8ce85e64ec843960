"""Events as oslo.messaging notifications, with failures that can be seen.

oslo.messaging's notifier logs what it cannot send and goes on, as if it were sent.  The
relay must know: here a failed sending raises, and the event stays in the outbox.  What the
notifier would send to a RabbitMQ message by message goes to it a batch at a time
(``bus.py``); drivers, topics, priorities and contents are the notifier's.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self

import oslo_messaging
from oslo_config import cfg
from oslo_messaging.transport import NotificationTransport

from ipamd.context import RequestContext
from ipamd.db.outbox import OutboxEvent
from ipamd.rpc import transport
from ipamd.rpc.bus import Bus
from ipamd.rpc.event_messages import BUS_DRIVERS, EventMessages

LOG = logging.getLogger(__name__)

_DEFAULT_DRIVER = "messagingv2"


class NotSent(Exception):
    """The bus did not take an event; the reason is for the log."""


Done = Callable[[OutboxEvent], None]


class Sender(Protocol):
    """Where the relay's events go; ``prompt``: whether anyone waits for them there."""

    prompt: bool

    def send(self, events: Sequence[OutboxEvent], done: Done, give_up: Callable[[], bool]) -> None:
        """Send ``events`` in their order; return when the bus has confirmed all of them.

        ``done(event)`` is called for each, in their order; where one was not confirmed,
        for none from that one on.

        Raises: NotSent; also when ``give_up()`` became true meanwhile.
        """

    def close(self) -> None:
        """Close the connection to the bus."""


class JournalOnly:
    """No bus: an event is in the journal, where it can be queried, and nowhere else."""

    prompt = False

    def send(
        self,
        events: Sequence[OutboxEvent],
        done: Done,
        give_up: Callable[[], bool],
    ) -> None:
        """Accept the events."""
        for event in events:
            done(event)

    def close(self) -> None:
        """Do nothing: nothing is open."""


class BusSender:
    """Sends events to a RabbitMQ, a batch at a time."""

    prompt = True

    def __init__(self, bus: Bus, messages: EventMessages, others: Sender | None = None) -> None:
        """Prepare; ``others``: where events go besides."""
        self._bus = bus
        self._messages = messages
        self._others = others

    def send(self, events: Sequence[OutboxEvent], done: Done, give_up: Callable[[], bool]) -> None:
        """Send ``events`` in their order; return when the bus has confirmed all of them.

        Raises: NotSent.
        """
        if self._others is not None:
            self._others.send(events, lambda _event: None, give_up)
        written = [self._messages.of(event) for event in events]
        confirmed = self._bus.send([message for each in written for message in each], give_up)
        end = 0
        for event, each in zip(events, written, strict=True):
            end += len(each)
            if end > confirmed:
                raise NotSent(self._bus.failure)
            done(event)

    def close(self) -> None:
        """Close the connection to the bus."""
        self._bus.close()
        if self._others is not None:
            self._others.close()


class Notifications:
    """Sends events by drivers of oslo.messaging's notifier, one after the other."""

    prompt = True

    def __init__(self, transport: Any, drivers: Sequence[str]) -> None:
        """Prepare for ``drivers``; those that need a bus use ``transport``."""
        self._transport = _WatchedTransport(transport._driver)
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

    def send(self, events: Sequence[OutboxEvent], done: Done, give_up: Callable[[], bool]) -> None:
        """Send ``events`` in their order.

        Raises: NotSent.
        """
        for event in events:
            self._notify(event)
            done(event)

    def _notify(self, event: OutboxEvent) -> None:
        context = _EventContext(
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


class _EventContext(RequestContext):
    """A context that holds nothing but what an event tells."""

    def redacted_copy(self, **_more: Any) -> Self:
        """Return itself: there is nothing in it to hide, and copying costs more than sending."""
        return self


class _WatchedTransport(NotificationTransport):  # type: ignore[misc]
    """Keeps failures to send for the relay; they would be left to the notifier's log."""

    _failure: Exception | None = None

    def _send_notification(
        self, target: Any, ctxt: Any, message: Any, version: Any, retry: Any = None
    ) -> None:
        try:
            super()._send_notification(target, ctxt, message, version, retry)
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
        bus = transport.notification_transport(conf)
        if bus._driver._url.transport not in ("rabbit", "kombu"):
            return Notifications(bus, drivers)
        ours = [driver for driver in drivers if driver in BUS_DRIVERS]
        others = [driver for driver in drivers if driver not in BUS_DRIVERS]
        other = Notifications(bus, others) if others else None
        if not ours and other is not None:
            return other
        return BusSender(Bus(conf), EventMessages(conf, ours), other)
    if BUS_DRIVERS.keys() & drivers:
        raise cfg.ConfigFileValueError(
            f"[oslo_messaging_notifications] driver {', '.join(drivers)} needs a transport_url"
        )
    # The other drivers get a transport as well, and do not use it.
    return Notifications(oslo_messaging.get_notification_transport(conf, url="fake://"), drivers)
