"""Ports and attachments: states, one plug each, and the network an interface is in."""

from __future__ import annotations

from typing import Any

import pytest

from ipamd import errors
from tests.db.store import TENANT, Store, together
from tests.operations.quantum import events, network, port


def allocate(store: Store, network_id: str, interface_id: str) -> Any:
    return store.call(
        "allocate_network_ips",
        tenant_id=TENANT,
        network_id=network_id,
        interface_id=interface_id,
    )


def test_a_port_gives_back_what_it_was_made_of(store: Store) -> None:
    at = {"tenant_id": TENANT, "network_id": network(store)}
    pairs = [{"mac_address": "02:00:00:00:00:01", "ip_address": "10.0.0.2"}]
    body = {"state": "ACTIVE", "vm_id": "7", "allowed_address_pairs": pairs, "op_status": "DOWN"}
    made = store.call("create_port", port=body, **at)
    known = {key: value for key, value in made.items() if not key.endswith("_at")}
    assert known == {
        "id": made["id"],
        **at,
        "state": "ACTIVE",
        "op_status": "UP",
        "attachment": {},
        "vm_id": "7",
        "allowed_address_pairs": pairs,
    }
    assert store.call("get_port", port_id=made["id"], **at) == made
    assert store.call("list_ports", **at)["ports"] == [made]


@pytest.mark.parametrize("body", [None, {}, {"state": None}, {"state": ""}])
def test_a_port_is_down_by_default(store: Store, body: Any) -> None:
    made = store.call("create_port", tenant_id=TENANT, network_id=network(store), port=body)
    assert made["state"] == "DOWN"


@pytest.mark.parametrize("state", ["active", "UP", "ACTIVE ", 1, ["ACTIVE"], {"a": 1}])
def test_other_states_are_refused(store: Store, state: Any) -> None:
    at = {"tenant_id": TENANT, "network_id": network(store)}
    port_id = port(store, at["network_id"])
    before = events(store)
    with pytest.raises(errors.PortStateInvalid):
        store.call("create_port", port={"state": state}, **at)
    with pytest.raises(errors.PortStateInvalid):
        store.call("update_port", port_id=port_id, port={"state": state}, **at)
    assert [item["id"] for item in store.call("list_ports", **at)["ports"]] == [port_id]
    assert events(store) == before


def test_an_update_changes_what_it_names(store: Store) -> None:
    network_id = network(store)
    at = {"tenant_id": TENANT, "network_id": network_id}
    at["port_id"] = port(store, network_id, attachment="vif", vm_id="7")
    assert store.call("update_port", port={"state": "ACTIVE"}, **at)["vm_id"] == "7"
    changed = store.call("update_port", port={"vm_id": "8", "attachment": {"id": "x"}}, **at)
    assert (changed["state"], changed["vm_id"]) == ("ACTIVE", "8")
    assert changed["attachment"] == {"id": "vif"}


def test_a_port_is_found_below_its_own_network_only(store: Store) -> None:
    port_id = port(store, network(store))
    at = {"tenant_id": TENANT, "network_id": network(store), "port_id": port_id}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("get_port", {}),
        ("update_port", {"port": {"state": "ACTIVE"}}),
        ("delete_port", {}),
        ("get_port_attachment", {}),
        ("set_port_attachment", {"attachment": {"id": "vif"}}),
        ("delete_port_attachment", {}),
    ]
    for method, more in calls:
        with pytest.raises(errors.PortNotFound, match=port_id):
            store.call(method, **at, **more)
    with pytest.raises(errors.PortNotFound):
        store.call("get_port", **{**at, "port_id": "é"})


def test_plug_and_unplug(store: Store) -> None:
    network_id = network(store)
    at = {"tenant_id": TENANT, "network_id": network_id, "port_id": port(store, network_id)}
    assert store.call("get_port_attachment", **at) == {}
    vif = "nova.foo.com/7/server/12/eth0"
    assert store.call("set_port_attachment", attachment={"id": vif}, **at) == {"id": vif}
    assert store.call("get_port_attachment", **at) == {"id": vif}
    with pytest.raises(errors.PortInUse):
        store.call("set_port_attachment", attachment={"id": vif}, **at)
    with pytest.raises(errors.PortInUse):
        store.call("delete_port", **at)
    assert store.call("delete_port_attachment", **at) is None
    assert store.call("delete_port_attachment", **at) is None
    store.call("delete_port", **at)
    assert events(store) == [
        "network.create", "port.create", "port.update", "port.update", "port.delete",
    ]  # fmt: skip


