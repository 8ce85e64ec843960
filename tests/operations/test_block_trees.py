"""Blocks as a tree: one level at a time, in the order of addresses, with sums."""

from __future__ import annotations

from typing import Any

import pytest

from ipamd import errors
from ipamd.context import RequestContext
from tests.db.statements import counted
from tests.db.store import TENANT, Store


def tree(store: Store, **args: Any) -> list[Any]:
    found = store.call("list_ip_block_tree", **args)["ip_blocks"]
    return [(block["cidr"], block["subnets"], block["below"]) for block in found]


def test_levels_are_in_the_order_of_addresses_and_add_up(store: Store) -> None:
    store.block("fd00::/64")
    top = store.block("10.0.0.0/16")["id"]
    store.block("9.0.0.0/24")
    inner = store.subnet(top, "10.0.128.0/24")["id"]
    store.subnet(top, "10.0.0.0/24")
    leaf = store.subnet(inner, "10.0.128.64/26")["id"]
    store.bulk(leaf, 3)
    store.deallocate(leaf, "10.0.128.66")
    below = {"subnets": 3, "size": 512, "allocated": 2, "quarantined": 1}
    assert tree(store) == [
        ("9.0.0.0/24", 0, None),
        ("10.0.0.0/16", 2, below),
        ("fd00::/64", 0, None),
    ]
    below = {"subnets": 1, "size": 64, "allocated": 2, "quarantined": 1}
    assert tree(store, parent_id=top) == [
        ("10.0.0.0/24", 0, None),
        ("10.0.128.0/24", 1, below),
    ]
    (only,) = store.call("list_ip_block_tree", parent_id=inner)["ip_blocks"]
    assert only["utilization"]["allocated"] == 2
    assert tree(store, parent_id=leaf) == []


def test_the_blocks_of_a_network_are_a_tree_of_their_own(store: Store) -> None:
    top = store.block("10.0.0.0/16", network_id="blue")["id"]
    store.subnet(top, "10.0.7.0/24")
    store.block("10.0.0.0/24", network_id="red")
    assert [cidr for cidr, _, _ in tree(store, network_id="blue")] == ["10.0.0.0/16"]
    assert tree(store, network_id="none") == []


def test_sizes_below_an_ipv6_block_are_exact(store: Store) -> None:
    top = store.block("2001:db8::/32")["id"]
    store.subnet(top, "2001:db8:1::/48")
    ((_, _, below),) = tree(store)
    assert below["size"] == 2**80


def test_pages_hold_every_block_once(store: Store) -> None:
    # Two of the same CIDR, in networks of their own.
    for network, cidr in enumerate(("10.1.0.0/24", "10.0.0.0/24", "10.0.0.0/24", "10.0.0.0/25")):
        store.block(cidr, network_id=str(network))
    seen: list[str] = []
    marker = None
    while True:
        found = store.call("list_ip_block_tree", limit=1, marker=marker)
        seen += [block["cidr"] for block in found["ip_blocks"]]
        marker = found["next_marker"]
        if marker is None:
            break
    assert seen == ["10.0.0.0/24", "10.0.0.0/24", "10.0.0.0/25", "10.1.0.0/24"]
    with pytest.raises(errors.ValidationError, match="marker is gone"):
        store.call("list_ip_block_tree", marker="gone")


def test_a_tenants_tree_begins_where_its_own_blocks_do(store: Store) -> None:
    top = store.block("10.0.0.0/16")["id"]
    body = {"cidr": "10.0.7.0/24", "tenant_id": "lessee"}
    theirs = store.call("create_subnet", tenant_id=TENANT, ip_block_id=top, subnet=body)["id"]
    store.call("create_subnet", tenant_id="lessee", ip_block_id=theirs,
               subnet={"cidr": "10.0.7.0/26"})  # fmt: skip
    assert [cidr for cidr, _, _ in tree(store, tenant_id=TENANT)] == ["10.0.0.0/16"]
    assert [cidr for cidr, _, _ in tree(store, tenant_id="lessee")] == ["10.0.7.0/24"]
    inside = tree(store, tenant_id="lessee", parent_id=theirs)
    assert [cidr for cidr, _, _ in inside] == ["10.0.7.0/26"]
    with pytest.raises(errors.IpBlockNotFound):
        tree(store, tenant_id="lessee", parent_id=top)
    assert tree(store, tenant_id="nobody") == []


def test_a_confined_request_neither_sees_nor_counts_another_tenants_subnets(
    store: Store,
) -> None:
    top = store.block("10.0.0.0/16")["id"]
    mine = store.subnet(top, "10.0.1.0/24")["id"]
    body = {"cidr": "10.0.7.0/24", "tenant_id": "lessee"}
    theirs = store.call("create_subnet", tenant_id=TENANT, ip_block_id=top, subnet=body)["id"]
    held = {"interface_id": "v", "tenant_id": "lessee"}
    store.call("allocate_ip_address", tenant_id="lessee", ip_block_id=theirs, ip_address=held)

    def confined(method: str, **args: Any) -> Any:
        context = RequestContext(project_id=TENANT, confined=True, overwrite=False)
        return store.manager.call(context, method, args)

    (shown,) = confined("list_ip_block_tree")["ip_blocks"]
    below = {"subnets": 1, "size": 256, "allocated": 0, "quarantined": 0}
    assert (shown["subnets"], shown["below"]) == (1, below)
    inside = confined("list_ip_block_tree", parent_id=top)["ip_blocks"]
    assert [block["id"] for block in inside] == [mine]
    seen = confined("get_ip_block_map", ip_block_id=top)
    assert ([block["id"] for block in seen["subnets"]], seen["below"]) == ([mine], below)
    (found,) = confined("search_resources", text="10.0.7.1")["ip_blocks"]
    assert (found["id"], found["below"]) == (top, below)
    for method in ("get_ip_block_map", "list_used_ranges"):
        with pytest.raises(errors.IpBlockNotFound):
            confined(method, ip_block_id=theirs)
    store.call("delete_ip_block", tenant_id=TENANT, ip_block_id=mine)
    (shown,) = confined("list_ip_block_tree")["ip_blocks"]
    assert (shown["subnets"], shown["below"]) == (0, None)


def test_a_level_costs_two_statements(store: Store) -> None:
    for number in range(20):
        top = store.block(f"10.{number}.0.0/16")["id"]
        store.subnet(top, f"10.{number}.0.0/24")
    with counted(store.db) as statements:
        assert len(tree(store)) == 20
    assert len(statements) == 2
