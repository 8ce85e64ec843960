"""Calls over AMQP that end at their deadline, whatever happens to the broker.

The wire is oslo.messaging's, the connection our own (``link.py``): oslo.messaging's client
blocks without limit while it makes its first connection, may send a request after its
caller has given up, and cannot tell that no worker's queue exists.  Here the caller only
waits on its own answer; the link's thread sends the request, and sends the *same* message
again when the broker was lost or no answer came.  Workers know it by its unique id, so it
is done once.
"""

from __future__ import annotations

import functools
import logging
import os
import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from amqp import AMQPError
from oslo_config import cfg

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.rpc import envelope, queues
from ipamd.rpc.bodies import decompress
from ipamd.rpc.broker import Broker
from ipamd.rpc.deliveries import Deliveries, Delivery
from ipamd.rpc.link import Link
from ipamd.rpc.publisher import MAX_BODY, REFUSED_PAUSE, Fate, Publication
from ipamd.rpc.transport import EXCHANGE, TOPIC, version_of

LOG = logging.getLogger(__name__)

# Seconds after which an unanswered request is sent again; doubled each time.
_FIRST_RESEND = 5.0
# Seconds between attempts while no worker has a queue, or the twin of a resent request
# is still being worked on.
_RETRY_PAUSE = 0.5
# That of 65,536 addresses has 21 MB.
_LONGEST_ANSWER = 2**29
_CLOSE_TIMEOUT = 5.0
# The part of a caller's time after which no answer makes it look whether there are workers.
_LATE = 0.8


class Caller(Protocol):
    """What gives requests to the service: in the same process, or over AMQP."""

    def call(
        self,
        context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        *,
        timeout: float | None = None,
    ) -> Any:
        """Do ``method`` and return its result.

        Raises: IpamError, of the class that the operation raised.
        """

    def cast(self, context: RequestContext, method: str, args: Mapping[str, Any]) -> None:
        """Hand ``method`` over; an event tells how it ended.

        Raises: IpamError when it could not be handed over.
        """


@dataclass(eq=False, slots=True)
class _Pending:
    """A request that its caller still waits for.

    ``outcome`` gets (result, None) or (None, error); a cast ends when a queue has it.
    """

    msg_id: str
    is_cast: bool
    deadline: float
    body: Callable[[str], bytes]
    outcome: queue.SimpleQueue[tuple[Any, errors.IpamError | None]]
    lock: threading.Lock = field(default_factory=threading.Lock)
    given_up: bool = False
    sends: int = 0
    trouble: errors.IpamError | None = None
    unserved: bool = False

    def seconds_left(self) -> float:
        """Return the rest of the caller's time."""
        return self.deadline - time.monotonic()

    def milliseconds_left(self) -> int | None:
        """Return the same as the message's time to live; a cast has none."""
        return None if self.is_cast else max(1, int(self.seconds_left() * 1000))

    def begin_to_send(self) -> bool:
        """Count one more sending; False when the caller has given up."""
        with self.lock:
            if self.given_up or self.seconds_left() <= 0:
                return False
            self.sends += 1
            return True

    def give_up(self) -> errors.IpamError:
        """End the request for its caller: nothing of it is sent from now on."""
        with self.lock:
            self.given_up = True
            if self.trouble is not None:
                return self.trouble
            if self.sends and self.unserved:
                return errors.Unavailable("No worker serves this request")
            if self.sends:
                return errors.RequestTimeout()
            return errors.Unavailable("The message broker cannot be reached")


