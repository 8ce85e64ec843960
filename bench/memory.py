"""Group ``memory``: what a worker holds after many requests, against after a few.

The requests are casts, published as they would come from oslo.messaging but without its
cost: of ten, one allocates, one releases and eight read.
"""

from __future__ import annotations

import itertools
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import amqp

from bench.figures import Results, Target
from bench.load import resident_mb
from bench.scale import Scale
from bench.stores import TENANT, Servers, Store, opened
from ipamd.rpc import envelope, transport
from tests.integration.programs import Program
from tests.services.waiting import wait_until

_CHUNK = 2000
# An address is released so many allocations after it was handed out.
_DISTANCE = 200
_CONTEXT = {"project_id": TENANT, "request_id": "req-bench"}


def run(results: Results, servers: Servers, scale: Scale) -> None:
    """Measure a worker on the first database that workers share."""
    kind = next(kind for kind in scale.databases if kind != "sqlite")
    few, many = scale.memory_requests
    with ExitStack() as stack:
        url = stack.enter_context(servers.vhost())
        database = stack.enter_context(servers.database(kind))
        store = stack.enter_context(opened(database))
        folder = Path(tempfile.mkdtemp(dir=servers.folder))
        settings: dict[str, dict[str, object]] = {
            "DEFAULT": {"transport_url": url, "state_path": folder},
            "database": {"connection": database},
            "oslo_messaging_notifications": {"driver": "noop"},
        }
        program = Program("worker", folder, settings)
        stack.callback(program.kill)
        program.wait_for("takes requests")
        block = store.block("10.0.0.0/8")
        channel = stack.enter_context(_channel(url))
        bodies = _bodies(block)

        def memory_after(requests: int, more: int) -> float:
            _work_off(channel, itertools.islice(bodies, more))
            # The last ones are in the worker's hands.
            wait_until(lambda: _given_out(store, block) == requests // 10, timeout=60)
            return resident_mb(program.process.pid)

        before = memory_after(few, few)
        after = memory_after(many, many - few)
    results.add("memory", f"worker after {few:,} requests", [before], "MiB")
    results.add("memory", f"worker after {many:,} requests", [after], "MiB")
    name = f"worker after {many:,} requests / after {few:,}"
    results.ratio("memory", name, [after], [before], Target("<=", 1.1))


def _given_out(store: Store, block: str) -> int:
    found = store.call("get_ip_block_utilization", tenant_id=TENANT, ip_block_id=block)
    return int(found["allocated"] + found["quarantined"])


@contextmanager
def _channel(url: str) -> Iterator[Any]:
    place = urlsplit(url)
    connection = amqp.Connection(
        f"{place.hostname}:{place.port}",
        userid=place.username,
        password=place.password,
        virtual_host=place.path[1:],
    )
    connection.connect()
    try:
        yield connection.channel()
    finally:
        connection.close()


def _work_off(channel: Any, bodies: Iterable[bytes]) -> None:
    """Publish requests, never too many at once, until none is left in the queue."""
    for number, body in enumerate(bodies, 1):
        message = amqp.Message(
            body, content_type=envelope.CONTENT_TYPE, content_encoding=envelope.CONTENT_ENCODING
        )
        channel.basic_publish(message, exchange=transport.EXCHANGE, routing_key=transport.TOPIC)
        if number % _CHUNK == 0:
            wait_until(lambda: _waiting(channel) < _CHUNK, timeout=120)
    wait_until(lambda: _waiting(channel) == 0, timeout=120)


def _waiting(channel: Any) -> int:
    return int(channel.queue_declare(transport.TOPIC, passive=True).message_count)


def _bodies(block: str) -> Iterator[bytes]:
    named = {"tenant_id": TENANT, "ip_block_id": block}
    for number in itertools.count():
        if number % 10 == 0:
            body: dict[str, Any] = {"ip_address": {"interface_id": f"vif-{number % 97}"}}
            yield _body("allocate_ip_address", {**named, **body})
        elif number % 10 == 5 and number > 10 * _DISTANCE:
            address = _address(number // 10 - _DISTANCE)
            yield _body("deallocate_ip_address", {**named, "address": address})
        else:
            yield _body("get_ip_block_utilization", named)


def _address(number: int) -> str:
    """Return the address of the block that is handed out as number ``number``."""
    offset = number + 2
    return f"10.{offset >> 16}.{offset >> 8 & 255}.{offset & 255}"


def _body(method: str, arguments: dict[str, Any]) -> bytes:
    return envelope.request(method, arguments, _CONTEXT, version="1.0", unique_id=uuid.uuid4().hex)
