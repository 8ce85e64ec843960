"""Chosen addresses in batches: each entry is done or refused by itself, once."""

from __future__ import annotations

from typing import Any

import pytest

from ipamd import errors
from ipamd.db import check
from ipamd.db.database import Database
from tests.db.statements import counted
from tests.db.store import TENANT, Store, together
from tests.operations.events import told, types

# IPv6 addresses are shown in full.
LONG = "fd00:0000:0000:0000:0000:0000:0000:0077"


def batch(store: Store, *entries: Any, **args: Any) -> Any:
    return store.call(
        "allocate_chosen_ip_addresses", tenant_id=TENANT, ip_addresses=list(entries), **args
    )


def entry(block: str, address: str, **values: Any) -> dict[str, Any]:
    return {"ip_block_id": block, "address": address, **values}


def held(store: Store, block: str) -> list[str]:
    found = store.call("list_ip_addresses", tenant_id=TENANT, ip_block_id=block, limit=1000)
    return [address["address"] for address in found["ip_addresses"]]


def is_consistent(store: Store) -> bool:
    return not list(check.check(store.db))


def test_addresses_of_several_blocks_with_their_interfaces(store: Store) -> None:
    first, second = store.block("10.0.0.0/24")["id"], store.block("fd00::/64")["id"]
    store.allocate(first, "10.0.0.9", interface_id="known")
    outcome = batch(
        store,
        entry(first, "10.0.0.7", interface_id="vif-1", used_by_device="vm-1"),
        entry(second, "fd00::77", interface_id="vif-1"),
        entry(first, "10.0.0.8", interface_id="known"),
        entry(first, "10.0.0.200", tenant_id="another"),
    )
    assert outcome == {"allocated": 4, "unchanged": 0, "refused": []}
    assert sorted(held(store, first)) == ["10.0.0.200", "10.0.0.7", "10.0.0.8", "10.0.0.9"]
    interface = store.call("get_interface", interface_id="vif-1")
    assert [address["address"] for address in interface["ip_addresses"]] == [
        "10.0.0.7",
        LONG,
    ]
    assert interface["device_id"] == "vm-1"
    used = store.call("get_ip_block_utilization", tenant_id=TENANT, ip_block_id=first)
    assert used["allocated"] == 4
    made = told(store, "ip_address.create")[1:]
    assert [payload["address"] for _, payload in made] == [
        "10.0.0.7", LONG, "10.0.0.8", "10.0.0.200",
    ]  # fmt: skip
    assert made[0][1]["used_by_device"] == "vm-1"
    assert made[3][1]["tenant_id"] == made[3][1]["used_by_tenant"] == "another"
    assert len(types(store, "interface.create")) == 3
    # The next free address is none of them.
    assert store.allocate(first) == "10.0.0.2"
    assert is_consistent(store)


def test_each_refusal_names_its_entry_and_leaves_nothing(store: Store) -> None:
    policy = store.call("create_policy", tenant_id=TENANT, policy={
        "name": "p", "unusable_ip_octets": [66]})["id"]  # fmt: skip
    block = store.block("10.0.0.0/24", policy_id=policy, network_id="blue")["id"]
    red = store.block("10.9.0.0/24", network_id="red")["id"]
    wide = store.block("10.8.0.0/16")["id"]
    store.subnet(wide, "10.8.0.0/24")
    store.allocate(block, "10.0.0.5")
    store.allocate(red, "10.9.0.5", interface_id="vif-red")
    outcome = batch(
        store,
        entry(block, "10.0.0.10", interface_id="a"),
        entry(block, "10.0.0.5", interface_id="b"),
        entry(block, "10.0.0.10", interface_id="c"),
        entry(block, "10.0.0.1", interface_id="d"),
        entry(block, "10.0.0.66", interface_id="e"),
        entry(block, "10.1.0.0", interface_id="f"),
        entry(block, "10.0.0.999", interface_id="g"),
        entry("gone", "10.0.0.11", interface_id="h"),
        entry(wide, "10.8.0.7", interface_id="i"),
        entry(block, "10.0.0.12", interface_id="vif-red"),
        entry(block, "10.0.0.13", interface_id="a", tenant_id="another"),
        entry(block, "10.0.0.14", colour="red"),
        {"ip_block_id": block},
        "10.0.0.15",
        entry(block, "10.0.0.16", interface_id="a"),
    )
    assert (outcome["allocated"], outcome["unchanged"]) == (2, 0)
    assert {each["index"]: each["code"] for each in outcome["refused"]} == {
        1: "address_already_allocated",
        2: "address_already_allocated",
        3: "address_already_allocated",
        4: "address_disallowed_by_policy",
        5: "address_not_in_block",
        6: "invalid_values",
        7: "ip_block_not_found",
        8: "block_has_subnets",
        9: "interface_on_another_network",
        10: "invalid_values",
        11: "invalid_values",
        12: "invalid_values",
        13: "bad_request",
    }
    assert outcome["refused"][0]["address"] == "10.0.0.5"
    assert outcome["refused"][-1]["address"] is None
    assert sorted(held(store, block)) == ["10.0.0.10", "10.0.0.16", "10.0.0.5"]
    made = [payload["id"] for _, payload in told(store, "interface.create")]
    assert made == ["vif", "vif-red", "a"]
    assert is_consistent(store)


