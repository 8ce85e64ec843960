"""A broker that refuses: a queue at its limit, or one whose leader died for good."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from ipamd.context import RequestContext
from ipamd.rpc.caller import RpcCaller
from tests.rpc.support import Worker, make_conf, serving
from tests.services.cluster import RabbitMQCluster
from tests.services.waiting import wait_until

CONTEXT = RequestContext(project_id="T1")
QUORUM = {"oslo_messaging_rabbit__rabbit_quorum_queue": True}


@pytest.mark.slow
@pytest.mark.services("rabbitmq")
@pytest.mark.timeout(240)
def test_calls_and_casts_go_on_without_the_dead_leader(worker: Worker) -> None:
    with RabbitMQCluster(3) as cluster, serving(make_conf(cluster.url, **QUORUM), worker):
        leader = cluster.leader_of("ipam")
        # Connected to a node that lives on, and with it to the leader that does not.
        hosts = ",".join(
            f"guest:guest@127.0.0.1:{node.port}" for node in cluster.nodes if node is not leader
        )
        caller = RpcCaller(make_conf(f"rabbit://{hosts}//", **QUORUM), timeout=60)
        try:
            assert caller.call(CONTEXT, "echo", {"a": 1}) == {"a": 1}
            leader.kill()
            started = time.monotonic()
            assert caller.call(CONTEXT, "echo", {"a": 2}) == {"a": 2}
            assert time.monotonic() - started < 45
            caller.cast(CONTEXT, "store", {"value": 1})
            for number in range(20):
                assert caller.call(CONTEXT, "echo", {"a": number}) == {"a": number}
        finally:
            caller.close()


def test_a_broker_that_refuses_message_after_message_is_asked_anew(
    transport_url: str,
    rabbitmq_management_url: str,
    worker: Worker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    vhost = transport_url.rpartition("/")[2]
    limit = {"max-length": 1, "overflow": "reject-publish"}
    requests.put(
        f"{rabbitmq_management_url}/api/policies/{vhost}/limit",
        json={"pattern": "^ipam$", "definition": limit, "apply-to": "queues"},
        timeout=30,
    ).raise_for_status()
    conf = make_conf(transport_url, oslo_messaging_rabbit__amqp_durable_queues=True)
    with serving(conf, worker):
        pass  # the queue is there now, and nobody reads it
    caller = RpcCaller(conf, timeout=60)
    try:
        caller.cast(CONTEXT, "store", {"value": 1})
        with ThreadPoolExecutor() as pool:
            refused = pool.submit(caller.cast, CONTEXT, "store", {"value": 2})
            wait_until(lambda: "it refused message after message" in caplog.text, timeout=30)
            with serving(conf, worker):
                refused.result(60)
                wait_until(lambda: worker.count("store") >= 2)
    finally:
        caller.close()
