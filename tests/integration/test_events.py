"""Events on real servers: exactly those of what was committed, in order per block."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import oslo_messaging
import pytest
from oslo_config import cfg

from ipamd import errors
from tests.integration.bare_client import BareClient
from tests.integration.conftest import StartWorkers
from tests.services.waiting import wait_until

pytestmark = pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)


class Listener:
    """An oslo.messaging notification listener that keeps what it hears."""

    def __init__(self, url: str) -> None:
        self.heard: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._transport = oslo_messaging.get_notification_transport(cfg.CONF, url=url)
        self._listener = oslo_messaging.get_notification_listener(
            self._transport,
            [oslo_messaging.Target(topic="notifications")],
            [self],
            executor="threading",
        )
        # More threads would shuffle what came in order.
        self._listener.start(override_pool_size=1)

    def _hear(
        self,
        priority: str,
        publisher_id: str,
        event_type: str,
        payload: dict[str, Any],
    ) -> None:
        with self._lock:
            if any(payload["event_id"] == known["event_id"] for known in self.heard):
                return
            told = {"type": event_type, "priority": priority, "publisher_id": publisher_id}
            self.heard.append({**payload, **told})

    def info(self, _ctxt: Any, publisher_id: str, event_type: str, payload: Any, _m: Any) -> None:
        self._hear("INFO", publisher_id, event_type, payload)

    def error(self, _ctxt: Any, publisher_id: str, event_type: str, payload: Any, _m: Any) -> None:
        self._hear("ERROR", publisher_id, event_type, payload)

    def types(self) -> list[str]:
        with self._lock:
            return [event["type"] for event in self.heard]

    def close(self) -> None:
        self._listener.stop()
        self._listener.wait()
        self._transport.cleanup()  # else its heartbeats go on when the virtual host is gone


@pytest.fixture
def listener(transport_url: str) -> Iterator[Listener]:
    listener = Listener(transport_url)
    yield listener
    listener.close()


def new_block(client: BareClient, cidr: str) -> str:
    block = client.call(
        "create_ip_block", tenant_id="t1", ip_block={"cidr": cidr, "type": "private"}
    )
    return str(block["id"])


def test_a_listener_hears_what_was_committed_and_nothing_else(
    start_workers: StartWorkers, bare_client: BareClient, listener: Listener
) -> None:
    start_workers(2)
    block_id = new_block(bare_client, "10.0.0.0/24")
    in_block = {"tenant_id": "t1", "ip_block_id": block_id}
    first = bare_client.call(
        "allocate_ip_address",
        ip_address={"interface_id": "vif-1", "used_by_device": "vm-1"},
        idempotency_key="key-1",
        **in_block,
    )
    with pytest.raises(errors.AddressAlreadyAllocated):
        bare_client.call(
            "allocate_ip_address",
            ip_address={"interface_id": "never-made", "address": first["address"]},
            **in_block,
        )
    bare_client.call("deallocate_ip_address", address=first["address"], **in_block)
    bare_client.call("restore_ip_address", address=first["address"], **in_block)
    bare_client.call("delete_interface", interface_id="vif-1")
    bare_client.call("delete_ip_block", **in_block)
    expected = [
        "ip_block.create", "interface.create", "ip_address.create", "ip_address.deallocate",
        "ip_address.restore", "ip_address.deallocate", "interface.delete", "ip_block.delete",
    ]  # fmt: skip
    wait_until(lambda: len(listener.types()) >= len(expected))
    assert listener.types() == expected
    allocated = listener.heard[2]
    assert allocated["publisher_id"].startswith("ipamd.")
    assert allocated["idempotency_key"] == "key-1"
    assert allocated["request_id"] == "req-bare"
    assert {name: allocated[name] for name in first} == first
    sequences = [event["sequence"] for event in listener.heard]
    assert sequences == sorted(sequences)


def test_events_of_each_block_arrive_in_the_order_of_its_changes(
    start_workers: StartWorkers, bare_client: BareClient, listener: Listener
) -> None:
    start_workers(3)
    blocks = [new_block(bare_client, f"10.{number}.0.0/24") for number in range(4)]

    def allocate_and_release(number: int) -> None:
        in_block = {"tenant_id": "t1", "ip_block_id": blocks[number % 4]}
        answer = bare_client.call("allocate_ip_address", **in_block)
        if number % 3 == 0:
            bare_client.call("deallocate_ip_address", address=answer["address"], **in_block)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(allocate_and_release, range(120)))
    wait_until(lambda: len(listener.types()) >= 4 + 120 + 120 + 40)
    assert len(listener.types()) == 4 + 120 + 120 + 40
    for block_id in blocks:
        held: set[str] = set()
        sequence = 0
        for event in listener.heard:
            if event.get("ip_block_id") != block_id:
                continue
            assert event["sequence"] > sequence
            sequence = event["sequence"]
            if event["type"] == "ip_address.create":
                assert event["address"] not in held
                held.add(event["address"])
            else:
                assert event["type"] == "ip_address.deallocate"
                held.remove(event["address"])
        listed = bare_client.call("list_ip_addresses", tenant_id="t1", ip_block_id=block_id)
        in_use = {a["address"] for a in listed["ip_addresses"] if a["interface_id"]}
        assert held == in_use


def test_a_cast_that_fails_is_told_of(
    start_workers: StartWorkers, bare_client: BareClient, listener: Listener
) -> None:
    start_workers(1)
    block_id = new_block(bare_client, "10.0.0.0/24")
    bare_client.cast("allocate_ip_address", tenant_id="t1", ip_block_id=block_id)
    wait_until(lambda: "ip_address.create" in listener.types())
    bare_client.cast(
        "allocate_ip_address", tenant_id="t1", ip_block_id="gone", idempotency_key="cast-2"
    )
    wait_until(lambda: "ip_address.allocate.error" in listener.types())
    told = listener.heard[-1]
    assert told["priority"] == "ERROR"
    assert told["code"] == "ip_block_not_found"
    assert told["method"] == "allocate_ip_address"
    assert told["idempotency_key"] == "cast-2"
    assert told["arguments"]["ip_block_id"] == "gone"


def test_another_worker_publishes_what_a_killed_one_left(
    start_workers: StartWorkers,
    bare_client: BareClient,
    listener: Listener,
    upgraded: str,
    outbox_of: Callable[[str], list[tuple[str, bool]]],
) -> None:
    # The first worker commits and never publishes: its bus for events does not answer.
    silent = {"transport_url": "rabbit://guest:guest@127.0.0.1:1//"}
    (worker,) = start_workers(1, oslo_messaging_notifications=silent)
    block_id = new_block(bare_client, "10.0.0.0/24")
    bare_client.call("allocate_ip_address", tenant_id="t1", ip_block_id=block_id)
    assert not any(sent for _, sent in outbox_of(upgraded))
    worker.kill()
    assert listener.types() == []
    start_workers(1)
    wait_until(lambda: len(listener.types()) == 3)
    assert listener.types() == ["ip_block.create", "interface.create", "ip_address.create"]
    wait_until(lambda: all(sent for _, sent in outbox_of(upgraded)))