class _Session:
    """The link of one process, its reply queue and its open requests.

    ``_open`` belongs to the link's thread.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.pid = os.getpid()
        self._broker = broker = Broker(conf)
        self._looking = False
        self._options = broker.options
        self._replies = queues.reply_queue(self._options)
        self._open: dict[str, _Pending] = {}
        self._channel: Any = None
        self._link = Link(
            broker, "caller", self._consume, self._on_lost, self._send_open, impatient=True
        )
        self._link.start()

    def away_for(self) -> float:
        """Return for how many seconds there has been no broker."""
        return self._link.away_for()

    def submit(self, pending: _Pending) -> None:
        self._link.call_soon(functools.partial(self._accept, pending))

    def withdraw(self, pending: _Pending) -> None:
        self._link.call_soon(lambda: self._forget(pending))

    def close(self) -> None:
        self._link.call_soon(self._delete_reply_queue)
        self._link.close(_CLOSE_TIMEOUT)

    # --- in the link's thread -------------------------------------------------------

    def _consume(self, connection: Any) -> None:
        queues.declare_exchange(connection, queues.topic_exchange(self._options, EXCHANGE))
        self._replies = queues.declare(connection, self._replies)
        self._channel = connection.channel()
        Deliveries(self._channel, self._on_answer)
        self._channel.basic_consume(
            self._replies.name,
            consumer_tag=self._replies.name,
            no_ack=True,
            arguments=dict(self._replies.consumer_arguments),
        )

    def _on_lost(self) -> None:
        self._channel = None
        # What was under way is sent anew, with the time that is left by then.
        self._link.publisher.forget()

    def _delete_reply_queue(self) -> None:
        if self._channel is not None:
            self._channel.basic_cancel(self._replies.name, nowait=True)
            self._channel.queue_delete(self._replies.name, nowait=True)

    def _accept(self, pending: _Pending) -> None:
        self._open[pending.msg_id] = pending
        self._send(pending)
        if not pending.is_cast:
            self._resend_later(pending, _FIRST_RESEND)
            late = pending.seconds_left() * _LATE
            # By its id: most requests are answered and forgotten long before.
            look = functools.partial(self._look_for_workers, pending.msg_id)
            self._link.call_later(late, look)

    def _forget(self, pending: _Pending) -> None:
        self._open.pop(pending.msg_id, None)

    def _send_open(self) -> None:
        for pending in list(self._open.values()):
            self._send(pending)

    def _resend_later(self, pending: _Pending, delay: float) -> None:
        def resend() -> None:
            if pending.msg_id in self._open:
                LOG.info("request %s: no answer yet, sent again", pending.msg_id)
                self._send(pending)
                self._resend_later(pending, delay * 2)

        self._link.call_later(delay, resend)

    def _look_for_workers(self, msg_id: str) -> None:
        """Find out why there is no answer; one look is for all that are late at a time."""
        if msg_id in self._open and self._link.ready and not self._looking:
            self._looking = True
            threading.Thread(target=self._count_workers, name="ipamd-look", daemon=True).start()

    def _count_workers(self) -> None:
        """Ask the broker, on a connection that may wait for what it says, in a thread."""
        found: int | None = None
        try:
            found = queues.consumers(self._broker.connect("caller-look"), TOPIC)
        except (OSError, AMQPError) as error:
            LOG.info("the workers could not be counted: %s", error)
        self._link.call_soon(lambda: self._on_counted(found))

    def _on_counted(self, found: int | None) -> None:
        self._looking = False
        for pending in self._open.values():
            pending.unserved = found == 0

    def _send(self, pending: _Pending) -> None:
        if pending.msg_id not in self._open or not self._link.ready:
            return
        # Whether its caller still waits is asked when it is written: a broker that is short
        # of memory may let it wait here for longer.
        self._link.publisher.publish(
            Publication(
                TOPIC,
                pending.body(self._replies.name),
                exchange=EXCHANGE,
                milliseconds_left=pending.milliseconds_left,
                is_due=pending.begin_to_send,
                on_settled=functools.partial(self._on_sent, pending),
                repeats=False,
            )
        )

    def _on_sent(self, pending: _Pending, fate: Fate) -> None:
        if fate is Fate.UNROUTABLE:
            pending.trouble = errors.Unavailable("No worker serves this request")
            self._link.call_later(_RETRY_PAUSE, lambda: self._send(pending))
            return
        if fate is Fate.REFUSED:
            self._link.call_later(REFUSED_PAUSE, lambda: self._send(pending))
            return
        pending.trouble = None
        if pending.is_cast:
            self._end(pending, None, None)

    def _on_answer(self, delivery: Delivery) -> None:
        headers = delivery.properties.get("application_headers") or {}
        try:
            body = decompress(delivery.body, headers, _LONGEST_ANSWER)
            msg_id, result, failure, is_last = envelope.parse_answer(body)
        except envelope.Malformed as malformed:
            LOG.warning("an answer was not understood: %s", malformed)
            return
        pending = self._open.get(msg_id)
        if pending is None or not is_last:
            return
        error = None if failure is None else envelope.rebuild(failure)
        if isinstance(error, errors.RequestInProgress) and pending.sends > 1:
            # The twin that we sent ourselves: ask again for its answer.
            pending.trouble = error
            self._link.call_later(_RETRY_PAUSE, lambda: self._send(pending))
            return
        self._end(pending, result, error)

    def _end(self, pending: _Pending, result: Any, error: errors.IpamError | None) -> None:
        self._forget(pending)
        pending.outcome.put((result, error))


class RpcCaller:
    """Sends requests to the workers; safe to use from many threads.

    Its connection is made with the first request, in the process that makes it: it may be
    created before a fork.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        *,
        timeout: float | None = None,
        patience: float | None = None,
    ) -> None:
        """Keep the configuration.

        ``timeout``: seconds, default ``[api] rpc_timeout``. ``patience``: seconds after
        which a call gives up on a broker or a worker's queue that is away; default: it
        waits until its timeout.
        """
        self._conf = conf
        self._timeout = float(timeout or conf.api.rpc_timeout)
        self._patience = patience
        self._lock = threading.Lock()
        self._session: _Session | None = None

    def call(
        self,
        context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        *,
        timeout: float | None = None,
    ) -> Any:
        """Do ``method`` in a worker and return its result, within ``timeout`` seconds.

        Raises:
            RequestTimeout: it was sent, and no answer came; it may have been done.
            Unavailable: there was no broker, no worker's queue, or nobody who read it.
            IpamError: what the worker raised.
        """
        return self._request(context, method, args, timeout, is_cast=False)

    def cast(self, context: RequestContext, method: str, args: Mapping[str, Any]) -> None:
        """Put ``method`` into the workers' queue; return when the broker has it.

        Raises: Unavailable or RequestTimeout when the broker did not take it in time.
        """
        self._request(context, method, args, None, is_cast=True)

    def close(self) -> None:
        """Close the connection; a later request opens a new one."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None and session.pid == os.getpid():
            session.close()

    def _request(
        self,
        context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        timeout: float | None,
        *,
        is_cast: bool,
    ) -> Any:
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        msg_id, unique_id = uuid.uuid4().hex, uuid.uuid4().hex
        values = context.to_dict()

        def body(reply_queue: str) -> bytes:
            to = None if is_cast else envelope.ReplyTo(reply_queue, msg_id)
            return envelope.request(
                method, args, values,
                version=version_of(method), unique_id=unique_id, reply_to=to,
            )  # fmt: skip

        try:
            size = len(body(""))
        except (TypeError, ValueError) as error:
            raise errors.BadRequest(f"The arguments are no JSON values: {error}") from None
        if size > MAX_BODY:
            raise errors.BadRequest(f"The request is larger than {MAX_BODY} bytes")
        pending = _Pending(msg_id, is_cast, deadline, body, queue.SimpleQueue())
        session = self._open_session()
        if self._patience is not None and session.away_for() >= self._patience:
            raise errors.Unavailable("The message broker cannot be reached")
        session.submit(pending)
        try:
            result, failure = self._await(session, pending)
        except queue.Empty:
            session.withdraw(pending)
            raise pending.give_up() from None
        if failure is not None:
            raise failure
        return result

    def _await(self, session: _Session, pending: _Pending) -> tuple[Any, errors.IpamError | None]:
        """Wait for the outcome, as long as there is time, patience and hope.

        Raises: queue.Empty
        """
        if self._patience is None:
            return pending.outcome.get(timeout=max(0.0, pending.seconds_left()))
        began = time.monotonic()
        while True:
            away = session.away_for()
            if isinstance(pending.trouble, errors.Unavailable):
                away = max(away, time.monotonic() - began)
            wait = min(pending.seconds_left(), self._patience - away)
            try:
                return pending.outcome.get(timeout=max(0.0, wait))
            except queue.Empty:
                if wait <= 0:
                    raise

    def _open_session(self) -> _Session:
        with self._lock:
            if self._session is None or self._session.pid != os.getpid():
                self._session = _Session(self._conf)
            return self._session
