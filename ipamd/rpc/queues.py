"""Exchanges and queues, declared exactly as oslo.messaging's RabbitMQ driver declares them.

Same names, same arguments for the same options: an oslo.messaging client or server on
the same virtual host shares them without PRECONDITION_FAILED.  ``ipam.retry`` and
``ipam.dead`` are the service's own.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from amqp.exceptions import NotFound, PreconditionFailed

LOG = logging.getLogger(__name__)

# Milliseconds a cast waits in the retry queue before it is delivered again.
RETRY_DELAY_MS = 2000


@dataclass(frozen=True)
class Exchange:
    """An exchange to declare."""

    name: str
    type: str
    durable: bool
    auto_delete: bool


@dataclass(frozen=True)
class Queue:
    """A queue to declare, and to bind by ``routing_key`` where it has an exchange."""

    name: str
    durable: bool
    auto_delete: bool = False
    exchange: Exchange | None = None
    routing_key: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    consumer_arguments: Mapping[str, Any] = field(default_factory=dict)


def is_durable(options: Any) -> bool:
    """Tell whether the topic exchange and its queues survive a broker's restart."""
    return bool(options.amqp_durable_queues or options.rabbit_quorum_queue)


def topic_exchange(options: Any, name: str) -> Exchange:
    """Return the exchange that requests are published to."""
    return Exchange(name, "topic", is_durable(options), options.amqp_auto_delete)


def topic_queue(options: Any, exchange: str, name: str) -> Queue:
    """Return the queue that all workers (``ipam``) or one (``ipam.<server>``) read."""
    return Queue(
        name,
        is_durable(options),
        options.amqp_auto_delete,
        topic_exchange(options, exchange),
        routing_key=name,
        arguments=_arguments(options, quorum=options.rabbit_quorum_queue),
        consumer_arguments=_consumer_arguments(options),
    )


def fanout_queue(options: Any, topic: str) -> Queue:
    """Return this worker's queue of what is sent to every worker."""
    ttl = options.rabbit_transient_queues_ttl
    durable = bool(options.rabbit_transient_quorum_queue or options.rabbit_stream_fanout)
    exchange = Exchange(f"{topic}_fanout", "fanout", durable, True)
    if options.rabbit_stream_fanout:
        age = {"x-max-age": f"{ttl}s"} if ttl else {}
        return Queue(
            exchange.name,
            durable,
            exchange=exchange,
            routing_key=topic,
            arguments={"x-queue-type": "stream", **age},
            consumer_arguments={"x-stream-offset": "last"},
        )
    return Queue(
        f"{exchange.name}_{uuid.uuid4().hex}",
        durable,
        exchange=exchange,
        routing_key=topic,
        arguments=_arguments(options, quorum=options.rabbit_transient_quorum_queue, ttl=ttl),
        consumer_arguments=_consumer_arguments(options),
    )


def reply_queue(options: Any) -> Queue:
    """Return a queue for the answers to one process's calls."""
    quorum = bool(options.rabbit_transient_quorum_queue)
    return Queue(
        f"reply_{uuid.uuid4().hex}",
        quorum,
        arguments=_arguments(options, quorum=quorum, ttl=options.rabbit_transient_queues_ttl),
        consumer_arguments=_consumer_arguments(options),
    )


def retry_queue(options: Any, topic: str) -> Queue:
    """Return the queue where casts wait for a moment before they are delivered again."""
    back_to_topic = {
        "x-message-ttl": RETRY_DELAY_MS,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": topic,
    }
    return Queue(f"{topic}.retry", True, arguments={**_own_type(options), **back_to_topic})


def dead_queue(options: Any, topic: str) -> Queue:
    """Return the queue for requests that cannot be served, for a person to look at."""
    return Queue(f"{topic}.dead", True, arguments=_own_type(options))


def _own_type(options: Any) -> dict[str, Any]:
    return {"x-queue-type": "quorum"} if options.rabbit_quorum_queue else {}


def _arguments(options: Any, *, quorum: bool, ttl: int = 0) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    if options.rabbit_ha_queues:
        arguments["x-ha-policy"] = "all"
    if quorum:
        limits = {
            "x-delivery-limit": options.rabbit_quorum_delivery_limit,
            "x-max-in-memory-length": options.rabbit_quorum_max_memory_length,
            "x-max-in-memory-bytes": options.rabbit_quorum_max_memory_bytes,
        }
        arguments["x-queue-type"] = "quorum"
        arguments.update((key, value) for key, value in limits.items() if value)
    if ttl:
        arguments["x-expires"] = ttl * 1000
    return arguments


def _consumer_arguments(options: Any) -> dict[str, Any]:
    return {"x-cancel-on-ha-failover": True} if options.enable_cancel_on_failover else {}


def declare(connection: Any, queue: Queue) -> Queue:
    """Declare ``queue`` with its exchange and binding, and return what was declared.

    Where one of them exists as non-durable, as another service of the same bus may have
    made it, it is used as it is: oslo.messaging does the same.

    Raises: amqp.AMQPError, OSError.
    """
    try:
        _declare(connection, queue)
    except PreconditionFailed as error:
        if "inequivalent arg 'durable'" not in str(error):
            raise
        LOG.warning("queue %s exists with other options, used as it is: %s", queue.name, error)
        exchange = replace(queue.exchange, durable=False) if queue.exchange else None
        queue = replace(queue, durable=False, exchange=exchange)
        _declare(connection, queue)
    return queue


def consumers(connection: Any, name: str) -> int:
    """Return how many consumers a queue has, 0 when it does not exist; close the connection.

    Raises: OSError, amqp.AMQPError
    """
    try:
        return int(connection.channel().queue_declare(name, passive=True).consumer_count)
    except NotFound:
        return 0
    finally:
        connection.close()


def declare_exchange(connection: Any, exchange: Exchange) -> None:
    """Declare ``exchange``, or use it as it is where it exists as non-durable.

    Raises: amqp.AMQPError, OSError.
    """
    try:
        _declare_exchange(connection.channel(), exchange)
    except PreconditionFailed as error:
        if "inequivalent arg 'durable'" not in str(error):
            raise
        _declare_exchange(connection.channel(), replace(exchange, durable=False))


def _declare_exchange(channel: Any, exchange: Exchange) -> None:
    channel.exchange_declare(
        exchange.name, exchange.type, durable=exchange.durable, auto_delete=exchange.auto_delete
    )


def _declare(connection: Any, queue: Queue) -> None:
    # A refusal closes the channel, so each declaration has one of its own.
    channel = connection.channel()
    if queue.exchange is not None:
        _declare_exchange(channel, queue.exchange)
    channel.queue_declare(
        queue.name,
        durable=queue.durable,
        auto_delete=queue.auto_delete,
        exclusive=False,
        arguments=dict(queue.arguments),
    )
    if queue.exchange is not None:
        channel.queue_bind(queue.name, queue.exchange.name, queue.routing_key)
    channel.close()
