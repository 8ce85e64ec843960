"""The intake: requests from AMQP to the handler, never lost and never done twice.

What the worker has not started stays the broker's: at most ``[worker] prefetch`` requests
are in hand, and each is acknowledged only after its work was committed and its answer
confirmed.  A request that comes again gets the answer of the first time, from the handler.
"""

from __future__ import annotations

import functools
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from oslo_config import cfg

from ipamd.rpc import envelope, queues
from ipamd.rpc.acks import Acks
from ipamd.rpc.bodies import COMPRESSION, decompress, to_utf8
from ipamd.rpc.broker import Broker
from ipamd.rpc.deliveries import Deliveries, Delivery
from ipamd.rpc.dispatch import (
    MAX_SHARING,
    Answer,
    Apart,
    Bury,
    Count,
    Dispatcher,
    Handler,
    Outcome,
    Postpone,
    Repeat,
)
from ipamd.rpc.jobs import REDELIVERIES_HEADER, Job, deadline
from ipamd.rpc.link import Action, Link
from ipamd.rpc.publisher import MAX_BODY, Fate, Publication, for_ever
from ipamd.rpc.replies import Replies
from ipamd.rpc.todo import Todo
from ipamd.rpc.transport import EXCHANGE, TOPIC

LOG = logging.getLogger(__name__)

_CLOSE_TIMEOUT = 5.0
_UNROUTABLE_PAUSE = 1.0
# While stopping: between two looks whether all has left.
_DRAIN_PAUSE = 0.05


