"""Events as oslo.messaging notifications, with failures that can be seen.

oslo.messaging's notifier logs what it cannot send and goes on, as if it were sent.  The
relay must know: here a failed sending raises, and the event stays in the outbox.  What the
notifier would send to a RabbitMQ message by message goes to it a batch at a time
(``bus.py``); drivers, topics, priorities and contents are the notifier's.
"""

from __future__ import annotations

import json
import logging
import socket
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self

import oslo_messaging
from oslo_config import cfg
from oslo_messaging.transport import NotificationTransport

from ipamd.context import RequestContext
from ipamd.db.outbox import OutboxEvent
from ipamd.rpc import envelope, transport
from ipamd.rpc.bus import Bus, Message

LOG = logging.getLogger(__name__)

_DEFAULT_DRIVER = "messagingv2"
_BUS_DRIVERS = {"messaging", "messagingv2"}


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


class Notifications:
    """Sends events by the drivers of ``[oslo_messaging_notifications]``."""

    prompt = True

    def __init__(self, transport: Any, drivers: list[str], bus: Bus | None = None) -> None:
        """Prepare for ``drivers``; what they put on ``transport`` goes to ``bus``, if given."""
        self._transport = _WatchedTransport(transport, keeps=bus is not None)
        self._bus = bus
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
        """Send ``events`` in their order; return when the bus has confirmed all of them.

        Raises: NotSent.
        """
        messages: list[Message] = []
        # How many messages there are up to and with each event.
        ends: list[int] = []
        for event in events:
            self._notify(event)
            messages += self._transport.take()
            ends.append(len(messages))
            if self._bus is None:
                done(event)
        if self._bus is None:
            return
        confirmed = self._bus.send(messages, give_up) if messages else 0
        for event, end in zip(events, ends, strict=True):
            if end > confirmed:
                raise NotSent(self._bus.failure)
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
        if self._bus is not None:
            self._bus.close()
        self._transport.cleanup()


class _EventContext(RequestContext):
    """A context that holds nothing but what an event tells."""

    def redacted_copy(self, **_more: Any) -> Self:
        """Return itself: there is nothing in it to hide, and copying costs more than sending."""
        return self


class _WatchedTransport(NotificationTransport):  # type: ignore[misc]
    """Keeps messages, or failures to send them, for the relay.

    A failure would be left to the notifier's log otherwise.
    """

    def __init__(self, bus: Any, *, keeps: bool) -> None:
        super().__init__(bus._driver)
        self._keeps = keeps
        self._kept: list[Message] = []
        self._failure: Exception | None = None

    def _send_notification(
        self, target: Any, ctxt: Any, message: Any, version: Any, retry: Any = None
    ) -> None:
        try:
            if self._keeps:
                self._kept.append(self._message(target, ctxt, message, version))
            else:
                super()._send_notification(target, ctxt, message, version, retry)
        except Exception as error:  # noqa: BLE001 - raised by raise_failure()
            self._failure = error

    def _message(
        self, target: Any, context: dict[str, Any], message: dict[str, Any], version: float
    ) -> Message:
        """Build what oslo.messaging's driver would send (``AMQPDriverBase._send``)."""
        whole = {**message, "_unique_id": uuid.uuid4().hex}
        whole.update((f"_context_{name}", value) for name, value in context.items())
        body = envelope.wrap(whole) if version >= 2 else json.dumps(whole).encode()
        exchange = target.exchange or self.conf.control_exchange
        return Message(exchange, target.topic, body)

    def take(self) -> list[Message]:
        """Return the messages that were kept since the last time."""
        kept, self._kept = self._kept, []
        return kept

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
        rabbit = bus._driver._url.transport in ("rabbit", "kombu")
        return Notifications(bus, drivers, Bus(conf) if rabbit else None)
    if _BUS_DRIVERS & set(drivers):
        raise cfg.ConfigFileValueError(
            f"[oslo_messaging_notifications] driver {', '.join(drivers)} needs a transport_url"
        )
    # The other drivers get a transport as well, and do not use it.
    return Notifications(oslo_messaging.get_notification_transport(conf, url="fake://"), drivers)
