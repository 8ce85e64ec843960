"""One search by address, CIDR, MAC address, or the id or name of anything."""

from __future__ import annotations

from typing import Any

import pytest

from ipamd import errors
from tests.db.store import TENANT, Store


def search(store: Store, text: str, **args: Any) -> dict[str, Any]:
    """Search; return what was found of each kind that something was found of."""
    found = store.call("search_resources", text=text, **args)
    return {name: value for name, value in found.items() if value}


def cidrs(found: dict[str, Any]) -> list[str]:
    return [block["cidr"] for block in found["ip_blocks"]]


def test_an_address_finds_itself_and_the_blocks_around_it(store: Store) -> None:
    top = store.block("10.0.0.0/16")["id"]
    inner = store.subnet(top, "10.0.1.0/24")["id"]
    store.block("10.1.0.0/16")
    store.block("0.0.0.0/0", network_id="everything")
    address = store.allocate(inner, used_by_device="vm-1")
    found = search(store, f" {address} ")
    assert found["read_as"] == "address"
    assert cidrs(found) == ["0.0.0.0/0", "10.0.0.0/16", "10.0.1.0/24"]
    assert [a["used_by_device"] for a in found["ip_addresses"]] == ["vm-1"]
    assert cidrs(search(store, "10.1.255.255")) == ["0.0.0.0/0", "10.1.0.0/16"]


def test_ipv6_addresses_are_found_in_any_spelling(store: Store) -> None:
    block = store.block("2001:db8::/64")["id"]
    store.allocate(block, "2001:db8::a", mac_address="02-00-00-00-00-01")
    found = search(store, "2001:0DB8:0::000a")
    assert cidrs(found) == ["2001:db8::/64"]
    assert len(found["ip_addresses"]) == 1


def test_a_cidr_finds_the_blocks_around_it_and_inside_it(store: Store) -> None:
    for network, cidr in enumerate(("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "11.0.0.0/8")):
        store.block(cidr, network_id=str(network))
    found = search(store, "10.1.0.0/16")
    assert found["read_as"] == "cidr"
    assert cidrs(found) == ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24"]
    assert cidrs(search(store, "10.1.2.128/25")) == ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24"]


def test_a_mac_address_finds_its_interface_in_any_spelling(store: Store) -> None:
    block = store.block()["id"]
    store.allocate(block, mac_address="bc:ad:ce:00:00:07")
    for text in ("BC-AD-CE-00-00-07", "bcad.ce00.0007"):
        found = search(store, text)
        assert found["read_as"] == "mac_address"
        (interface,) = found["interfaces"]
        assert interface["id"] == "vif"
        assert interface["mac_address"] == "BC:AD:CE:00:00:07"


def test_names_find_interfaces_instances_tenants_networks_and_attachments(store: Store) -> None:
    network = store.call("create_network", tenant_id=TENANT, network={"name": "front"})["id"]
    block = store.block(network_id=network)["id"]
    store.allocate(block, used_by_device="vm-1")
    port = store.call("create_port", tenant_id=TENANT, network_id=network, port={})["id"]
    store.call("set_port_attachment", tenant_id=TENANT, network_id=network, port_id=port,
               attachment={"id": "vif"})  # fmt: skip
    assert sorted(search(store, "vif")) == ["interfaces", "ip_addresses", "ports", "read_as"]
    assert sorted(search(store, "vm-1")) == ["interfaces", "ip_addresses", "read_as"]
    assert sorted(search(store, TENANT)) == [
        "interfaces", "ip_addresses", "ip_blocks", "networks", "read_as",
    ]  # fmt: skip
    assert sorted(search(store, network)) == ["ip_blocks", "networks", "read_as"]
    assert cidrs(search(store, block)) == ["10.0.0.0/24"]
    assert [n["id"] for n in search(store, "front")["networks"]] == [network]
    assert search(store, "nothing of that name") == {"read_as": "name"}


def test_long_lists_are_cut_and_say_so(store: Store) -> None:
    block = store.block()["id"]
    store.bulk(block, 5)
    found = search(store, "vif", limit=3)
    assert len(found["ip_addresses"]) == 3
    assert found["more"] == ["ip_addresses"]
    # An interface of tenant "vif" and id "vif" is one find.
    store.allocate(block, interface_id="twice", used_by_device="twice")
    assert len(search(store, "twice")["interfaces"]) == 1


def test_a_tenant_finds_what_it_owns_or_leases(store: Store) -> None:
    block = store.block()["id"]
    store.allocate(block, interface_id="mine", tenant_id="lessee")
    theirs = search(store, "10.0.0.2", tenant_id="lessee")
    assert sorted(theirs) == ["ip_addresses", "read_as"]
    assert sorted(search(store, "10.0.0.2", tenant_id=TENANT)) == ["ip_blocks", "read_as"]
    assert search(store, "mine", tenant_id=TENANT) == {"read_as": "name"}


@pytest.mark.parametrize("text", ["", "   ", "x" * 256])
def test_texts_that_cannot_be_anything_are_refused(store: Store, text: str) -> None:
    with pytest.raises(errors.ValidationError, match="text"):
        search(store, text)