@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": ""}, {"id": 7}, {"id": "x" * 256}])
def test_an_attachment_needs_an_id(store: Store, body: Any) -> None:
    network_id = network(store)
    at = {"tenant_id": TENANT, "network_id": network_id, "port_id": port(store, network_id)}
    with pytest.raises(errors.ValidationError):
        store.call("set_port_attachment", attachment=body, **at)
    assert store.call("get_port_attachment", **at) == {}


def test_an_attachment_is_plugged_in_once_over_all_tenants(store: Store) -> None:
    port(store, network(store), attachment="vif")
    foreign = {"tenant_id": "other", "network_id": network(store, tenant="other")}
    foreign["port_id"] = str(store.call("create_port", **foreign)["id"])
    with pytest.raises(errors.AlreadyAttached):
        store.call("set_port_attachment", attachment={"id": "vif"}, **foreign)
    # Ids are compared to the letter.
    store.call("set_port_attachment", attachment={"id": "VIF"}, **foreign)
    assert store.call("get_port_attachment", **foreign) == {"id": "VIF"}


def test_of_many_that_plug_the_same_id_one_wins(store: Store) -> None:
    places = []
    for _ in range(6):
        network_id = network(store)
        places.append((network_id, port(store, network_id)))

    def plug(network_id: str, port_id: str) -> str:
        try:
            store.call(
                "set_port_attachment",
                tenant_id=TENANT,
                network_id=network_id,
                port_id=port_id,
                attachment={"id": "vif"},
            )
        except errors.AlreadyAttached:
            return "refused"
        return "plugged"

    results = together(*[lambda place=place: plug(*place) for place in places])
    assert sorted(results) == ["plugged"] + ["refused"] * 5
    rows = store.rows("SELECT id FROM ports WHERE attachment_id = 'vif'")
    assert len(rows) == 1


def test_a_network_is_not_deleted_while_something_is_plugged_in(store: Store) -> None:
    for _ in range(5):
        network_id = network(store)
        at = {"tenant_id": TENANT, "network_id": network_id}
        plug_at = {**at, "port_id": port(store, network_id)}

        def tried(method: str, **args: Any) -> str:
            try:
                store.call(method, **args)
            except (errors.NetworkNotFound, errors.NetworkInUse) as error:
                return error.code
            return "done"

        attachment = {"id": f"vif-{network_id}"}
        outcome = together(
            lambda at=at, tried=tried: tried("delete_network", **at),
            lambda at=plug_at, tried=tried, vif=attachment: tried(
                "set_port_attachment", attachment=vif, **at
            ),
        )
        assert outcome in (["done", "network_not_found"], ["network_in_use", "done"])


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, {"a", "b", "c"}),
        ({"state": "ACTIVE"}, {"b"}),
        ({"state": "active"}, set()),
        ({"op_status": "UP"}, {"a", "b", "c"}),
        ({"op_status": "UP", "state": "DOWN"}, {"a", "c"}),
        ({"has_attachment": True}, {"c"}),
        ({"has_attachment": False}, {"a", "b"}),
        ({"attachment": "vif"}, {"c"}),
        ({"attachment": ""}, set()),
    ],
)
def test_filters(store: Store, filters: dict[str, Any], found: set[str]) -> None:
    network_id = network(store)
    port(store, network_id, mark="a")
    port(store, network_id, mark="b", state="ACTIVE")
    port(store, network_id, mark="c", attachment="vif")
    port(store, network(store), attachment="elsewhere")
    listed = store.call("list_ports", tenant_id=TENANT, network_id=network_id, **filters)
    assert {item["mark"] for item in listed["ports"]} == found


def test_pages_add_up(store: Store) -> None:
    network_id = network(store)
    made = sorted(port(store, network_id) for _ in range(3))
    at = {"tenant_id": TENANT, "network_id": network_id}
    first = store.call("list_ports", limit=2, **at)
    second = store.call("list_ports", limit=2, marker=first["next_marker"], **at)
    assert [item["id"] for item in first["ports"] + second["ports"]] == made
    assert second["next_marker"] is None


# --- the network of an interface ----------------------------------------------------


@pytest.fixture
def nets(store: Store) -> list[str]:
    """Two networks with a block each."""
    ids = [network(store, "one"), network(store, "two")]
    for number, network_id in enumerate(ids):
        store.block(f"10.{number}.0.0/24", network_id=network_id)
    return ids


