"""Static routes of a block."""

from __future__ import annotations

from typing import Any

import pytest

from ipamd import errors
from tests.db.store import TENANT, Store, together
from tests.operations.events import told, types

ROUTE = {"destination": "10.9.0.0", "netmask": "255.255.0.0", "gateway": "10.0.0.1"}


@pytest.fixture
def at(store: Store) -> dict[str, Any]:
    """Where the routes of a block are found."""
    return {"tenant_id": TENANT, "ip_block_id": store.block(network_id="net")["id"]}


def test_a_route_lives(store: Store, at: dict[str, Any]) -> None:
    made = store.call("create_ip_route", ip_route={**ROUTE, "id": "x"}, **at)
    assert set(made) == {"id", "destination", "netmask", "gateway", "created_at", "updated_at"}
    assert {name: made[name] for name in ROUTE} == ROUTE
    here = {"ip_route_id": made["id"], **at}
    assert store.call("get_ip_route", **here) == made
    changed = store.call("update_ip_route", ip_route={"netmask": None}, **here)
    assert {name: changed[name] for name in ROUTE} == {**ROUTE, "netmask": None}
    assert store.call("update_ip_route", ip_route={}, **here) == changed
    assert store.call("list_ip_routes", **at)["ip_routes"] == [changed]
    store.call("delete_ip_route", **here)
    assert store.call("list_ip_routes", **at)["ip_routes"] == []
    gone: list[tuple[str, dict[str, Any]]] = [
        ("get_ip_route", {}),
        ("delete_ip_route", {}),
        ("update_ip_route", {"ip_route": ROUTE}),
    ]
    for method, more in gone:
        with pytest.raises(errors.IpRouteNotFound, match="^IpRoute Not Found$"):
            store.call(method, **here, **more)
    events = told(store, "ip_route")
    assert [kind.partition(".")[2] for kind, _ in events] == ["create", "update", "delete"]
    assert all(payload["ip_block_id"] == at["ip_block_id"] for _, payload in events)


def test_an_allocation_in_the_network_brings_the_routes(store: Store, at: dict[str, Any]) -> None:
    made = store.call("create_ip_route", ip_route=ROUTE, **at)
    found = store.call(
        "allocate_network_ips", tenant_id=TENANT, network_id="net", interface_id="vif"
    )
    (address,) = found["ip_addresses"]
    assert address["ip_block"]["ip_routes"] == [{"id": made["id"], **ROUTE}]


def test_what_a_route_may_say(store: Store, at: dict[str, Any]) -> None:
    for changed in (
        {"destination": "0.0.0.0", "netmask": "0.0.0.0"},
        {"destination": "10.9.0.0/16", "netmask": None},
        {"destination": "::/0", "netmask": "", "gateway": "fd00::1"},
        {"destination": "fd00:1::", "netmask": "64", "gateway": "fd00::1"},
        {"netmask": "16"},
    ):
        body = {**ROUTE, **changed}
        made = store.call("create_ip_route", ip_route=body, **at)
        assert {name: made[name] for name in ROUTE} == {k: v or None for k, v in body.items()}


def test_what_a_route_may_not_say(store: Store, at: dict[str, Any]) -> None:
    known = store.call("create_ip_route", ip_route=ROUTE, **at)
    cases: list[tuple[str, Any]] = [
        ("destination", None),
        ("destination", "everywhere"),
        ("destination", "10.9.0.0/33"),
        ("destination", 5),
        ("netmask", "255.255"),
        ("netmask", "129"),
        ("netmask", "²"),
        ("netmask", ["255.0.0.0"]),
        ("gateway", ""),
        ("gateway", "10.0.0.1/24"),
        ("gateway", "10.0.0.256"),
    ]
    for name, value in cases:
        with pytest.raises(errors.ValidationError) as caught:
            store.call("create_ip_route", ip_route={**ROUTE, name: value}, **at)
        assert list(caught.value.fields) == [name]
        with pytest.raises(errors.ValidationError):
            store.call("update_ip_route", ip_route_id=known["id"], ip_route={name: value}, **at)
    assert store.call("list_ip_routes", **at)["ip_routes"] == [known]


def test_what_is_missing_is_named(store: Store, at: dict[str, Any]) -> None:
    with pytest.raises(errors.ValidationError) as caught:
        store.call("create_ip_route", ip_route={}, **at)
    assert caught.value.fields == {
        "destination": ["destination should be present"],
        "gateway": ["gateway should be present"],
    }


def test_the_block_comes_first(store: Store, at: dict[str, Any]) -> None:
    made = store.call("create_ip_route", ip_route=ROUTE, **at)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("list_ip_routes", {}),
        ("create_ip_route", {"ip_route": {}}),
        ("get_ip_route", {"ip_route_id": made["id"]}),
        ("update_ip_route", {"ip_route_id": made["id"], "ip_route": ROUTE}),
        ("delete_ip_route", {"ip_route_id": made["id"]}),
    ]
    for method, more in calls:
        for where in ({**at, "tenant_id": "other"}, {**at, "ip_block_id": "none"}):
            with pytest.raises(errors.IpBlockNotFound):
                store.call(method, **where, **more)
    another = {**at, "ip_block_id": store.block("10.1.0.0/24")["id"]}
    with pytest.raises(errors.IpRouteNotFound):
        store.call("delete_ip_route", ip_route_id=made["id"], **another)


def test_a_route_that_many_delete_is_told_of_once(store: Store, at: dict[str, Any]) -> None:
    made = store.call("create_ip_route", ip_route=ROUTE, **at)

    def delete() -> bool:
        try:
            store.call("delete_ip_route", ip_route_id=made["id"], **at)
        except errors.IpRouteNotFound:
            return False
        return True

    assert together(*[delete] * 6).count(True) == 1
    assert types(store, "ip_route") == ["ip_route.create", "ip_route.delete"]
