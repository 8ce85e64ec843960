"""Policies, their unusable ranges and octets, and what the next allocation makes of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from ipamd import errors
from tests.db.store import TENANT, Store, numbers, together
from tests.operations.events import told, types

MAX = 2**63 - 1


def policy(store: Store, **values: Any) -> str:
    body = {"name": "p", **values}
    return str(store.call("create_policy", tenant_id=TENANT, policy=body)["id"])


def exclude(store: Store, policy_id: str, offset: Any, length: Any) -> Any:
    body = {"offset": offset, "length": length}
    at = {"tenant_id": TENANT, "policy_id": policy_id}
    return store.call("create_unusable_ip_range", ip_range=body, **at)


def exclude_octet(store: Store, policy_id: str, octet: Any) -> Any:
    at = {"tenant_id": TENANT, "policy_id": policy_id}
    return store.call("create_unusable_ip_octet", ip_octet={"octet": octet}, **at)


def test_a_policy_lives(store: Store) -> None:
    at: dict[str, Any] = {"tenant_id": TENANT}
    body = {"name": "servers", "description": "no printers", "tenant_id": "other", "id": "x"}
    made = store.call("create_policy", policy=body, **at)
    assert set(made) == {"id", "tenant_id", "name", "description", "created_at", "updated_at"}
    assert made["tenant_id"] == TENANT
    assert (made["name"], made["description"]) == ("servers", "no printers")
    at["policy_id"] = made["id"]
    assert store.call("get_policy", **at) == made
    changed = store.call("update_policy", policy={"description": None}, **at)
    assert (changed["name"], changed["description"]) == ("servers", None)
    assert changed["updated_at"] > made["updated_at"]
    assert store.call("update_policy", policy={}, **at) == changed
    assert store.call("list_policies", tenant_id=TENANT)["policies"] == [changed]
    store.call("delete_policy", **at)
    with pytest.raises(errors.PolicyNotFound, match="^Policy Not Found$"):
        store.call("delete_policy", **at)
    assert types(store, "policy") == ["policy.create", "policy.update", "policy.delete"]


def test_a_policy_needs_a_name(store: Store) -> None:
    known = policy(store)
    for name in (None, "", 5, "x" * 256, ["x"]):
        with pytest.raises(errors.ValidationError, match="name"):
            policy(store, name=name)
        with pytest.raises(errors.ValidationError, match="name"):
            store.call("update_policy", tenant_id=TENANT, policy_id=known, policy={"name": name})
    assert len(store.call("list_policies", tenant_id=TENANT)["policies"]) == 1


def test_another_tenants_policy_is_not_found(store: Store) -> None:
    at: dict[str, Any] = {"tenant_id": "other", "policy_id": policy(store)}
    range_id = exclude(store, at["policy_id"], 0, 1)["id"]
    octet_id = exclude_octet(store, at["policy_id"], 1)["id"]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("get_policy", {}),
        ("update_policy", {"policy": {"name": "mine"}}),
        ("delete_policy", {}),
        ("list_unusable_ip_ranges", {}),
        ("create_unusable_ip_range", {"ip_range": {"offset": 0, "length": 1}}),
        ("get_unusable_ip_range", {"ip_range_id": range_id}),
        ("update_unusable_ip_range", {"ip_range_id": range_id, "ip_range": {"length": 2}}),
        ("delete_unusable_ip_range", {"ip_range_id": range_id}),
        ("list_unusable_ip_octets", {}),
        ("create_unusable_ip_octet", {"ip_octet": {"octet": 1}}),
        ("get_unusable_ip_octet", {"ip_octet_id": octet_id}),
        ("update_unusable_ip_octet", {"ip_octet_id": octet_id, "ip_octet": {"octet": 2}}),
        ("delete_unusable_ip_octet", {"ip_octet_id": octet_id}),
    ]
    before = types(store, "policy")
    for method, more in calls:
        with pytest.raises(errors.PolicyNotFound):
            store.call(method, **at, **more)
    assert store.call("list_policies", tenant_id="other")["policies"] == []
    assert types(store, "policy") == before


def test_ranges_and_octets_live(store: Store) -> None:
    at: dict[str, Any] = {"tenant_id": TENANT, "policy_id": policy(store)}
    # Requests in XML have numbers as text.
    ip_range = exclude(store, at["policy_id"], "-2", "1")
    assert set(ip_range) == {"id", "policy_id", "offset", "length", "created_at", "updated_at"}
    assert (ip_range["offset"], ip_range["length"]) == (-2, 1)
    octet = exclude_octet(store, at["policy_id"], "7")
    assert set(octet) == {"id", "policy_id", "octet", "created_at", "updated_at"}
    assert octet["octet"] == 7

    these = {"ip_range_id": ip_range["id"], **at}
    changed = store.call("update_unusable_ip_range", ip_range={"length": 5}, **these)
    assert (changed["offset"], changed["length"]) == (-2, 5)
    assert store.call("update_unusable_ip_range", ip_range={}, **these) == changed
    assert store.call("get_unusable_ip_range", **these) == changed
    assert store.call("list_unusable_ip_ranges", **at)["ip_ranges"] == [changed]
    that = {"ip_octet_id": octet["id"], **at}
    moved = store.call("update_unusable_ip_octet", ip_octet={"octet": 255}, **that)
    assert store.call("update_unusable_ip_octet", ip_octet={}, **that) == moved
    assert store.call("get_unusable_ip_octet", **that)["octet"] == 255
    assert store.call("list_unusable_ip_octets", **at)["ip_octets"] == [moved]

    _, payload = told(store, "policy")[-1]
    assert payload["unusable_ip_ranges"] == [changed]
    assert payload["unusable_ip_octets"] == [moved]

    store.call("delete_unusable_ip_range", **these)
    store.call("delete_unusable_ip_octet", **that)
    with pytest.raises(errors.IpRangeNotFound, match="^IpRange Not Found$"):
        store.call("get_unusable_ip_range", **these)
    with pytest.raises(errors.IpOctetNotFound, match="^IpOctet Not Found$"):
        store.call("delete_unusable_ip_octet", **that)
    assert types(store, "policy") == ["policy.create", *["policy.update"] * 6]


def test_a_range_is_found_below_its_own_policy_only(store: Store) -> None:
    mine = exclude(store, policy(store), 0, 1)["id"]
    at = {"tenant_id": TENANT, "policy_id": policy(store), "ip_range_id": mine}
    with pytest.raises(errors.IpRangeNotFound):
        store.call("delete_unusable_ip_range", **at)
    with pytest.raises(errors.IpRangeNotFound):
        store.call("get_unusable_ip_range", **{**at, "ip_range_id": "é"})


def test_offsets_are_integers_of_64_bits(store: Store) -> None:
    known = policy(store)
    rule = exclude(store, known, MAX, MAX)["id"]
    at = {"tenant_id": TENANT, "policy_id": known}
    for offset in (None, "", "x", 1.5, True, MAX + 1, -MAX - 1, [1], "9" * 50):
        with pytest.raises(errors.ValidationError, match="offset"):
            exclude(store, known, offset, 1)
        body = {"offset": offset}
        with pytest.raises(errors.ValidationError, match="offset"):
            store.call("update_unusable_ip_range", ip_range_id=rule, ip_range=body, **at)
    (kept,) = store.call("list_unusable_ip_ranges", **at)["ip_ranges"]
    assert (kept["offset"], kept["length"]) == (MAX, MAX)


def test_what_is_wrong_with_a_range_is_told_at_once(store: Store) -> None:
    with pytest.raises(errors.ValidationError) as caught:
        exclude(store, policy(store), "x", -1)
    assert set(caught.value.fields) == {"offset", "length"}


def test_octets_lie_between_0_and_255(store: Store) -> None:
    known = policy(store)
    for octet in (None, "", "x", -1, 256, 1.5, False, "0x10", [1]):
        with pytest.raises(errors.ValidationError, match="octet"):
            exclude_octet(store, known, octet)
    at = {"tenant_id": TENANT, "policy_id": known}
    assert store.call("list_unusable_ip_octets", **at)["ip_octets"] == []


def test_what_a_range_leaves_of_a_block(store: Store) -> None:
    everything = set(range(8))
    for number, (offset, length, excluded) in enumerate(
        [
            (0, 3, {0, 1, 2}),
            (5, 100, {5, 6, 7}),
            (-2, 2, {6, 7}),
            (-2, 9, {6, 7}),
            (-8, 8, everything),
            (-3, 1, {5}),
            (-100, 5, set()),
            (100, 5, set()),
            (3, 0, set()),
            (-MAX, MAX - 4, {0, 1, 2, 3}),
            (-MAX, MAX, everything),
            (MAX, MAX, set()),
        ]
    ):
        known = policy(store)
        exclude(store, known, offset, length)
        block = store.block(f"10.{number}.0.0/29", policy_id=known)["id"]
        left = [host for host in range(2, 7) if host not in excluded]
        assert [store.allocate(block) for _ in left] == [f"10.{number}.0.{host}" for host in left]
        with pytest.raises(errors.NoMoreAddressesError):
            store.allocate(block)


def test_a_change_is_in_effect_at_the_next_allocation(store: Store) -> None:
    at: dict[str, Any] = {"tenant_id": TENANT, "policy_id": policy(store)}
    block = store.block("10.0.0.0/28", policy_id=at["policy_id"])["id"]
    assert store.allocate(block) == "10.0.0.2"
    rule = exclude(store, at["policy_id"], 0, 8)["id"]
    exclude_octet(store, at["policy_id"], 9)
    assert store.allocate(block) == "10.0.0.8"
    assert store.allocate(block) == "10.0.0.10"
    for chosen in ("10.0.0.4", "10.0.0.9"):
        with pytest.raises(errors.AddressDisallowedByPolicy):
            store.allocate(block, chosen)
    store.call("update_unusable_ip_range", ip_range_id=rule, ip_range={"offset": 4}, **at)
    assert store.allocate(block) == "10.0.0.3"
    store.call("delete_unusable_ip_range", ip_range_id=rule, **at)
    assert store.allocate(block) == "10.0.0.4"
    store.call("delete_policy", **at)
    seen = store.call("get_ip_block", tenant_id=TENANT, ip_block_id=block)
    assert seen["policy_id"] is None
    assert store.allocate(block, "10.0.0.9") == "10.0.0.9"


def test_a_policy_of_a_tenant_is_for_the_blocks_of_many(store: Store) -> None:
    known = policy(store)
    blocks = [store.block(cidr, policy_id=known)["id"] for cidr in ("10.0.0.0/24", "10.1.0.0/28")]
    exclude(store, known, -4, 4)
    exclude(store, known, 0, 6)
    assert [store.allocate(block) for block in blocks] == ["10.0.0.6", "10.1.0.6"]
    for block, chosen in zip(blocks, ("10.0.0.252", "10.1.0.12"), strict=True):
        with pytest.raises(errors.AddressDisallowedByPolicy):
            store.allocate(block, chosen)


def test_policies_hold_for_ipv6(store: Store) -> None:
    known = policy(store)
    exclude_octet(store, known, 5)
    exclude(store, known, -16, 16)
    block = store.block("fd00::/64", policy_id=known)["id"]
    for chosen in ("fd00::5", "fd00::ffff:ffff:ffff:fff3"):
        with pytest.raises(errors.AddressDisallowedByPolicy):
            store.allocate(block, chosen)
    assert store.allocate(block, "fd00::6").endswith(":0006")
    # The generated address ends in the MAC address's last octets.
    generated = store.allocate(block, interface_id="v", mac_address="02:00:00:00:00:05")
    assert generated.endswith(":ff00:0006")


def test_changes_made_together_are_all_in_the_last_event(store: Store) -> None:
    known = policy(store)
    work = [partial(exclude, store, known, number, 1) for number in range(4)]
    work += [partial(exclude_octet, store, known, number) for number in range(4)]
    together(*work)
    event_type, payload = told(store, "policy")[-1]
    assert event_type == "policy.update"
    assert numbers(f".{rule['offset']}" for rule in payload["unusable_ip_ranges"]) == [0, 1, 2, 3]
    assert numbers(f".{rule['octet']}" for rule in payload["unusable_ip_octets"]) == [0, 1, 2, 3]


def test_the_events_of_a_policy_list_its_first_thousand_ranges(store: Store) -> None:
    ranges = [{"offset": number, "length": 1} for number in range(1000)]
    body = {"name": "long", "unusable_ip_ranges": ranges, "unusable_ip_octets": [7]}
    known = store.call("create_policy", tenant_id=TENANT, policy=body)["id"]
    (_, made) = told(store, "policy")[-1]
    assert sorted(rule["offset"] for rule in made["unusable_ip_ranges"]) == list(range(1000))
    assert "unusable_ip_ranges_left_out" not in made
    exclude(store, known, 1000, 1)
    exclude(store, known, 1001, 1)
    (_, changed) = told(store, "policy")[-1]
    offsets = {rule["offset"] for rule in changed["unusable_ip_ranges"]}
    assert len(offsets) == 1000
    assert offsets < set(range(1002))
    assert changed["unusable_ip_ranges_left_out"] == 2
    assert [rule["octet"] for rule in changed["unusable_ip_octets"]] == [7]
    assert "unusable_ip_octets_left_out" not in changed


def test_a_policy_that_many_delete_is_told_of_once(store: Store) -> None:
    at = {"tenant_id": TENANT, "policy_id": policy(store)}

    def delete() -> bool:
        try:
            store.call("delete_policy", **at)
        except errors.PolicyNotFound:
            return False
        return True

    assert together(*[delete] * 6).count(True) == 1
    assert types(store, "policy") == ["policy.create", "policy.delete"]
