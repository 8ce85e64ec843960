"""Interfaces of an instance, replaced all at once or one by one, and their addresses."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from ipamd import errors
from ipamd.db import check
from tests.db.store import TENANT, Store, together
from tests.operations.events import told, types

NET = {"id": "net", "tenant_id": TENANT}
MAC = "02:00:00:00:00:01"
TABLES = ("interfaces", "mac_addresses", "ip_addresses", "free_ranges", "outbox")


def replace(store: Store, items: Any, instance: str = "vm", **more: Any) -> list[Any]:
    body = {"tenant_id": TENANT, "interfaces": items, **more}
    found = store.call("replace_instance_interfaces", instance_id=instance, instance=body)
    return list(found["interfaces"])


def create(store: Store, instance: str = "vm", **values: Any) -> Any:
    body = {"tenant_id": TENANT, **values}
    return store.call("create_instance_interface", instance_id=instance, interface=body)


def of(store: Store, instance: str = "vm") -> list[Any]:
    found = store.call("list_instance_interfaces", instance_id=instance)
    return list(found["interfaces"])


def texts(addresses: list[Any]) -> list[str]:
    return [address["address"] for address in addresses]


def everything(store: Store) -> list[Any]:
    """Return the whole contents of the tables that an interface touches."""
    return [sorted(map(tuple, store.rows(f"SELECT * FROM {name}")), key=str) for name in TABLES]


def test_replacing_makes_what_was_asked_for_in_its_order(store: Store) -> None:
    store.block(network_id="net")
    store.block("10.1.0.0/24", network_id="other")
    made = replace(
        store,
        [
            {"mac_address": "02-00-00-00-00-01", "network": NET},
            {"virtual_interface_id": "a vif", "network": {**NET, "id": "other"}},
            {"network": {**NET, "addresses": ["10.0.0.77", "10.0.0.66"]}},
            {},
        ],
    )
    assert [entry["mac_address"] for entry in made] == [MAC, None, None, None]
    assert made[1]["id"] == "a vif"
    assert [texts(entry["ip_addresses"]) for entry in made] == [
        ["10.0.0.2"],
        ["10.1.0.2"],
        ["10.0.0.77", "10.0.0.66"],
        [],
    ]
    assert {entry["device_id"] for entry in made} == {"vm"}
    assert {entry["tenant_id"] for entry in made} == {TENANT}
    assert sorted(of(store), key=lambda entry: str(entry["id"])) == sorted(
        made, key=lambda entry: str(entry["id"])
    )
    assert of(store, "another") == []


def test_replacing_takes_the_old_ones_away(store: Store) -> None:
    block = store.block(network_id="net")["id"]
    (old,) = replace(store, [{"mac_address": MAC, "network": NET, "virtual_interface_id": "v"}])
    (new,) = replace(store, [{"mac_address": MAC, "network": NET, "virtual_interface_id": "v"}])
    assert new["mac_address"] == MAC
    assert texts(old["ip_addresses"]) == ["10.0.0.2"]
    # The old address is in quarantine.
    assert texts(new["ip_addresses"]) == ["10.0.0.3"]
    released = {"tenant_id": TENANT, "ip_block_id": block, "address": "10.0.0.2"}
    assert store.call("get_ip_address", **released)["interface_id"] is None
    assert of(store) == [new]
    assert replace(store, []) == []
    assert of(store) == []
    assert types(store, "interface.", "ip_address.", "mac_address.")[-3:] == [
        "ip_address.deallocate",
        "mac_address.delete",
        "interface.delete",
    ]
    assert check.check(store.db) == []


def test_a_failure_leaves_everything_as_it_was(store: Store) -> None:
    store.block(network_id="net")
    store.block("10.1.0.0/30", network_id="small")
    store.block("fd00::/64", network_id="six")
    macs = {"cidr": "02-AA-00-00-00-00/47"}
    store.call("create_mac_address_range", mac_address_range=macs)
    replace(store, [{"mac_address": MAC, "network": NET, "virtual_interface_id": "v"}, {}])
    create(store, "neighbour", id="theirs", mac_address="02:00:00:00:00:99")
    before = everything(store)
    small = {**NET, "id": "small"}
    good = {"network": NET}
    cases: list[tuple[Any, type[errors.IpamError]]] = [
        ([good, {"network": {**NET, "id": "none"}}], errors.NetworkNotFound),
        ([good, {"network": {**NET, "tenant_id": "none"}}], errors.NetworkNotFound),
        ([{"network": {**NET, "addresses": ["10.0.0.5"]}}] * 2, errors.AddressAlreadyAllocated),
        ([{"network": small}] * 3, errors.NoMoreAddressesError),
        ([{}, {}, {}], errors.NoMoreMacAddressesError),
        ([good, {"mac_address": "02:00:00:00:00:99"}], errors.ValidationError),
        ([good, {"mac_address": "garbage"}], errors.ValidationError),
        ([{"mac_address": MAC}, {"mac_address": MAC}], errors.ValidationError),
        ([good, {"virtual_interface_id": "theirs"}], errors.ValidationError),
        ([good, {"network": {**NET, "addresses": ["10.9.9.9"]}}], errors.AddressNotInBlock),
        ([good, {"network": {**NET, "addresses": "10.0.0.9"}}], errors.ValidationError),
        ([good, {"network": {"id": "net"}}], errors.MissingParameters),
        ([good, {"network": "net"}], errors.BadRequest),
        ([good, {"id": "x"}], errors.ValidationError),
        ([good, None], errors.ValidationError),
        ([good, "x"], errors.ValidationError),
        ({"0": good}, errors.ValidationError),
        ("x", errors.ValidationError),
        (None, errors.MissingParameters),
    ]
    for items, expected in cases:
        with pytest.raises(expected):
            replace(store, items)
        assert everything(store) == before, items
    for tenant in (None, "", 5):
        with pytest.raises(errors.BadRequest):
            replace(store, [], tenant_id=tenant)
    with pytest.raises(errors.BadRequest):
        store.call("replace_instance_interfaces", instance_id="vm", instance={})
    assert everything(store) == before


def test_two_that_replace_at_once_do_it_one_after_the_other(store: Store) -> None:
    blocks = [store.block(f"10.{n}.0.0/24", network_id=f"net{n}")["id"] for n in range(2)]
    for _ in range(3):
        work = [
            partial(replace, store, [{"network": {**NET, "id": f"net{first}"}}, {"network": None}])
            for first in (0, 1, 0, 1)
        ]
        results = together(*work)
        now = of(store)
        assert len(now) == 2
        assert now in results
    held = store.rows("SELECT id FROM ip_addresses WHERE deallocated_at IS NULL")
    assert len(held) == 1
    assert len(blocks) == 2
    assert store.rows("SELECT name FROM scopes WHERE name LIKE 'instance:%'") == []
    assert check.check(store.db) == []


def test_one_more_and_one_less(store: Store) -> None:
    store.block(network_id="net")
    first = create(store, network=NET, device_id="ignored", unknown=1)
    second = create(store, id="mine", mac_address=MAC)
    assert (first["device_id"], texts(first["ip_addresses"])) == ("vm", ["10.0.0.2"])
    assert {entry["id"] for entry in of(store)} == {first["id"], "mine"}
    where = {"instance_id": "vm", "interface_id": "mine"}
    assert store.call("get_instance_interface", **where) == second
    assert store.call("get_instance_interface", tenant_id=TENANT, **where) == second
    for wrong in (
        {**where, "tenant_id": "other"},
        {**where, "instance_id": "another"},
        {**where, "interface_id": "none"},
    ):
        with pytest.raises(errors.InterfaceNotFound, match="^Interface Not Found$"):
            store.call("get_instance_interface", **wrong)
    with pytest.raises(errors.InterfaceNotFound):
        store.call("delete_instance_interface", instance_id="another", interface_id="mine")
    store.call("delete_instance_interface", **where)
    with pytest.raises(errors.InterfaceNotFound):
        store.call("delete_instance_interface", **where)
    assert of(store) == [first]
    store.call("delete_instance_interfaces", instance_id="vm")
    store.call("delete_instance_interfaces", instance_id="vm")
    assert of(store) == []
    with pytest.raises(errors.ValidationError, match="tenant_id should be present"):
        create(store, tenant_id=None)
    assert check.check(store.db) == []


def test_more_addresses_for_an_interface(store: Store) -> None:
    store.block(network_id="net")
    store.block("fd00::/64", network_id="net")
    store.block("10.1.0.0/24", network_id="other")
    create(store, id="vif", mac_address=MAC, tenant_id="lessee")
    at = {"instance_id": "vm", "interface_id": "vif"}
    both = store.call("add_interface_ip_addresses", network=NET, **at)["ip_addresses"]
    assert [address["version"] for address in both] == [4, 6]
    assert all(address["interface_id"] == "vif" for address in both)
    assert both[0]["ip_block"]["cidr"] == "10.0.0.0/24"
    wanted = {**NET, "addresses": ["10.0.0.9", "fd00::9", "10.0.0.8"]}
    more = store.call("add_interface_ip_addresses", network=wanted, **at)["ip_addresses"]
    assert texts(more) == ["10.0.0.9", "fd00:" + "0000:" * 6 + "0009", "10.0.0.8"]
    listed = store.call("list_interface_ip_addresses", **at)["ip_addresses"]
    assert listed == both + more
    assert store.call("list_instance_ip_addresses", instance_id="vm")["ip_addresses"] == listed
    leased = store.call("list_allocated_ip_addresses", tenant_id="lessee")["ip_addresses"]
    assert texts(leased) == texts(listed)

    cases: list[tuple[dict[str, Any], dict[str, Any], type[errors.IpamError]]] = [
        (at, {**NET, "addresses": ["10.0.0.10", "10.0.0.9"]}, errors.AddressAlreadyAllocated),
        (at, {**NET, "addresses": ["10.7.7.7"]}, errors.AddressNotInBlock),
        (at, {**NET, "addresses": ["garbage"]}, errors.ValidationError),
        (at, {**NET, "id": "other"}, errors.InterfaceOnAnotherNetwork),
        (at, {**NET, "id": "none"}, errors.NetworkNotFound),
        (at, {**NET, "tenant_id": "lessee"}, errors.NetworkNotFound),
        (at, {}, errors.MissingParameters),
        (at, {"id": "net"}, errors.MissingParameters),
        ({**at, "instance_id": "another"}, NET, errors.InterfaceNotFound),
        ({**at, "interface_id": "none"}, {**NET, "id": "none"}, errors.InterfaceNotFound),
    ]
    for where, network, expected in cases:
        with pytest.raises(expected):
            store.call("add_interface_ip_addresses", network=network, **where)
    assert store.call("list_interface_ip_addresses", **at)["ip_addresses"] == listed
    with pytest.raises(errors.InterfaceNotFound):
        store.call("list_interface_ip_addresses", instance_id="another", interface_id="vif")
    assert check.check(store.db) == []


def test_the_events_of_an_interface_list_its_first_addresses(store: Store) -> None:
    """A message, and a row of MariaDB, holds some ten thousand; each has an event of its own."""
    block = store.block("10.0.0.0/16", network_id="net")["id"]
    chosen = [f"10.0.{number // 250}.{number % 250 + 2}" for number in range(5001)]
    with pytest.raises(errors.ValidationError, match="at most 5000"):
        create(store, id="vif", network={**NET, "addresses": chosen})
    assert store.rows("SELECT id FROM interfaces") == []
    shown = create(store, id="vif", network={**NET, "addresses": chosen[:1200]})
    assert texts(shown["ip_addresses"]) == chosen[:1200]
    route = {"destination": "10.9.0.0", "netmask": "255.255.0.0", "gateway": "10.0.0.1"}
    at = {"tenant_id": TENANT, "ip_block_id": block}
    for _ in range(10):  # every address repeats them
        store.call("create_ip_route", ip_route=route, **at)
    store.call("delete_instance_interface", instance_id="vm", interface_id="vif")
    (_, made), (_, gone) = (told(store, f"interface.{verb}")[-1] for verb in ("create", "delete"))
    assert texts(made["ip_addresses"]) == chosen[:1000]
    assert made["ip_addresses_left_out"] == 200
    assert texts(gone["ip_addresses"]) == chosen[: len(gone["ip_addresses"])]
    assert len(gone["ip_addresses"]) < 1000
    assert len(gone["ip_addresses"]) + gone["ip_addresses_left_out"] == 1200


def test_one_address_less(store: Store) -> None:
    block = store.block(network_id="net")["id"]
    create(store, id="vif", network={**NET, "addresses": ["10.0.0.8", "10.0.0.9"]})
    create(store, id="bare")
    at = {"instance_id": "vm", "interface_id": "vif"}
    store.call("remove_interface_ip_address", address="10.0.0.8", **at)
    for text in ("10.0.0.8", "10.0.0.99", "garbage"):
        with pytest.raises(errors.IpAddressNotFound) as caught:
            store.call("remove_interface_ip_address", address=text, **at)
        wanted = {"address": text, "interface_id": "vif"}
        assert caught.value.message == f"IpAddress with {wanted} for network net not found"
    with pytest.raises(errors.IpAddressNotFound, match="^IpAddress Not Found$"):
        store.call(
            "remove_interface_ip_address",
            instance_id="vm", interface_id="bare", address="10.0.0.9",
        )  # fmt: skip
    with pytest.raises(errors.InterfaceNotFound):
        store.call("remove_interface_ip_address", address="10.0.0.9", **{**at, "instance_id": "x"})
    assert texts(store.call("list_interface_ip_addresses", **at)["ip_addresses"]) == ["10.0.0.9"]
    # The address rests, and can be restored to its interface.
    with pytest.raises(errors.AddressAlreadyAllocated):
        store.allocate(block, "10.0.0.8")
    store.restore(block, "10.0.0.8")
    assert len(store.call("list_interface_ip_addresses", **at)["ip_addresses"]) == 2
    assert check.check(store.db) == []


def test_the_same_address_of_two_blocks_is_released_in_one(store: Store) -> None:
    # Private blocks of no network may overlap, and an interface may be in both.
    blocks = [store.block()["id"] for _ in range(2)]
    create(store, id="vif")
    for block in blocks:
        store.allocate(block, "10.0.0.5", interface_id="vif")
    at = {"instance_id": "vm", "interface_id": "vif"}
    for left in (1, 0):
        store.call("remove_interface_ip_address", address="10.0.0.5", **at)
        assert len(store.call("list_interface_ip_addresses", **at)["ip_addresses"]) == left
        assert check.check(store.db) == []