def test_an_interface_with_addresses_is_plugged_into_their_network_only(
    store: Store, nets: list[str]
) -> None:
    allocate(store, nets[0], "vif")
    with pytest.raises(errors.InterfaceOnAnotherNetwork):
        port(store, nets[1], attachment="vif")
    port(store, nets[0], attachment="vif")
    assert len(store.rows("SELECT id FROM ports WHERE attachment_id = 'vif'")) == 1


def test_an_interface_that_is_plugged_in_gets_addresses_of_that_network_only(
    store: Store, nets: list[str]
) -> None:
    store.call("create_interface", interface={"id": "vif", "tenant_id": TENANT})
    port(store, nets[0], attachment="vif")
    block = store.block("10.9.0.0/24", network_id=nets[1])
    with pytest.raises(errors.InterfaceOnAnotherNetwork):
        allocate(store, nets[1], "vif")
    with pytest.raises(errors.InterfaceOnAnotherNetwork):
        store.allocate(block["id"], interface_id="vif")
    allocate(store, nets[0], "vif")
    shown = store.call("get_interface", interface_id="vif")
    assert [a["ip_block"]["network_id"] for a in shown["ip_addresses"]] == [nets[0]]


def test_an_interface_may_move_once_it_is_unplugged_and_released(
    store: Store, nets: list[str]
) -> None:
    allocate(store, nets[0], "vif")
    at = {"tenant_id": TENANT, "network_id": nets[0]}
    at["port_id"] = port(store, nets[0], attachment="vif")
    store.call("delete_port_attachment", **at)
    store.call("deallocate_network_ips", tenant_id=TENANT, network_id=nets[0], interface_id="vif")
    port(store, nets[1], attachment="vif")
    allocate(store, nets[1], "vif")


def test_addresses_of_no_network_do_not_stand_in_the_way(store: Store, nets: list[str]) -> None:
    store.allocate(store.block("10.9.0.0/24")["id"], interface_id="vif")
    port(store, nets[0], attachment="vif")
    assert store.call("list_ports", tenant_id=TENANT, network_id=nets[0], attachment="vif")


def test_of_a_plug_and_an_allocation_elsewhere_one_wins(store: Store) -> None:
    here = network(store)
    for turn in range(5):
        vif = f"vif{turn}"
        block = store.block(f"10.{turn}.0.0/24", network_id=f"elsewhere{turn}")["id"]
        store.call("create_interface", interface={"id": vif, "tenant_id": TENANT})
        at = {"tenant_id": TENANT, "network_id": here, "port_id": port(store, here)}

        def plug(vif: str = vif, at: dict[str, str] = at) -> bool:
            try:
                store.call("set_port_attachment", attachment={"id": vif}, **at)
            except errors.InterfaceOnAnotherNetwork:
                return False
            return True

        def allocate_elsewhere(vif: str = vif, block: str = block) -> bool:
            try:
                store.allocate(block, interface_id=vif)
            except errors.InterfaceOnAnotherNetwork:
                return False
            return True

        assert sorted(together(plug, allocate_elsewhere)) == [False, True]


def test_an_address_is_not_restored_to_an_interface_that_has_got_elsewhere(store: Store) -> None:
    here, there = network(store), network(store)
    blocks = [store.block("10.0.0.0/24", network_id=net)["id"] for net in (here, there)]
    address = store.allocate(blocks[0], interface_id="vif")
    store.deallocate(blocks[0], address)
    other = store.allocate(blocks[1], interface_id="vif")
    before = events(store)
    with pytest.raises(errors.InterfaceOnAnotherNetwork):
        store.restore(blocks[0], address)
    assert events(store) == before
    store.deallocate(blocks[1], other)
    at = {"tenant_id": TENANT, "network_id": there, "port_id": port(store, there)}
    store.call("set_port_attachment", attachment={"id": "vif"}, **at)
    with pytest.raises(errors.InterfaceOnAnotherNetwork):
        store.restore(blocks[0], address)
    store.call("delete_port_attachment", **at)
    store.restore(blocks[0], address)
    # The block is moved away while the address rests.
    store.deallocate(blocks[0], address)
    store.allocate(store.block("10.1.0.0/24", network_id=here)["id"], interface_id="vif")
    moved = {"tenant_id": TENANT, "ip_block_id": blocks[0]}
    store.call("update_ip_block", ip_block={"network_id": "far"}, **moved)
    with pytest.raises(errors.InterfaceOnAnotherNetwork):
        store.restore(blocks[0], address)