class Intake:
    """Takes requests for ``topic`` and gives them to ``handler`` in a pool of threads."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        handler: Handler,
        *,
        topic: str = TOPIC,
        server: str | None = None,
    ) -> None:
        """Read the configuration; nothing is connected before ``start()``.

        ``server`` names this worker in ``<topic>.<server>``; default: the host's name.
        """
        # Told of each request, in the thread that worked on it, and of each message that
        # goes to the dead-letter queue.
        self.on_outcome: Callable[[Job, Outcome], None] = lambda _job, _outcome: None
        self.on_dead_letter: Callable[[], None] = lambda: None
        broker = Broker(conf)
        self._options = broker.options
        self._worker = conf.worker
        self._topic = topic
        self._link = Link(broker, "intake", self._consume, self._on_lost, on_round=self._send_acks)
        self._replies = Replies(
            self._link, float(self._options.kombu_missing_consumer_retry_timeout)
        )
        self._dispatcher = Dispatcher(
            handler,
            self._worker.max_redeliveries,
            enforce_context=conf.rpc.enforce_context,
        )
        server_name = f"{topic}.{server or socket.gethostname()}"
        self._queues = [
            queues.topic_queue(self._options, EXCHANGE, topic),
            queues.topic_queue(self._options, EXCHANGE, server_name),
            queues.fanout_queue(self._options, topic),
        ]
        self._todo = Todo(MAX_SHARING)
        self._threads = [
            threading.Thread(target=self._work, name=f"ipamd-request-{number}", daemon=True)
            for number in range(self._worker.threads)
        ]
        # Only the link's thread touches these.
        self._channel: Any = None
        self._acks = Acks(None)
        self._session = 0
        self._in_hand: dict[object, Job] = {}
        self._stopping = False
        self._drained = threading.Event()
        self._stopped = threading.Event()
        self._stop_lock = threading.Lock()

    # --- life -----------------------------------------------------------------------

    def start(self) -> None:
        """Start working; the broker is connected in the background, however long it takes."""
        for thread in self._threads:
            thread.start()
        self._link.start()

    @property
    def ready(self) -> bool:
        """Whether requests are being taken at this moment."""
        return self._link.ready and not self._stopping

    @property
    def in_hand(self) -> int:
        """How many requests were taken from the broker and are not acknowledged yet."""
        return len(self._in_hand)

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Wait until requests are taken; False when ``timeout`` seconds pass first."""
        return self._link.wait_ready(timeout)

    def stop(self) -> None:
        """Take nothing new, finish what is in hand, and close.

        What is not finished within ``[worker] drain_timeout`` goes back to the broker,
        for another worker.
        """
        with self._stop_lock:
            if self._stopped.is_set():
                return
            if self._link.started:
                self._link.call_soon(self._begin_to_stop)
                if not self._drained.wait(self._worker.drain_timeout):
                    LOG.warning("requests were still in hand at the end of drain_timeout")
                for _thread in self._threads:
                    self._todo.end()
                self._link.close(_CLOSE_TIMEOUT)
            self._stopped.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the intake has stopped; False when ``timeout`` seconds pass first."""
        return self._stopped.wait(timeout)

    def _begin_to_stop(self) -> None:
        self._stopping = True
        if self._channel is not None:
            for each in self._queues:
                self._channel.basic_cancel(each.name, nowait=True)
        self._watch_draining()

    def _watch_draining(self) -> None:
        # Besides the jobs' answers there are refusals, copies of answers and signs of
        # life on their way to the broker; what settles last need not be a job.
        self._check_drained()
        if not self._drained.is_set():
            self._link.call_later(_DRAIN_PAUSE, self._watch_draining)

    def _check_drained(self) -> None:
        # Without a broker no answer can leave: then it is enough that nobody works.
        if not self._stopping or any(job.at_work for job in self._in_hand.values()):
            return
        if self._link.ready and (self._in_hand or not self._link.publisher.idle):
            return
        if self._channel is not None:
            self._delete_fanout_queue(self._channel)
        self._drained.set()

    def _delete_fanout_queue(self, channel: Any) -> None:
        if not self._options.rabbit_stream_fanout:
            channel.queue_delete(self._queues[-1].name, nowait=True)

    # --- messages, in the link's thread -----------------------------------------------

    def _consume(self, connection: Any) -> None:
        if self._stopping:
            return
        for own in (
            queues.retry_queue(self._options, self._topic),
            queues.dead_queue(self._options, self._topic),
        ):
            queues.declare(connection, own)
        self._queues = [queues.declare(connection, each) for each in self._queues]
        channel = connection.channel()
        channel.basic_qos(0, self._worker.prefetch, False)
        self._session += 1
        self._channel, self._acks = channel, Acks(channel)
        Deliveries(channel, self._on_delivery)
        for each in self._queues:
            channel.basic_consume(
                each.name, consumer_tag=each.name, arguments=dict(each.consumer_arguments)
            )

    def _on_lost(self) -> None:
        self._channel = None
        self._check_drained()

    def _on_delivery(self, delivery: Delivery) -> None:
        self._acks.delivered(delivery.tag)
        if self._stopping:
            return  # not acknowledged: the broker takes it back when we close
        headers = dict(delivery.properties.get("application_headers") or {})
        if "x-stream-offset" in headers:
            self._go_on_after(delivery.consumer_tag, headers["x-stream-offset"])
        known_by = (self._session, delivery.tag)
        try:
            encoding = delivery.properties.get("content_encoding", envelope.CONTENT_ENCODING)
            body = to_utf8(decompress(delivery.body, headers, MAX_BODY), encoding)
            request = envelope.parse(body)
        except envelope.Malformed as malformed:
            self._refuse(delivery.body, headers, malformed, known_by)
            return
        headers.pop(COMPRESSION, None)  # what is published anew is not compressed
        # One message is one job, however often and from whichever queue it comes.
        reply_to = request.reply_to
        key = (request.unique_id, reply_to and reply_to.msg_id) if request.unique_id else known_by
        known = self._in_hand.get(key)
        if known is not None:
            known.deliveries.append(known_by)
            return
        job = Job(
            request=request,
            key=key,
            queue=delivery.consumer_tag,
            body=body,
            headers=headers,
            redelivered=delivery.redelivered,
            deadline=deadline(delivery.properties, headers),
            deliveries=[known_by],
        )
        self._in_hand[key] = job
        self._replies.monitor(job)
        if self._dispatcher.may_share(job):
            self._todo.put_sharing(job)
        else:
            self._todo.put(job)

    def _go_on_after(self, queue: str, offset: int) -> None:
        """Have the next session read a stream from behind what has come of it."""
        after = {"x-stream-offset": offset + 1}
        self._queues = [
            replace(each, consumer_arguments=after) if each.name == queue else each
            for each in self._queues
        ]

    def _refuse(
        self,
        raw: bytes,
        headers: dict[str, Any],
        malformed: envelope.Malformed,
        delivery: tuple[int, int],
    ) -> None:
        LOG.warning("a message was refused: %s", malformed)
        to = malformed.reply_to
        acknowledge = functools.partial(self._acknowledge, [delivery])
        if to is not None:
            body = envelope.answer(to, failure=malformed.failure)
            self._replies.send(to, body, acknowledge)
        else:
            self._bury(raw, headers, str(malformed), acknowledge)

    # --- work, in the pool's threads ----------------------------------------------------

    def _work(self) -> None:
        while job := self._todo.get():
            if isinstance(job, Job):
                outcomes = [(job, self._dispatcher.process(job))]
            else:
                outcomes = self._work_together()
            for done in outcomes:
                self.on_outcome(*done)
            self._link.call_soon(
                *(functools.partial(self._settle, job, outcome) for job, outcome in outcomes)
            )

    def _work_together(self) -> list[tuple[Job, Outcome]]:
        with self._todo.turn:
            jobs = self._todo.take_sharing()
            served = self._dispatcher.serve_together(jobs)
        # The next ones need not wait until these have their answers written.
        return [(job, self._dispatcher.conclude(job, result)) for job, result in served]

    # --- outcomes, in the link's thread -------------------------------------------------

    def _settle(self, job: Job, outcome: Outcome) -> None:
        job.at_work = False
        done = functools.partial(self._finish, job)
        match outcome:
            case Answer(body, headers):
                self._answer(job, body, done, headers)
            case Repeat(delay):
                job.repeats += 1
                job.at_work = True
                self._link.call_later(delay, functools.partial(self._todo.put, job))
            case Apart():
                job.at_work = job.apart = True
                self._todo.put(job)
            case Postpone():
                self._part_with(job)
                headers = job.republished_headers()
                self._move(f"{self._topic}.retry", job.body, headers, done)
            case Count(redeliveries):
                self._part_with(job)
                headers = job.republished_headers(**{REDELIVERIES_HEADER: redeliveries})
                self._move(job.queue, job.body, headers, done, job.milliseconds_left)
            case Bury(reason, body):
                self._part_with(job)
                answer = functools.partial(self._answer, job, body, done)
                self._bury(job.body, job.republished_headers(), reason, answer)

    def _part_with(self, job: Job) -> None:
        """Keep a message in hand that is about to be published anew, but know it no more.

        The broker may deliver the copy before it has confirmed it: that is a job of its
        own, not one more delivery of this one, to be acknowledged with it.
        """
        del self._in_hand[job.key]
        job.key = job
        self._in_hand[job.key] = job

    def _answer(
        self,
        job: Job,
        body: bytes | None,
        done: Action,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        job.monitored = False
        if body is None or job.request.reply_to is None:
            done()
        else:
            self._replies.send(job.request.reply_to, body, done, headers)

    def _bury(self, body: bytes, headers: dict[str, Any], reason: str, done: Action) -> None:
        self.on_dead_letter()
        headers = {**headers, "x-ipamd-reason": reason[:200]}
        self._move(f"{self._topic}.dead", body, headers, done)

    def _move(
        self,
        routing_key: str,
        body: bytes,
        headers: dict[str, Any],
        done: Action,
        milliseconds_left: Callable[[], int | None] = for_ever,
    ) -> None:
        """Publish a message anew, and call ``done()`` once the broker has it."""

        def settled(fate: Fate) -> None:
            if fate is Fate.CONFIRMED:
                done()
            else:  # someone deleted the queue; it is declared again with the next session
                LOG.error("queue %s does not exist, trying again", routing_key)
                self._link.call_later(_UNROUTABLE_PAUSE, publish)

        def publish() -> None:
            self._link.publisher.publish(
                Publication(
                    routing_key,
                    body,
                    headers=headers,
                    milliseconds_left=milliseconds_left,
                    on_settled=settled,
                )
            )

        publish()

    def _finish(self, job: Job) -> None:
        job.monitored = False
        self._in_hand.pop(job.key, None)
        self._acknowledge(job.deliveries)
        self._check_drained()

    def _acknowledge(self, deliveries: list[tuple[int, int]]) -> None:
        for session, tag in deliveries:
            # What came by a connection that is gone is delivered again, and answered so.
            if session == self._session and self._channel is not None:
                self._acks.settle(tag)

    def _send_acks(self) -> None:
        if self._channel is not None:
            self._acks.flush()
