"""The bus of notifications: messages in their order, many under way before the first is confirmed.

oslo.messaging waits for the broker's confirmation of each message before it sends the
next one, which makes a thousand events a second at best.  Here a whole batch is published
and then waited for, but for quorum queues.  Exchange, queues and bodies are oslo.messaging's.

Invariant: messages are published in the order given, on one channel, and ``send()`` tells
how many of them, from the first one on without a gap, the broker has confirmed.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import amqp
from oslo_config import cfg

from ipamd.rpc import queues
from ipamd.rpc.broker import Broker
from ipamd.rpc.link import Link
from ipamd.rpc.publisher import Fate, Publication

_CONNECT_SECONDS = 10.0
# How often a wait looks whether it still makes sense.
_LOOK = 0.5
_CLOSE_TIMEOUT = 5.0
_BROKER_ERRORS = (OSError, amqp.AMQPError, *amqp.Connection.connection_errors)


class BusError(Exception):
    """The bus did not confirm a message; the reason is for the log."""


class Message(NamedTuple):
    """A notification as it goes over the wire; ``topic`` is ``<topic>.<priority>``."""

    exchange: str
    topic: str
    body: bytes
    headers: Mapping[str, str] | None = None


class Bus:
    """Publishes notifications on a connection of its own; used by one thread only."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        """Read the configuration; the bus is connected with the first message.

        Raises: oslo_config.cfg.ConfigFileValueError when the URL names no RabbitMQ.
        """
        self._broker = Broker(conf, notifications=True)
        # A quorum queue whose leader is killed in the middle of a batch may keep later
        # messages of it and not earlier ones, which would then come behind them.
        self._one_by_one = bool(self._broker.options.rabbit_quorum_queue)
        self._known: dict[tuple[str, str], queues.Queue] = {}
        self._link: Link | None = None
        self._batch: _Batch | None = None
        self.failure = ""

    def send(self, messages: Sequence[Message], give_up: Callable[[], bool]) -> int:
        """Publish ``messages`` and wait until the broker has confirmed all of them.

        When ``give_up()`` becomes true the wait ends.  Returns how many are confirmed,
        counted from the first one to the last before one that is not; ``failure`` says
        why there are not more.
        """
        if not self._one_by_one:
            return self._send(messages, give_up)
        for number, message in enumerate(messages):
            if not self._send([message], give_up):
                return number
        return len(messages)

    def _send(self, messages: Sequence[Message], give_up: Callable[[], bool]) -> int:
        self.failure = ""
        try:
            link = self._ready_link(messages, give_up)
        except (BusError, *_BROKER_ERRORS) as error:
            self.failure = str(error) or type(error).__name__
            return 0
        batch = _Batch(len(messages))
        link.call_soon(functools.partial(self._publish, link, batch, messages))
        while not batch.over.wait(_LOOK):
            if give_up():
                batch.fail("the broker has not confirmed in time")
        if batch.failure:
            self.failure = batch.failure
            # What it has not confirmed is sent anew, by us or by another relay; and the
            # queues, should they be gone, are made anew.
            self._known.clear()
            link.call_soon(link.publisher.forget)
        return batch.confirmed

    def close(self) -> None:
        """Close the connection."""
        if self._link is not None:
            self._link.close(_CLOSE_TIMEOUT)

    # --- connecting -----------------------------------------------------------------

    def _ready_link(self, messages: Sequence[Message], give_up: Callable[[], bool]) -> Link:
        self._declare({(each.exchange, each.topic) for each in messages})
        if self._link is None:
            self._link = Link(
                self._broker,
                "relay",
                self._declare_known,
                self._on_lost,
                publish_only=True,
                impatient=True,
            )
            self._link.start()
        waited = 0.0
        while not self._link.wait_ready(_LOOK):
            waited += _LOOK
            if give_up() or waited >= _CONNECT_SECONDS:
                raise BusError(f"the broker {self._broker.address} is not connected")
        return self._link

    def _declare(self, places: set[tuple[str, str]]) -> None:
        """Declare the queues that were not yet needed, over a connection for that alone.

        The link's own must not wait for the broker's answers once it is at work.
        """
        new = [place for place in places if place not in self._known]
        if not new:
            return
        try:
            connection = self._broker.connect("relay-declare")
        except _BROKER_ERRORS:
            self._broker.switch_host()
            raise
        try:
            for exchange, topic in new:
                queue = queues.topic_queue(self._broker.options, exchange, topic)
                self._known[exchange, topic] = queues.declare(connection, queue)
        finally:
            connection.close()

    # --- in the link's thread -------------------------------------------------------

    def _declare_known(self, connection: Any) -> None:
        for queue in list(self._known.values()):
            queues.declare(connection, queue)

    def _on_lost(self) -> None:
        if self._batch is not None:
            self._batch.fail("the connection was lost")
        if self._link is not None:
            self._link.publisher.forget()

    def _publish(self, link: Link, batch: _Batch, messages: Sequence[Message]) -> None:
        self._batch = batch
        if not link.ready:
            batch.fail("the connection was lost")
        for number, message in enumerate(messages):
            if batch.over.is_set():
                return
            link.publisher.publish(
                Publication(
                    message.topic,
                    message.body,
                    exchange=message.exchange,
                    headers=message.headers,
                    on_settled=functools.partial(batch.settle, number),
                    repeats=False,
                )
            )


class _Batch:
    """Messages under way: which of them are settled, and whether that is all to wait for."""

    def __init__(self, size: int) -> None:
        self.over = threading.Event()
        self.failure = ""
        self.confirmed = 0
        self._settled = [False] * size
        self._lock = threading.Lock()

    def settle(self, number: int, fate: Fate) -> None:
        """Note the fate of a message."""
        if fate is not Fate.CONFIRMED:
            self.fail(f"the message is {fate.value}")
            return
        with self._lock:
            if self.over.is_set():
                return
            self._settled[number] = True
            while self.confirmed < len(self._settled) and self._settled[self.confirmed]:
                self.confirmed += 1
            if self.confirmed == len(self._settled):
                self.over.set()

    def fail(self, reason: str) -> None:
        """Wait no longer: what is not confirmed by now counts as not sent."""
        with self._lock:
            if not self.over.is_set():
                self.failure = reason
                self.over.set()
