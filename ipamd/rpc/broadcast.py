"""One question to every worker at once, and the answers that come within a time.

It goes to the fanout exchange, of which each worker has a queue of its own.  How many
ought to answer is known from the broker: each has one consumer on the common queue.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import amqp
from amqp.exceptions import AMQPError, NotFound
from oslo_config import cfg

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.rpc import envelope
from ipamd.rpc.broker import Broker
from ipamd.rpc.transport import TOPIC, version_of


@dataclass
class Round:
    """What the broker and the workers said; an answer is a result or an error.

    ``workers``: how many take requests.  Of messages are counted those that wait in the
    common queue, in the dead-letter queue, and there to be tried again.
    """

    address: str
    workers: int
    waiting: int
    postponed: int
    dead: int
    answers: list[Any] = field(default_factory=list)


def ask_workers(conf: cfg.ConfigOpts, method: str, timeout: float) -> Round:
    """Call ``method``, which takes no arguments, in every worker that takes requests.

    Ends when all have answered, or after ``timeout`` seconds.

    Raises: Unavailable when no host of the broker can be reached
    """
    with _connection(conf) as (connection, address):
        waiting, workers = _queue(connection, TOPIC)
        found = Round(
            address,
            workers,
            waiting,
            postponed=_queue(connection, f"{TOPIC}.retry")[0],
            dead=_queue(connection, f"{TOPIC}.dead")[0],
        )
        if workers:
            _ask(connection, method, timeout, found)
        return found


def _ask(connection: Any, method: str, timeout: float, found: Round) -> None:
    channel = connection.channel()
    mine = channel.queue_declare(exclusive=True, auto_delete=True).queue
    msg_id = uuid.uuid4().hex

    def collect(message: Any) -> None:
        answered, result, failure, is_last = envelope.parse_answer(message.body)
        if answered == msg_id and is_last:
            found.answers.append(result if failure is None else envelope.rebuild(failure))

    channel.basic_consume(mine, no_ack=True, callback=collect)
    body = envelope.request(
        method,
        {},
        RequestContext(overwrite=False).to_dict(),
        version=version_of(method),
        unique_id=uuid.uuid4().hex,
        reply_to=envelope.ReplyTo(mine, msg_id),
    )
    message = amqp.Message(
        body,
        content_type=envelope.CONTENT_TYPE,
        content_encoding=envelope.CONTENT_ENCODING,
        expiration=str(int(timeout * 1000)),
    )
    channel.basic_publish(message, f"{TOPIC}_fanout", TOPIC)
    until = time.monotonic() + timeout
    while len(found.answers) < found.workers and (left := until - time.monotonic()) > 0:
        try:
            connection.drain_events(timeout=left)
        except TimeoutError:
            return


def _queue(connection: Any, name: str) -> tuple[int, int]:
    """Return how many messages wait in a queue, and how many consumers it has."""
    channel = connection.channel()
    try:
        declared = channel.queue_declare(name, passive=True)
    except NotFound:
        return 0, 0  # no worker has been there yet
    channel.close()
    return declared.message_count, declared.consumer_count


@contextmanager
def _connection(conf: cfg.ConfigOpts) -> Iterator[tuple[Any, str]]:
    """Give a connection to one of the broker's hosts, and that host's address."""
    broker = Broker(conf)
    try:
        connection = _connect(broker)
        try:
            yield connection, broker.address
        finally:
            connection.close()
    except (OSError, AMQPError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        text = f"The message broker cannot be used: {broker.address}: {reason}"
        raise errors.Unavailable(text) from error


def _connect(broker: Broker) -> Any:
    for _ in range(broker.hosts - 1):
        try:
            return broker.connect("status")
        except (OSError, AMQPError):
            broker.switch_host()
    return broker.connect("status")
