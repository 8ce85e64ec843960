"""An instance's virtual interfaces: whose, and in which network."""

from __future__ import annotations

from typing import Any

import pytest

from ipamd import errors
from tests.db.store import TENANT, Store
from tests.operations.quantum import network, port


def interface(store: Store, interface_id: str, **values: Any) -> None:
    body = {"id": interface_id, "tenant_id": TENANT, "device_id": "vm", **values}
    store.call("create_interface", interface=body)


def net_ids(store: Store, **args: Any) -> dict[str, str | None]:
    found = store.call("list_virtual_interfaces", instance_id="vm", **args)
    return {item["id"]: item["net_id"] for item in found["virtual_interfaces"]}


def test_the_network_is_the_ports_else_the_addresses_else_none(store: Store) -> None:
    plugged, addressed = network(store), network(store)
    store.block("10.0.0.0/24", network_id=addressed)
    store.block("10.1.0.0/24", network_id=plugged)
    interface(store, "addressed", network={"id": addressed, "tenant_id": TENANT})
    interface(store, "both", network={"id": plugged, "tenant_id": TENANT})
    interface(store, "neither")
    interface(store, "plugged")
    interface(store, "elsewhere", device_id="vm-2")
    port(store, plugged, attachment="both")
    port(store, plugged, attachment="plugged")
    assert net_ids(store) == {
        "addressed": addressed, "both": plugged, "neither": None, "plugged": plugged,
    }  # fmt: skip


def test_addresses_in_quarantine_tell_no_network(store: Store) -> None:
    network_id = network(store)
    block = store.block("10.0.0.0/24", network_id=network_id)
    interface(store, "vif")
    address = store.allocate(block["id"], interface_id="vif")
    assert net_ids(store) == {"vif": network_id}
    store.deallocate(block["id"], address)
    assert net_ids(store) == {"vif": None}


def test_mac_addresses(store: Store) -> None:
    interface(store, "with", mac_address="02-00-00-00-00-0a")
    interface(store, "without")
    listed = store.call("list_virtual_interfaces", instance_id="vm")
    assert listed == {
        "virtual_interfaces": [
            {"id": "with", "mac_address": "02:00:00:00:00:0A", "net_id": None},
            {"id": "without", "mac_address": None, "net_id": None},
        ],
        "next_marker": None,
    }


def test_an_instance_without_interfaces_is_not_found(store: Store) -> None:
    interface(store, "vif")
    for args in (
        {"instance_id": "vm-2"},
        {"instance_id": "é"},
        {"instance_id": "vm", "tenant_id": "other"},
    ):
        with pytest.raises(errors.InstanceNotFound):
            store.call("list_virtual_interfaces", **args)
    store.call("delete_interface", interface_id="vif")
    with pytest.raises(errors.InstanceNotFound):
        store.call("list_virtual_interfaces", instance_id="vm")


def test_a_tenant_sees_its_own(store: Store) -> None:
    interface(store, "a")
    interface(store, "b", tenant_id="other")
    assert set(net_ids(store)) == {"a", "b"}
    assert set(net_ids(store, tenant_id="other")) == {"b"}


def test_pages_add_up(store: Store) -> None:
    for name in "abc":
        interface(store, name)
    first = store.call("list_virtual_interfaces", instance_id="vm", limit=2)
    assert [item["id"] for item in first["virtual_interfaces"]] == ["a", "b"]
    second = store.call("list_virtual_interfaces", instance_id="vm", marker=first["next_marker"])
    assert [item["id"] for item in second["virtual_interfaces"]] == ["c"]
    beyond = store.call("list_virtual_interfaces", instance_id="vm", marker="z")
    assert beyond == {"virtual_interfaces": [], "next_marker": None}


def test_an_instance_may_have_a_number(store: Store) -> None:
    interface(store, "vif", device_id=7)
    found = store.call("list_virtual_interfaces", instance_id="7")
    assert [item["id"] for item in found["virtual_interfaces"]] == ["vif"]
    with pytest.raises(errors.ValidationError):
        interface(store, "other", device_id=True)
