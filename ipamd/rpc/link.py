"""A link: one thread, two connections to the broker, one to consume and one to publish.

The thread alone touches them; other threads hand it what to do by ``call_soon()``.  The
two connections live and die together: when one is lost the thread closes both and tries
the hosts in turn until it has both again, for as long as the link is open.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import amqp

from ipamd.rpc.broker import Broker
from ipamd.rpc.publisher import Publisher
from ipamd.rpc.wire import Wire

LOG = logging.getLogger(__name__)

Action = Callable[[], None]
_LOST = (OSError, amqp.AMQPError, *amqp.Connection.connection_errors)
_NO_TIMER = 60.0
_TLS_PATIENCE = 0.02
# Seconds that connections must have lasted for the next attempt to be made at once.
_SETTLED = 5.0


class Link:
    """Keeps a process connected to the broker, and runs what must touch the channels.

    Called in the link's thread: ``on_connect(connection)`` each time the connections are
    up, to declare and consume; ``on_ready()`` when messages can be published as well;
    ``on_lost()`` when the connections are gone, also where they are before ``on_ready()``;
    ``on_round()`` before what one round of the loop has to say is written.  With
    ``publish_only`` there is one connection.  An ``impatient`` link connects anew when the
    broker refuses message after message.
    """

    def __init__(
        self,
        broker: Broker,
        name: str,
        on_connect: Callable[[Any], None],
        on_lost: Action,
        on_ready: Action = lambda: None,
        on_round: Action = lambda: None,
        publish_only: bool = False,
        impatient: bool = False,
    ) -> None:
        self.publisher = Publisher(self.call_later, impatient=impatient)
        self._broker = broker
        self._name = name
        self._on_connect = on_connect
        self._on_ready = on_ready
        self._on_lost = on_lost
        self._on_round = on_round
        self._publish_only = publish_only
        self._thread = threading.Thread(target=self._run, name=f"ipamd-{name}", daemon=True)
        self._connections: list[Any] = []
        self._is_known = False
        self._wires: list[Wire] = []
        self._ready = threading.Event()
        self._ready_since = 0.0
        self._away_since = time.monotonic()
        self._closing = False
        self._actions: deque[Action] = deque()
        self._woken = False
        self._timers: list[tuple[float, int, Action]] = []
        self._timer_numbers = itertools.count()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_reader, selectors.EVENT_READ)

    # --- from any thread ------------------------------------------------------------

    def start(self) -> None:
        """Start the thread; it connects by itself, and again whenever it must."""
        self._thread.start()

    def close(self, timeout: float) -> None:
        """Close the connections and end the thread, waiting ``timeout`` seconds at most."""
        self._closing = True
        self._wake()
        if self._thread.is_alive():
            self._thread.join(timeout)

    @property
    def started(self) -> bool:
        """Whether ``start()`` was called."""
        return self._thread.ident is not None

    @property
    def ready(self) -> bool:
        """Whether the broker is connected at this moment."""
        return self._ready.is_set()

    def away_for(self) -> float:
        """Return for how many seconds the broker has been away, 0 while it is connected."""
        since = self._away_since
        return 0.0 if self._ready.is_set() else time.monotonic() - since

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Wait until the broker is connected; False when ``timeout`` seconds pass first."""
        return self._ready.wait(timeout)

    def call_soon(self, *actions: Action) -> None:
        """Run ``actions`` in the link's thread, connected or not."""
        self._actions.extend(actions)
        self._wake()

    def _wake(self) -> None:
        # One byte is enough for all actions that the thread finds: it resets the flag
        # before it looks, so an action added afterwards writes another.
        if self._woken:
            return
        self._woken = True
        with contextlib.suppress(OSError):  # full: it is awake; closed: it has ended
            self._wake_writer.send(b"!")

    # --- in the link's thread -------------------------------------------------------

    def call_later(self, delay: float, action: Action) -> None:
        """Run ``action`` in ``delay`` seconds.  Called in the link's thread."""
        entry = (time.monotonic() + delay, next(self._timer_numbers), action)
        heapq.heappush(self._timers, entry)

    def _run(self) -> None:
        failures, next_attempt, ended = 0, 0.0, False
        try:
            # Not "while not closing": what came in since, and what the others had done
            # before they closed, is still to be answered.
            while not ended:
                try:
                    is_due = not self._closing and time.monotonic() >= next_attempt
                    if not self._connections and is_due:
                        self._connect()
                    ended = self._wait(None if self._connections else next_attempt)
                except Exception as error:  # noqa: BLE001 - reported; the link goes on
                    was_ready = self._ready.is_set()
                    lasted = was_ready and time.monotonic() - self._ready_since > _SETTLED
                    failures = 0 if lasted else failures + 1
                    pause = 0.0 if lasted else self._broker.pause(failures)
                    self._report(error, was_ready, pause)
                    # What is left to do is done without a connection; what fails then as
                    # well would fail for ever.
                    ended = self._closing and not self._connections and not self._actions
                    self._drop()
                    self._broker.switch_host()
                    next_attempt = time.monotonic() + pause
        finally:
            self._drop()
            self._selector.close()
            self._wake_reader.close()
            self._wake_writer.close()

    def _report(self, error: Exception, was_ready: bool, pause: float) -> None:
        text = str(error) or type(error).__name__
        what = "connection lost" if was_ready else "cannot connect"
        if not isinstance(error, _LOST):
            LOG.error("%s: unexpected error, reconnecting", self._name, exc_info=error)
        else:
            LOG.warning(
                "%s: broker %s: %s: %s; next attempt in %.1f s",
                self._name,
                self._broker.address,
                what,
                text,
                pause,
            )

    def _connect(self) -> None:
        if not self._publish_only:
            self._connections = [self._broker.connect(f"{self._name}-in")]
        publishing = self._broker.connect(f"{self._name}-out", self.publisher.set_blocked)
        self._connections.append(publishing)
        # From here on others have a channel, which must not outlive the connection.
        self._is_known = True
        self._on_connect(self._connections[0])
        self.publisher.attach(publishing.channel())
        for connection in self._connections:
            wire = Wire(connection)
            self._wires.append(wire)
            self._selector.register(connection.sock, selectors.EVENT_READ, wire)
        self._beat(self._connections)
        self._ready_since = time.monotonic()
        self._ready.set()
        LOG.info("%s: connected to broker %s", self._name, self._broker.address)
        self._on_ready()

    def _drop(self) -> None:
        """Close what is left of the connections; unacknowledged requests go back."""
        if self._ready.is_set():
            self._away_since = time.monotonic()
        self._ready.clear()
        self.publisher.detach()
        connections, self._connections = self._connections, []
        wires, self._wires = self._wires, []
        for key in list(self._selector.get_map().values()):
            if key.data in wires:
                self._selector.unregister(key.fileobj)
        for wire in wires if self._closing else ():
            self._release(wire)
        for connection in connections:
            self._forget(connection)
        was_known, self._is_known = self._is_known, False
        if was_known:
            self._on_lost()

    def _release(self, wire: Wire) -> None:
        try:
            wire.release()
        except _LOST as error:
            LOG.debug("%s: closing: %s", self._name, error)

    def _forget(self, connection: Any) -> None:
        try:
            if self._closing:
                connection.close()
        except _LOST as error:
            LOG.debug("%s: closing: %s", self._name, error)
        finally:
            connection.collect()

    def _beat(self, connections: list[Any]) -> None:
        if connections is not self._connections or not self._broker.heartbeat:
            return
        for connection in connections:
            connection.heartbeat_tick(rate=self._broker.heartbeat_rate)
        interval = self._broker.heartbeat / self._broker.heartbeat_rate / 2
        self.call_later(interval, lambda: self._beat(connections))

    def _wait(self, until: float | None) -> bool:
        """Run what is due, then wait for the broker, an action or a timer.

        Returns whether the link is to end: all that was due is done then, and said.
        """
        # In this order: what is done before the link is closed is among what is due, and
        # a close that is not seen here wakes this thread below.
        self._woken = False
        closing = self._closing
        timeout = self._run_due()
        self._on_round()
        for wire in self._wires:
            wire.flush()
        if closing:
            return True
        if until is not None:
            timeout = min(timeout, max(0.0, until - time.monotonic()))
        if self._has_buffered_data():
            timeout = 0.0
        ready = self._selector.select(timeout)
        for key, _events in ready:
            if key.data is None:
                self._drain_wakes()
            elif self._connections:
                _read(key.data)
        if timeout == 0.0:
            self._drain_buffered()
        return False

    def _run_due(self) -> float:
        while self._actions:
            self._actions.popleft()()
        while self._timers:
            left = self._timers[0][0] - time.monotonic()
            if left > 0:
                return 0.0 if self._actions else left
            heapq.heappop(self._timers)[2]()
        return 0.0 if self._actions else _NO_TIMER

    def _drain_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_reader.recv(64)

    def _has_buffered_data(self) -> bool:
        return self._broker.is_tls and any(_pending(wire) for wire in self._wires)

    def _drain_buffered(self) -> None:
        for wire in self._wires:
            if _pending(wire):
                _read(wire)


def _read(wire: Wire) -> None:
    """Read what there is; of TLS one frame, or the part of it that there is.

    Not ``drain_events()``: behind a heartbeat it would wait for the next message, and all
    that this thread has to do, its own heartbeats included, would wait with it.
    """
    if not wire.is_tls:
        wire.read()
        return
    # What made a TLS socket readable may be TLS's own; py-amqp keeps what it has read.
    with contextlib.suppress(TimeoutError):
        wire.connection.blocking_read(timeout=_TLS_PATIENCE)


def _pending(wire: Wire) -> int:
    """Return the bytes that TLS has decrypted already: no selector tells of them."""
    return int(wire.connection.sock.pending()) if wire.is_tls else 0
