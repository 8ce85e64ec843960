"""Our queues are oslo.messaging's: each side starts first, none refuses the other's."""

from __future__ import annotations

from typing import Any

import oslo_messaging
import pytest
from oslo_config import cfg

from ipamd.rpc import queues, transport
from ipamd.rpc.broker import Broker
from tests.rpc.support import Worker, make_conf, plain_client, serving
from tests.services.waiting import wait_until

RABBIT = "oslo_messaging_rabbit__"
OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "durable": {"amqp_durable_queues": True},
    "auto-delete": {"amqp_auto_delete": True},
    "quorum": {"rabbit_quorum_queue": True},
    "quorum with limits": {
        "rabbit_quorum_queue": True,
        "rabbit_quorum_delivery_limit": 7,
        "rabbit_quorum_max_memory_length": 1000,
        "rabbit_quorum_max_memory_bytes": 1_000_000,
    },
    "all quorum": {"rabbit_quorum_queue": True, "rabbit_transient_quorum_queue": True},
    "fanout by stream": {
        "rabbit_quorum_queue": True,
        "rabbit_transient_quorum_queue": True,
        "rabbit_stream_fanout": True,
        "rabbit_qos_prefetch_count": 10,
    },
    "no expiry": {"rabbit_transient_queues_ttl": 0},
}


class Endpoint:
    """An oslo.messaging endpoint with the method of the test's handler."""

    target = oslo_messaging.Target(version="1.0")

    def echo(self, _context: dict[str, Any], **args: Any) -> dict[str, Any]:
        return args


def oslo_server(conf: cfg.ConfigOpts) -> Any:
    # Part of oslo.messaging's server reads the global configuration alone.
    transport.register_opts(cfg.CONF)
    cfg.CONF([], project="ipamd-test", default_config_files=[])
    bus = transport.rpc_transport(conf)
    target = oslo_messaging.Target(exchange="ipamd", topic="ipam", server="shared")
    return oslo_messaging.get_rpc_server(bus, target, [Endpoint()])


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("ours_first", [True, False], ids=["ours first", "theirs first"])
def test_queues_are_shared_with_an_oslo_messaging_server(
    transport_url: str, worker: Worker, channel: Any, options: dict[str, Any], ours_first: bool
) -> None:
    conf = make_conf(transport_url, **{RABBIT + name: value for name, value in options.items()})
    server = oslo_server(conf)
    query = "&".join(f"{name}={value}" for name, value in options.items())
    if not ours_first:
        server.start()
    with (
        serving(conf, worker, server="shared"),
        plain_client(f"{transport_url}?{query}") as client,
    ):
        if ours_first:
            server.start()
        # An oslo.messaging server consumes some time after it has started.
        wait_until(lambda: channel.queue_declare("ipam", passive=True).consumer_count == 2)
        answered = [client.call({}, "echo", number=number) for number in range(8)]
        assert answered == [{"number": number} for number in range(8)]
        assert 0 < worker.count("echo") < 8  # both took some
        client.prepare(fanout=True).cast({}, "echo")
        server.stop()
        server.wait()
    server.transport.cleanup()  # else its heartbeats go on when the virtual host is gone


def test_durable_options_are_dropped_where_the_queue_is_not(
    transport_url: str, worker: Worker
) -> None:
    first = make_conf(transport_url)
    second = make_conf(transport_url, **{RABBIT + "amqp_durable_queues": True})
    with serving(first, worker), serving(second, worker), plain_client(transport_url) as client:
        assert client.call({}, "echo", a=1) == {"a": 1}


def test_url_query_overrides_options(transport_url: str) -> None:
    broker = Broker(make_conf(transport_url + "?rabbit_quorum_queue=True"))
    queue = queues.topic_queue(broker.options, "ipamd", "ipam")
    assert queue.arguments == {"x-queue-type": "quorum"}
    assert queue.durable


def test_pause_grows_after_each_round_of_hosts() -> None:
    broker = Broker(make_conf("rabbit://one:1,two:2//", **{RABBIT + "rabbit_interval_max": 4}))
    assert [broker.pause(failures) for failures in range(1, 9)] == [0, 1, 0, 3, 0, 4, 0, 4]
    tried = [broker.address]
    for _ in range(3):
        broker.switch_host()
        tried.append(broker.address)
    assert sorted(tried[:2]) == ["one:1", "two:2"]
    assert tried[:2] == tried[2:]
