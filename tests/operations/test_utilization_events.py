"""Blocks that become fuller than a threshold: what is told of it, and what it costs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ipamd.context import RequestContext
from ipamd.db import idempotency
from ipamd.db.models import IpAddress, table_of
from ipamd.operations import batch
from ipamd.operations.purge import purge
from tests.db.statements import counted
from tests.db.store import TENANT, Store
from tests.operations.events import told

ADDRESSES = table_of(IpAddress)


def thresholds(store: Store) -> list[int]:
    """Return the thresholds told of so far, in their order."""
    return [payload["threshold"] for _, payload in told(store, "ip_block.utilization")]


def without_gateway(store: Store, cidr: str) -> str:
    """Make a block of which every address but network and broadcast is usable."""
    store.db.conf.set_override("default_gateway", False, group="ipam")
    return str(store.block(cidr)["id"])


def empty_quarantine(store: Store) -> None:
    """Let the quarantine of what is in it be over."""
    long_ago = datetime(2012, 5, 21, tzinfo=UTC)
    held = ADDRESSES.c.deallocated_at.is_not(None)
    store.write(sa.update(ADDRESSES).where(held).values(deallocated_at=long_ago))
    assert purge(store.db)["ip_addresses"] > 0


def test_each_threshold_is_told_when_it_is_reached(store: Store) -> None:
    store.db.conf.set_override("utilization_thresholds", [50, 80], group="ipam")
    block = without_gateway(store, "10.0.0.0/29")  # six addresses
    store.allocate(block)
    store.allocate(block)
    assert thresholds(store) == []
    store.allocate(block)
    assert thresholds(store) == [50]
    store.allocate(block)
    assert thresholds(store) == [50]
    store.allocate(block)
    assert thresholds(store) == [50, 80]
    store.allocate(block)
    assert thresholds(store) == [50, 80]
    ((_, event), _) = told(store, "ip_block.utilization")
    figures = {"size": 8, "reserved": 2, "allocated": 3, "quarantined": 0, "free": 3}
    expected = {"id": block, "cidr": "10.0.0.0/29", "threshold": 50, **figures}
    assert {name: event[name] for name in expected} == expected
    assert event["tenant_id"] == TENANT


def test_the_defaults_are_80_90_and_95(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]  # 253 addresses
    store.bulk(block, 202)
    assert thresholds(store) == []
    store.bulk(block, 1)
    assert thresholds(store) == [80]
    store.bulk(block, 24)
    assert thresholds(store) == [80]
    store.allocate(block)
    assert thresholds(store) == [80, 90]
    store.bulk(block, 25)
    assert thresholds(store) == [80, 90, 95]
    types = [event for event, _ in told(store, "ip_block.")]
    assert types[-2:] == ["ip_block.utilization", "ip_block.full"]


def test_going_down_and_up_again_tells_again(store: Store) -> None:
    store.db.conf.set_override("utilization_thresholds", [50], group="ipam")
    block = without_gateway(store, "10.0.0.0/29")
    held = [store.allocate(block) for _ in range(3)]
    assert thresholds(store) == [50]
    # In quarantine it is not free: neither that nor its restoration changes anything.
    store.deallocate(block, held[0])
    store.restore(block, held[0])
    store.deallocate(block, held[0])
    assert thresholds(store) == [50]
    empty_quarantine(store)
    assert thresholds(store) == [50]
    store.allocate(block)
    assert thresholds(store) == [50, 50]


def test_an_address_taken_back_for_a_full_block_crosses_nothing(store: Store) -> None:
    store.db.conf.set_override("utilization_thresholds", [100], group="ipam")
    block = store.block("10.0.0.0/29")["id"]
    held = store.bulk(block, 5)
    assert thresholds(store) == [100]
    store.deallocate(block, held[2])
    assert store.allocate(block) == held[2]
    assert thresholds(store) == [100]


def test_a_refusal_tells_nothing(store: Store) -> None:
    store.db.conf.set_override("utilization_thresholds", [1], group="ipam")
    store.block("10.0.0.0/24")
    assert thresholds(store) == []


def test_an_empty_list_turns_it_off(store: Store) -> None:
    store.db.conf.set_override("utilization_thresholds", [], group="ipam")
    block = store.block("10.0.0.0/29")["id"]
    store.bulk(block, 5)
    assert thresholds(store) == []


def test_a_gateway_that_leaves_less_to_hand_out_crosses_as_well(store: Store) -> None:
    store.db.conf.set_override("utilization_thresholds", [60], group="ipam")
    block = without_gateway(store, "10.0.0.0/29")
    store.bulk(block, 3)
    assert thresholds(store) == []  # 3 of 6

    def set_gateway(gateway: str | None) -> None:
        body = {"gateway": gateway}
        names = {"tenant_id": TENANT, "ip_block_id": block}
        store.call("update_ip_block", ip_block=body, **names)

    set_gateway("10.0.0.6")
    assert thresholds(store) == [60]  # 3 of 5
    set_gateway("10.0.0.5")
    assert thresholds(store) == [60]
    set_gateway(None)
    set_gateway("10.0.0.6")
    assert thresholds(store) == [60, 60]


def test_a_batch_tells_of_each_of_its_blocks(store: Store) -> None:
    store.db.conf.set_override("utilization_thresholds", [50], group="ipam")
    blocks = [store.block(f"10.0.{number}.0/29")["id"] for number in range(3)]

    def request(number: int, block: str) -> batch.Request:
        args: dict[str, Any] = {"tenant_id": TENANT, "ip_block_id": block, "ip_address": {}}
        key = f"key {number}"
        return batch.read_allocation(
            args,
            context=RequestContext(project_id=TENANT, request_id=f"req-{number}"),
            keyed=idempotency.keyed(TENANT, key, "allocate_ip_address", args),
            given_key=key,
            may_be_known=True,
        )

    # Of five addresses each: three of the first, two of the second, three of the third.
    wanted = [blocks[i] for i in (0, 1, 2, 0, 1, 2, 0, 2)]
    requests = [request(number, block) for number, block in enumerate(wanted)]
    store.db.run(RequestContext(), lambda tx: batch.run(tx, requests))
    assert [request.error for request in requests] == [None] * 8
    events = [payload for _, payload in told(store, "ip_block.utilization")]
    assert {(event["id"], event["request_id"]) for event in events} == {
        (blocks[0], "req-6"),
        (blocks[2], "req-7"),
    }


def test_crossing_costs_no_statement(store: Store) -> None:
    store.db.conf.set_override("utilization_thresholds", [1, 20, 40], group="ipam")
    block = store.block("10.0.0.0/29")["id"]
    store.allocate(block)
    with counted(store.db) as crossing:
        store.allocate(block)
    assert thresholds(store) == [1, 20, 40]
    with counted(store.db) as other:
        store.allocate(block)
    assert thresholds(store) == [1, 20, 40]
    assert len(crossing) == len(other)
