"""Quantum's networks: one tenant's, with keys of the caller's own, in use or not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ipamd import errors
from tests.db.store import TENANT, Store
from tests.operations.quantum import events, network, port


def listed(store: Store, **filters: Any) -> set[str]:
    found = store.call("list_networks", tenant_id=TENANT, **filters)
    return {str(item["name"]) for item in found["networks"]}


def test_a_network_gives_back_what_it_was_made_of(store: Store) -> None:
    body = {"name": "blue", "nova_id": "nova", "tags": ["ä", None, 1.5], "id": "mine", "ports": []}
    made = store.call("create_network", tenant_id=TENANT, network=body)
    assert made["id"] != "mine"
    assert {key: made[key] for key in ("tenant_id", "name", "op_status", "nova_id", "tags")} == {
        "tenant_id": TENANT,
        "name": "blue",
        "op_status": "UP",
        "nova_id": "nova",
        "tags": ["ä", None, 1.5],
    }
    assert "ports" not in made
    assert made["created_at"] == made["updated_at"]
    assert store.call("get_network", tenant_id=TENANT, network_id=made["id"]) == made


def test_networks_made_at_once_differ_in_the_start_of_their_ids(store: Store) -> None:
    starts = {network(store)[:11] for _ in range(20)}
    assert len(starts) == 20


def test_an_update_changes_what_it_names(store: Store) -> None:
    at = {"tenant_id": TENANT, "network_id": network(store, "old", colour="red", size=1)}
    store.call("update_network", network={"size": 2}, **at)
    changed = store.call("update_network", network={"name": "new", "id": "other"}, **at)
    assert (changed["name"], changed["colour"], changed["size"]) == ("new", "red", 2)
    assert changed["id"] == at["network_id"]
    assert store.call("get_network", **at) == changed


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": None},
        {"name": ""},
        {"name": 7},
        {"name": "n" * 256},
        {"name": "a\0b"},
        {"name": "n", "note": "x" * 66000},
        {"name": "n", "note": float("nan")},
    ],
)
def test_what_cannot_be_stored_is_refused(store: Store, body: dict[str, Any]) -> None:
    with pytest.raises(errors.ValidationError):
        store.call("create_network", tenant_id=TENANT, network=body)
    at = {"tenant_id": TENANT, "network_id": network(store)}
    if body:
        with pytest.raises(errors.ValidationError):
            store.call("update_network", network=body, **at)
    assert listed(store) == {"net"}
    assert events(store) == ["network.create"]


@pytest.mark.parametrize("network_id", ["gone", "é", "x" * 255, "' OR 1=1 --"])
def test_what_is_not_there_is_not_found(store: Store, network_id: str) -> None:
    at = {"tenant_id": TENANT, "network_id": network_id}
    port_at = {**at, "port_id": "p"}
    for method, args in (
        ("get_network", at),
        ("update_network", {**at, "network": {"name": "n"}}),
        ("delete_network", at),
        ("list_ports", at),
        ("create_port", at),
        ("get_port", port_at),
        ("get_port_attachment", port_at),
        ("set_port_attachment", {**port_at, "attachment": {"id": "vif"}}),
        ("delete_port_attachment", port_at),
        ("delete_port", port_at),
    ):
        with pytest.raises(errors.NetworkNotFound, match="could not be found"):
            store.call(method, **args)
    assert events(store) == []


def test_another_tenant_sees_nothing(store: Store) -> None:
    network_id = network(store)
    port_id = port(store, network_id)
    at = {"tenant_id": "other", "network_id": network_id}
    port_at = {**at, "port_id": port_id}
    before = events(store)
    for method, args in (
        ("get_network", at),
        ("update_network", {**at, "network": {"name": "mine now"}}),
        ("delete_network", at),
        ("list_ports", at),
        ("create_port", at),
        ("get_port", port_at),
        ("update_port", {**port_at, "port": {"state": "ACTIVE"}}),
        ("set_port_attachment", {**port_at, "attachment": {"id": "vif"}}),
        ("delete_port", port_at),
    ):
        with pytest.raises(errors.NetworkNotFound):
            store.call(method, tenant="other", **args)
    assert store.call("list_networks", tenant_id="other")["networks"] == []
    assert events(store) == before


def test_a_network_goes_with_its_ports_unless_one_is_in_use(store: Store) -> None:
    at = {"tenant_id": TENANT, "network_id": network(store)}
    port(store, at["network_id"])
    busy = port(store, at["network_id"], attachment="vif")
    with pytest.raises(errors.NetworkInUse, match="1 port"):
        store.call("delete_network", **at)
    assert len(store.call("list_ports", **at)["ports"]) == 2
    store.call("delete_port_attachment", port_id=busy, **at)
    store.call("delete_network", **at)
    assert store.rows("SELECT id FROM ports") == []
    assert store.rows("SELECT id FROM networks") == []
    assert events(store)[-3:] == ["port.delete", "port.delete", "network.delete"]


def test_a_network_and_blocks_of_the_same_id_are_independent(store: Store) -> None:
    network_id = network(store)
    block = store.block("10.0.0.0/24", network_id=network_id)
    store.call("delete_network", tenant_id=TENANT, network_id=network_id)
    kept = store.call("get_ip_block", tenant_id=TENANT, ip_block_id=block["id"])
    assert kept["network_id"] == network_id


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, {"empty", "idle", "busy"}),
        ({"name": "idle"}, {"idle"}),
        ({"name": "IDLE"}, set()),
        ({"name": ""}, set()),
        ({"op_status": "UP"}, {"empty", "idle", "busy"}),
        ({"op_status": "DOWN"}, set()),
        ({"port_state": "ACTIVE"}, {"busy"}),
        ({"port_state": "DOWN"}, {"idle", "busy"}),
        ({"port_op_status": "UP"}, {"idle", "busy"}),
        ({"has_attachment": True}, {"busy"}),
        ({"has_attachment": False}, {"empty", "idle"}),
        ({"attachment": "vif"}, {"busy"}),
        ({"attachment": "VIF"}, set()),
        ({"attachment": "vif", "name": "idle"}, set()),
        # The one that is active and the one with an attachment are two ports.
        ({"attachment": "vif", "port_state": "ACTIVE"}, {"busy"}),
        ({"port": "gone"}, set()),
    ],
)
def test_filters(store: Store, filters: dict[str, Any], found: set[str]) -> None:
    network(store, "empty")
    port(store, network(store, "idle"))
    busy = network(store, "busy")
    port(store, busy, attachment="vif")
    active = port(store, busy, state="ACTIVE")
    assert listed(store, **filters) == found
    assert listed(store, port=active) == {"busy"}


def test_a_filter_of_another_type_is_refused(store: Store) -> None:
    with pytest.raises(errors.ValidationError, match="has_attachment"):
        store.call("list_networks", tenant_id=TENANT, has_attachment="true")


def test_pages_add_up(store: Store) -> None:
    made = {network(store, f"n{number}") for number in range(5)}
    network(store, "foreign", tenant="other")
    seen: list[str] = []
    marker = None
    while True:
        page = store.call("list_networks", tenant_id=TENANT, limit=2, marker=marker)
        seen += [item["id"] for item in page["networks"]]
        marker = page["next_marker"]
        if marker is None:
            break
    assert len(seen) == 5
    assert set(seen) == made


def test_events_carry_the_network(store: Store) -> None:
    made = store.call(
        "create_network",
        tenant_id=TENANT,
        network={"name": "n", "nova_id": "nova"},
        idempotency_key="once",
    )
    again = store.call(
        "create_network",
        tenant_id=TENANT,
        network={"name": "n", "nova_id": "nova"},
        idempotency_key="once",
    )
    assert again == made
    rows = store.rows("SELECT payload, tenant_id FROM outbox")
    assert len(rows) == 1
    payload = json.loads(rows[0].payload)
    assert {key: payload[key] for key in made} == made
    assert payload["idempotency_key"] == "once"
    assert rows[0].tenant_id == TENANT
