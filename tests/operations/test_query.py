"""Lists by filters and order, on the three databases."""

from __future__ import annotations

from typing import Any

import pytest

from ipamd import errors
from tests.db.store import TENANT, Store


def query(store: Store, kind: str, *filters: tuple[str, Any], **args: Any) -> list[Any]:
    found = store.call("query_resources", kind=kind, filters=dict(filters), **args)
    return list(found[kind])


def test_filters_of_blocks_and_their_order(store: Store) -> None:
    for number, network in enumerate(["a", "b", None]):
        store.block(f"10.{number}.0.0/24", network_id=network)
    store.block("fd00::/64")
    cidrs = [block["cidr"] for block in query(store, "ip_blocks", sort=["cidr:desc"])]
    assert cidrs == ["fd00::/64", "10.2.0.0/24", "10.1.0.0/24", "10.0.0.0/24"]
    assert len(query(store, "ip_blocks", ("network_id", "in:a,b"))) == 2
    assert len(query(store, "ip_blocks", ("network_id", "nin:a,b"))) == 2
    assert len(query(store, "ip_blocks", ("network_id", "neq:a"))) == 3
    assert len(query(store, "ip_blocks", ("network_id", None))) == 2
    assert len(query(store, "ip_blocks", ("prefix_length", "gt:24"))) == 1
    assert query(store, "ip_blocks", ("cidr", "10.1.0.0/16")) == []
    assert len(query(store, "ip_blocks", ("cidr", "neq:10.1.0.0/24"))) == 3
    assert len(query(store, "ip_blocks", ("cidr", "in:10.1.0.0/24,fd00::/64"))) == 2
    (one,) = query(store, "ip_blocks", ("cidr", ["gt:10.1.0.0/24", "lt:11.0.0.0/8"]))
    assert one["cidr"] == "10.2.0.0/24"
    (one,) = query(store, "ip_blocks", ("cidr", "10.1.0.0/24"))
    assert one["network_id"] == "b"
    assert one["utilization"]["free"] == 253
    assert one["allocation_strategy"] == "first"
    assert query(store, "ip_blocks", tenant_id="another") == []


def test_pages_follow_an_order_of_several_fields(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    for number in range(7):
        store.allocate(block, interface_id=f"vif-{number % 2}")
    seen: list[str] = []
    marker = None
    while True:
        found = store.call(
            "query_resources", kind="ip_addresses", sort=["address:desc"], limit=3, marker=marker
        )
        seen += [address["address"] for address in found["ip_addresses"]]
        marker = found["next_marker"]
        if marker is None:
            break
    assert seen == [f"10.0.0.{number}" for number in range(8, 1, -1)]


def test_a_value_that_begins_like_an_operator(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    for vif in ("in:a", "a", "a,b"):
        store.allocate(block, interface_id=vif)
    for vif in ("in:a", "a,b"):
        (one,) = query(store, "interfaces", ("id", f"eq:{vif}"))
        assert one["id"] == vif
    (one,) = query(store, "interfaces", ("id", "in:a"))
    assert one["id"] == "a"


def test_the_status_of_addresses(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    held, released = store.allocate(block), store.allocate(block)
    where = {"tenant_id": TENANT, "ip_block_id": block}
    store.call("deallocate_ip_address", address=released, **where)
    (one,) = query(store, "ip_addresses", ("status", "quarantined"))
    assert one["address"] == released
    assert one["deallocated_at"] is not None
    (one,) = query(store, "ip_addresses", ("status", "allocated"), ("address", held))
    assert one["used_by_tenant"] == TENANT


def test_every_kind_has_a_form(store: Store) -> None:
    block = store.block("10.0.0.0/24", network_id="n")["id"]
    outer = store.block("10.1.0.0/24")["id"]
    where = {"tenant_id": TENANT, "ip_block_id": block}
    local, globe = store.allocate(block), store.allocate(outer, interface_id="other")
    route = {"destination": "0.0.0.0/0", "gateway": "10.0.0.1"}
    store.call("create_ip_route", ip_route=route, **where)
    wanted = [{"ip_block_id": outer, "ip_address": globe}]
    store.call("add_inside_globals", address=local, ip_addresses=wanted, **where)
    policy = store.call("create_policy", tenant_id=TENANT, policy={"name": "p"})
    mine = {"tenant_id": TENANT, "policy_id": policy["id"]}
    store.call("create_unusable_ip_octet", ip_octet={"octet": 9}, **mine)
    store.call("create_mac_address_range", mac_address_range={"cidr": "BC-AD-CE-00-00-00/24"})
    network = store.call("create_network", tenant_id=TENANT, network={"name": "n", "x": "y"})
    store.call("create_port", tenant_id=TENANT, network_id=network["id"], port={})
    assert [r["destination"] for r in query(store, "ip_routes")] == ["0.0.0.0/0"]
    (nat,) = query(store, "nat", ("inside_local", local))
    assert nat["inside_global"] == {"ip_block_id": outer, "address": globe}
    (shown,) = query(store, "policies")
    assert shown["unusable_ip_octets"] == [9]
    assert len(query(store, "mac_address_ranges", tenant_id="anybody")) == 1
    (shown,) = query(store, "networks", tenant_id=TENANT)
    assert shown["extra"] == {"x": "y"}
    (shown,) = query(store, "ports", ("network_id", network["id"]))
    assert shown["tenant_id"] == TENANT
    assert {interface["id"] for interface in query(store, "interfaces")} == {"vif", "other"}


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ({"kind": "secrets"}, "kind"),
        ({"kind": "ip_blocks", "filters": {"colour": "red"}}, "colour"),
        ({"kind": "ip_blocks", "filters": {"cidr": "red"}}, "cidr"),
        ({"kind": "ip_blocks", "filters": {"created_at": "gt:yesterday"}}, "created_at"),
        ({"kind": "ip_blocks", "filters": {"created_at": "0001-01-01T00:00+12:00"}}, "created_at"),
        ({"kind": "ip_blocks", "filters": {"prefix_length": "9" * 30}}, "prefix_length"),
        ({"kind": "ip_blocks", "filters": {"prefix_length": "-1"}}, "prefix_length"),
        ({"kind": "ip_blocks", "filters": {"id": "in:" + "a," * 200}}, "id"),
        ({"kind": "ip_blocks", "filters": {"id": ["neq:a"] * 51}}, "filters"),
        ({"kind": "ip_blocks", "sort": ["id"] * 6}, "sort"),
        ({"kind": "ip_blocks", "filters": {"tenant_id": 7}}, "tenant_id"),
        ({"kind": "ip_blocks", "sort": ["network_id"]}, "sort"),
        ({"kind": "ip_blocks", "sort": ["cidr:up"]}, "sort"),
        ({"kind": "ip_blocks", "sort": ["cidr"], "marker": "gone"}, "marker"),
        ({"kind": "ip_blocks", "limit": 0}, "limit"),
    ],
)
def test_what_is_wrong_is_named(store: Store, args: dict[str, Any], named: str) -> None:
    with pytest.raises(errors.ValidationError, match=named):
        store.call("query_resources", **args)
