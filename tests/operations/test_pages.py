"""Every list of what hangs on policies, blocks, addresses and interfaces, page by page."""

from __future__ import annotations

from typing import Any

import pytest

from ipamd import errors
from tests.db.store import TENANT, Store

COUNT = 5


def filled(store: Store) -> list[tuple[str, str, dict[str, Any]]]:
    """Make ``COUNT`` of each; return the lists: method, root key and arguments."""
    mine = {"tenant_id": TENANT}
    policies = [
        store.call("create_policy", policy={"name": f"p{number}"}, **mine)["id"]
        for number in range(COUNT)
    ]
    of_policy = {**mine, "policy_id": policies[0]}
    block = store.block(network_id="net")["id"]
    public = store.block("192.0.2.0/24", type="public")["id"]
    of_block = {**mine, "ip_block_id": block}
    route = {"destination": "10.9.0.0/16", "gateway": "10.0.0.1"}
    network = {"id": "net", "tenant_id": TENANT}
    for number in range(COUNT):
        body = {"offset": number, "length": 0}
        store.call("create_unusable_ip_range", ip_range=body, **of_policy)
        store.call("create_unusable_ip_octet", ip_octet={"octet": number}, **of_policy)
        store.call("create_ip_route", ip_route=route, **of_block)
        made = {"id": f"vif{number}", "tenant_id": TENANT, "network": network}
        store.call("create_instance_interface", instance_id="vm", interface=made)
        store.allocate(public, f"192.0.2.{number + 2}")
    more: dict[str, Any] = {"network": {**network, "addresses": ["10.0.0.50", "10.0.0.51"]}}
    of_interface = {"instance_id": "vm", "interface_id": "vif0"}
    store.call("add_interface_ip_addresses", **more, **of_interface)
    for number in (3, 4):
        allowed = {"network_id": "net", "ip_address": f"10.0.0.{number}"}
        store.call("add_allowed_ip", interface_id="vif0", allowed_ip=allowed, **mine)
    local = {"ip_block_id": block, "address": "10.0.0.2"}
    outer = {"ip_block_id": public, "address": "192.0.2.2"}
    outside = [{"ip_block_id": public, "ip_address": f"192.0.2.{n + 2}"} for n in range(COUNT)]
    inside = [{"ip_block_id": block, "ip_address": f"10.0.0.{n + 2}"} for n in range(COUNT)]
    store.call("add_inside_globals", ip_addresses=outside, **local)
    store.call("add_inside_locals", ip_addresses=inside, **outer)
    return [
        ("list_policies", "policies", mine),
        ("list_unusable_ip_ranges", "ip_ranges", of_policy),
        ("list_unusable_ip_octets", "ip_octets", of_policy),
        ("list_ip_routes", "ip_routes", of_block),
        ("list_instance_interfaces", "interfaces", {"instance_id": "vm"}),
        ("list_instance_ip_addresses", "ip_addresses", {"instance_id": "vm"}),
        ("list_interface_ip_addresses", "ip_addresses", of_interface),
        ("list_allowed_ips", "ip_addresses", {**mine, "interface_id": "vif0"}),
        ("list_inside_globals", "ip_addresses", local),
        ("list_inside_locals", "ip_addresses", outer),
    ]


def test_pages_add_up_to_the_list(store: Store) -> None:
    for method, root, arguments in filled(store):
        found = store.call(method, **arguments)
        assert found["next_marker"] is None
        whole = found[root]
        assert len(whole) == {
            "list_instance_ip_addresses": 7,
            "list_interface_ip_addresses": 3,
        }.get(method, COUNT), method
        for limit in (1, 2, len(whole) - 1, len(whole)):
            read: list[Any] = []
            marker = None
            while True:
                page = store.call(method, limit=limit, marker=marker, **arguments)
                assert 1 <= len(page[root]) <= limit
                read += page[root]
                marker = page["next_marker"]
                if marker is None:
                    break
                assert len(page[root]) == limit
            assert read == whole, (method, limit)
        for marker in ("zzz", "~", "é"):
            page = store.call(method, marker=marker, **arguments)
            assert page == {root: [], "next_marker": None}, (method, marker)
        for limit in (0, -1):
            with pytest.raises(errors.ValidationError, match="limit"):
                store.call(method, limit=limit, **arguments)


def test_a_page_starts_behind_a_marker_that_is_gone(store: Store) -> None:
    made = [
        store.call("create_instance_interface", instance_id="vm", interface={"tenant_id": TENANT})
        for _ in range(3)
    ]
    marker = store.call("list_instance_interfaces", instance_id="vm", limit=1)["next_marker"]
    first, second, third = (interface["id"] for interface in made)
    for gone in (first, second):
        store.call("delete_instance_interface", instance_id="vm", interface_id=gone)
    found = store.call("list_instance_interfaces", instance_id="vm", marker=marker)
    assert [interface["id"] for interface in found["interfaces"]] == [third]