def test_what_is_held_so_already_is_unchanged(store: Store) -> None:
    block = store.block("10.0.0.0/29")["id"]
    full = [entry(block, f"10.0.0.{n}", interface_id=f"vif-{n}") for n in range(2, 7)]
    assert batch(store, *full)["allocated"] == 5
    before = types(store, "ip_address", "interface")
    # The block is full by now, which is no reason for another answer.
    again = batch(store, *full, entry(block, "10.0.0.3"))
    assert again == {"allocated": 0, "unchanged": 6, "refused": []}
    assert types(store, "ip_address", "interface") == before
    store.deallocate(block, "10.0.0.4")
    others = batch(
        store,
        entry(block, "10.0.0.2", interface_id="vif-3"),
        entry(block, "10.0.0.3", tenant_id="another"),
        entry(block, "10.0.0.4", interface_id="vif-4"),
        entry(block, "10.0.0.5", used_by_device="vm"),
    )
    assert [each["index"] for each in others["refused"]] == [0, 1, 2, 3]


def test_a_batch_is_done_once_under_its_key(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    store.allocate(block, "10.0.0.3")
    entries = [entry(block, "10.0.0.2"), entry(block, "10.0.0.3", interface_id="other")]
    outcome = batch(store, *entries, idempotency_key="part-1")
    assert (outcome["allocated"], len(outcome["refused"])) == (1, 1)
    assert batch(store, *entries, idempotency_key="part-1") == outcome
    with pytest.raises(errors.IdempotencyKeyReused):
        batch(store, entries[0], idempotency_key="part-1")
    (made,) = [payload for kind, payload in told(store, "ip_address.create")
               if payload["address"] == "10.0.0.2"]  # fmt: skip
    assert made["idempotency_key"] == "part-1"


def test_a_dry_run_tells_the_outcome_and_changes_nothing(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    store.call("create_mac_address_range", mac_address_range={"cidr": "02:00:00:00:00:00/46"})
    store.allocate(block, "10.0.0.3", interface_id="known")
    before = types(store, "")
    entries = [
        entry(block, "10.0.0.2", interface_id="a"),
        entry(block, "10.0.0.3", interface_id="known"),
        entry(block, "10.0.0.3"),
        entry(block, "10.0.0.1"),
        entry(block, "10.0.0.2"),
    ]
    outcome = batch(store, *entries, dry_run=True)
    assert (outcome["allocated"], outcome["unchanged"]) == (1, 2)
    assert [each["index"] for each in outcome["refused"]] == [3, 4]
    assert types(store, "") == before
    assert held(store, block) == ["10.0.0.3"]
    assert batch(store, *entries) == outcome
    assert held(store, block) == ["10.0.0.3", "10.0.0.2"]
    assert is_consistent(store)


def test_mac_addresses_are_given_as_everywhere(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    first = batch(
        store, entry(block, "10.0.0.2", interface_id="a", mac_address="02:00:00:00:00:01")
    )
    assert first["allocated"] == 1
    store.call("create_mac_address_range", mac_address_range={"cidr": "02:00:00:00:00:00/46"})
    outcome = batch(
        store,
        entry(block, "10.0.0.3", interface_id="b", mac_address="02:00:00:00:00:01"),
        entry(block, "10.0.0.4", interface_id="c", mac_address="02:00:00:00:00:00"),
        entry(block, "10.0.0.1", interface_id="d"),
        entry(block, "10.0.0.5", interface_id="e"),
        entry(block, "10.0.0.6", interface_id="f", mac_address="0a:00:00:00:00:01"),
        entry(block, "10.0.0.7", interface_id="g"),
        entry(block, "10.0.0.8", interface_id="h"),
        entry(block, "10.0.0.9", interface_id="a"),
        entry(block, "10.0.0.10", interface_id="i", mac_address="nonsense"),
    )
    codes = {each["index"]: each["code"] for each in outcome["refused"]}
    assert codes == {
        0: "invalid_values",
        2: "address_already_allocated",
        6: "no_more_mac_addresses",
        8: "invalid_values",
    }
    macs = {
        name: store.call("get_interface", interface_id=name)["mac_address"] for name in "acefg"
    }
    assert macs == {
        "a": "02:00:00:00:00:01",
        "c": "02:00:00:00:00:00",
        "e": "02:00:00:00:00:02",
        "f": "0A:00:00:00:00:01",
        "g": "02:00:00:00:00:03",
    }
    assert len(types(store, "mac_address.create")) == 5
    assert is_consistent(store)


def test_batches_at_the_same_time_share_nothing(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]

    def take(number: int) -> Any:
        wanted = [entry(block, f"10.0.0.{n}", interface_id=f"{number}-{n}") for n in range(2, 60)]
        return lambda: batch(store, *wanted)

    outcomes = together(*[take(number) for number in range(4)])
    assert sorted(outcome["allocated"] for outcome in outcomes) == [0, 0, 0, 58]
    assert is_consistent(store)


def test_another_tenants_blocks_are_not_found(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    outcome = store.call(
        "allocate_chosen_ip_addresses",
        tenant_id="another",
        ip_addresses=[entry(block, "10.0.0.2")],
    )
    assert outcome["refused"][0]["code"] == "ip_block_not_found"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_how_many_at_once(store: Store) -> None:
    block = store.block("10.0.0.0/16")["id"]
    for count in (0, 5001):
        with pytest.raises(errors.ValidationError):
            batch(store, *[entry(block, "10.0.0.2")] * count)
    many = [entry(block, f"10.0.{n // 200}.{n % 200 + 20}") for n in range(5000)]
    assert batch(store, *many) == {"allocated": 5000, "unchanged": 0, "refused": []}


def test_the_cost_of_a_batch_is_that_of_its_rows(store: Store) -> None:
    """As many statements for many addresses as for few."""
    block = store.block("10.0.0.0/16")["id"]
    costs = []
    # SQLite takes rows a hundred or more at a time, and then those that are left over.
    few, many_more = (400, 1200) if store.db.dialect == "sqlite" else (40, 400)
    for start, count in ((0, few), (1000, many_more)):
        many = [
            entry(block, f"10.0.{n // 250}.{n % 250 + 3}", interface_id=f"vif-{n}")
            for n in range(start, start + count)
        ]
        with counted(store.db) as statements:
            assert batch(store, *many)["allocated"] == count
        costs.append(len(statements))
    assert costs[1] <= costs[0]


def test_quotas_refuse_entry_by_entry(store: Store) -> None:
    store.db.conf.set_override("ip_addresses", 2, group="quota")
    store.db.conf.set_override("interfaces", 3, group="quota")
    limited = Store(Database(store.db.conf))
    try:
        block = limited.block("10.0.0.0/24")["id"]
        outcome = batch(
            limited,
            *[entry(block, f"10.0.0.{n}", interface_id=f"vif-{n}") for n in (1, 2, 3, 4)],
            entry(block, "10.0.0.5", interface_id="vif-5", tenant_id="another"),
        )
        codes = {each["index"]: each["code"] for each in outcome["refused"]}
        assert codes == {0: "address_already_allocated", 3: "quota_exceeded"}
        assert outcome["allocated"] == 3
        assert is_consistent(limited)
    finally:
        limited.db.close()
