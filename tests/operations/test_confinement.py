"""Requests that are confined to their tenant: what they reach, method by method.

Three tenants: *acme* owns everything, *lessee* leases an address of acme's block, and
*stranger* knows all ids and has nothing.
"""

from __future__ import annotations

from typing import Any

import pytest

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.rpc.confinement import CONFINEMENT, enforce
from ipamd.rpc.methods import METHODS
from tests.db.store import TENANT, Store

LESSEE, STRANGER = "lessee", "stranger"
OWN, LEASED, FREED = "10.0.0.10", "10.0.0.20", "10.0.0.30"
# What tells of nobody's resources, or of the stranger's alone.
HARMLESS = {
    "get_health", "get_request", "allocate_chosen_ip_addresses", "create_ip_block",
    "create_network", "create_policy",
    "create_interface", "create_instance_interface", "replace_instance_interfaces",
}  # fmt: skip


class World:
    """Everything that can be had, acme's, with a lessee."""

    def __init__(self, store: Store) -> None:
        self.store = store
        policy = self.admin("create_policy", tenant_id=TENANT, policy={"name": "p"})["id"]
        self.block = store.block(network_id="net-1", policy_id=policy)["id"]
        self.names: dict[str, Any] = {"ip_block_id": self.block, "policy_id": policy}
        store.allocate(self.block, OWN, interface_id="vif-own", used_by_device="server")
        lease = {"interface_id": "vif-leased", "tenant_id": LESSEE, "used_by_device": "server"}
        store.allocate(self.block, LEASED, **lease)
        store.allocate(self.block, FREED, **lease)
        store.deallocate(self.block, FREED)
        made = {
            "ip_route_id": ("create_ip_route", "ip_route",
                            {"destination": "10.9.0.0/24", "gateway": OWN}),
            "ip_range_id": ("create_unusable_ip_range", "ip_range", {"offset": 1, "length": 1}),
            "ip_octet_id": ("create_unusable_ip_octet", "ip_octet", {"octet": 77}),
            "network_id": ("create_network", "network", {"name": "n"}),
        }  # fmt: skip
        for name, (method, noun, body) in made.items():
            known = {n: v for n, v in self.names.items() if n in METHODS[method].parameters}
            answer = self.admin(method, tenant_id=TENANT, **known, **{noun: body})
            self.names[name] = answer["id"]
        where = {"tenant_id": TENANT, "network_id": self.names["network_id"]}
        self.names["port_id"] = self.admin("create_port", **where, port={})["id"]
        ranges = self.admin(
            "create_mac_address_range", mac_address_range={"cidr": "02-00-00-00-00-00/24"}
        )
        self.names["mac_address_range_id"] = ranges["id"]

    def admin(self, method: str, **args: Any) -> Any:
        """Call a method without limits."""
        return self.store.call(method, **args)

    def ask(self, tenant: str, method: str, **args: Any) -> Any:
        """Call a method confined to a tenant."""
        context = RequestContext(project_id=tenant, confined=True, overwrite=False)
        return self.store.manager.call(context, method, args)

    def arguments(self, method: str, tenant_id: str | None) -> dict[str, Any]:
        """Return arguments that name acme's resources, in the name of a tenant."""
        known = {
            **self.names,
            "address": OWN,
            "inside_address": LEASED,
            "instance_id": "server",
            "interface_id": "vif-own",
            "request_id": "none",
            "kind": "ip_blocks",
            "text": OWN,
            "count": 1,
            "prefix_length": None,
            "ip_block": {"dns1": "192.0.2.1"},
            "subnet": {"cidr": "10.0.0.128/25"},
            "ip_address": {"interface_id": "vif-own"},
            "ip_addresses": [{"ip_block_id": self.block, "ip_address": LEASED}],
            "interface": {"tenant_id": TENANT, "id": "vif-new"},
            "instance": {"tenant_id": TENANT, "interfaces": []},
            "network": {"id": "net-1", "tenant_id": TENANT, "name": "x"},
            "attachment": {"id": "vif-own"},
            "port": {},
            "policy": {"name": "x"},
            "ip_range": {"offset": 5, "length": 1},
            "ip_octet": {"octet": 5},
            "ip_route": {"destination": "10.9.9.0/24", "gateway": OWN},
            "allowed_ip": {"network_id": "net-1", "ip_address": OWN},
            "mac_address_range": {"cidr": "06-00-00-00-00-00/24"},
            "tenant_id": tenant_id,
        }
        parameters = METHODS[method].parameters
        given = {
            name: known[name]
            for name, parameter in parameters.items()
            if name in known and isinstance(known[name], parameter.kind | None)
        }
        return {n: v for n, v in given.items() if v is not None or parameters[n].required}

    def state(self) -> list[Any]:
        """Return what any change would change."""
        return self.store.rows("SELECT id, event_type FROM outbox ORDER BY id")


@pytest.fixture
def world(store: Store) -> World:
    """Everything, on the store of the test."""
    return World(store)


def test_every_method_says_how_it_is_confined() -> None:
    assert set(CONFINEMENT) == set(METHODS)


def test_a_stranger_who_knows_every_id_gets_nothing_and_changes_nothing(world: World) -> None:
    before = world.state()
    for method in sorted(set(METHODS) - HARMLESS):
        for tenant_id in (None, STRANGER, TENANT):
            args = world.arguments(method, tenant_id)
            if tenant_id is None and not METHODS[method].parameters.get("tenant_id"):
                continue
            got = outcome(world, method, args)
            if args.get("tenant_id") == TENANT:
                assert got == "Forbidden", method
            assert got == "Forbidden" or got.endswith("NotFound") or got == "nothing", (
                method, tenant_id, got,
            )  # fmt: skip
            assert world.state() == before, method


def outcome(world: World, method: str, args: dict[str, Any]) -> str:
    """Return what a stranger is answered: an error's name, "nothing", or the answer."""
    try:
        answer = world.ask(STRANGER, method, **args)
    except errors.IpamError as refusal:
        return type(refusal).__name__
    lists = [value for value in (answer or {}).values() if isinstance(value, list)]
    return "nothing" if answer is None or (lists and not any(lists)) else str(answer)


@pytest.mark.parametrize(
    "text", [OWN, LEASED, FREED, "10.0.0.0/24", "10.0.0.0/8", "server", "vif-own", "net-1", TENANT]
)
def test_a_stranger_searches_in_vain(world: World, text: str) -> None:
    assert outcome(world, "search_resources", {"text": text}) == "nothing"
    found = world.ask(TENANT, "search_resources", text=text)
    assert any(value for value in found.values() if isinstance(value, list))
    seen = str(world.ask(LESSEE, "search_resources", text=text))
    assert OWN not in seen
    assert world.block not in seen or LEASED in seen or FREED in seen


def test_a_stranger_plants_nothing_in_another_tenants_name(world: World) -> None:
    before = world.state()
    for method in ("create_interface", "create_instance_interface", "replace_instance_interfaces"):
        with pytest.raises(errors.Forbidden):
            world.ask(STRANGER, method, **world.arguments(method, None))
    with pytest.raises(errors.Forbidden):
        world.ask(STRANGER, "create_ip_block", **world.arguments("create_ip_block", TENANT))
    mine = world.ask(
        STRANGER, "create_ip_block", tenant_id=STRANGER,
        ip_block={"cidr": "10.0.0.0/24", "type": "private"},
    )["id"]  # fmt: skip
    subnet = {"cidr": "10.0.0.0/25", "tenant_id": TENANT}
    with pytest.raises(errors.Forbidden):
        world.ask(STRANGER, "create_subnet", tenant_id=None, ip_block_id=mine, subnet=subnet)
    network = {"id": "net-1", "tenant_id": TENANT}
    interface = {"tenant_id": STRANGER, "network": network}
    with pytest.raises(errors.NetworkNotFound):
        world.ask(STRANGER, "create_interface", interface=interface)
    assert len(world.state()) == len(before) + 1  # its own block


def test_a_stranger_adds_no_address_to_anothers_interface(world: World) -> None:
    block = world.ask(
        STRANGER, "create_ip_block", tenant_id=STRANGER,
        ip_block={"cidr": "10.0.0.0/24", "type": "private"},
    )["id"]  # fmt: skip
    where = {"tenant_id": STRANGER, "ip_block_id": block}
    for wanted in ({}, {"tenant_id": TENANT}):
        body = {"interface_id": "vif-own", **wanted}
        with pytest.raises(errors.ValidationError, match="already exists"):
            world.ask(STRANGER, "allocate_ip_address", **where, ip_address=body)
        with pytest.raises(errors.ValidationError, match="already exists"):
            world.ask(STRANGER, "allocate_ip_addresses", **where, count=2, ip_address=body)
    # To lease is the owner's right, on an interface that is made for it.
    body = {"interface_id": "vif-for-acme", "tenant_id": TENANT}
    made = world.ask(STRANGER, "allocate_ip_address", **where, ip_address=body)
    assert made["used_by_tenant"] == TENANT
    assert world.ask(TENANT, "get_interface", interface_id="vif-for-acme")["tenant_id"] == TENANT


def test_a_batch_of_chosen_addresses_reaches_nobody_elses_block_or_interface(world: World) -> None:
    block = world.ask(
        STRANGER, "create_ip_block", tenant_id=STRANGER,
        ip_block={"cidr": "10.0.0.0/24", "type": "private"},
    )["id"]  # fmt: skip
    entries = [
        {"ip_block_id": world.block, "address": "10.0.0.50"},
        {"ip_block_id": world.block, "address": LEASED},
        {"ip_block_id": block, "address": "10.0.0.50", "interface_id": "vif-own"},
        {"ip_block_id": block, "address": "10.0.0.51", "interface_id": "vif-own",
         "tenant_id": TENANT},
        {"ip_block_id": block, "address": "10.0.0.52"},
    ]  # fmt: skip
    found = world.ask(STRANGER, "allocate_chosen_ip_addresses", ip_addresses=entries)
    assert [refused["code"] for refused in found["refused"]] == [
        "ip_block_not_found", "ip_block_not_found", "invalid_values", "invalid_values",
    ]  # fmt: skip
    assert found["allocated"] == 1


def test_a_lessee_reaches_its_address_and_nothing_else_of_the_block(world: World) -> None:
    where = {"tenant_id": None, "ip_block_id": world.block}
    assert world.ask(LESSEE, "get_ip_address", **where, address=LEASED)["address"] == LEASED
    for address in (OWN, "10.0.0.99", "no address"):
        for method in ("get_ip_address", "deallocate_ip_address", "restore_ip_address"):
            with pytest.raises(errors.IpBlockNotFound):
                world.ask(LESSEE, method, **where, address=address)
    with pytest.raises(errors.IpBlockNotFound):
        world.ask(LESSEE, "get_ip_block", **where)
    with pytest.raises(errors.IpBlockNotFound):
        world.ask(LESSEE, "list_ip_addresses", **where)
    found = world.ask(LESSEE, "query_resources", kind="ip_addresses")["ip_addresses"]
    assert sorted(each["address"] for each in found) == [LEASED, FREED]
    history = world.ask(LESSEE, "list_ip_address_history", address=LEASED)["history"]
    assert [held["used_by_tenant"] for held in history] == [LESSEE]
    assert world.ask(LESSEE, "list_ip_address_history", address=OWN)["history"] == []


def test_a_lessee_gives_its_address_back_and_cannot_take_it_again(world: World) -> None:
    where = {"tenant_id": None, "ip_block_id": world.block, "address": LEASED}
    world.ask(LESSEE, "deallocate_ip_address", **where)
    with pytest.raises(errors.Forbidden):
        world.ask(LESSEE, "restore_ip_address", **where)
    world.ask(TENANT, "restore_ip_address", **where)
    assert world.ask(LESSEE, "get_ip_address", **where)["used_by_tenant"] == LESSEE


def test_an_owner_sees_what_it_leases(world: World) -> None:
    found = world.ask(TENANT, "query_resources", kind="ip_addresses")["ip_addresses"]
    assert sorted(each["address"] for each in found) == [OWN, LEASED, FREED]
    history = world.ask(TENANT, "list_ip_address_history", address=LEASED)["history"]
    assert [held["used_by_tenant"] for held in history] == [LESSEE]
    with pytest.raises(errors.InterfaceNotFound):
        world.ask(TENANT, "get_interface", interface_id="vif-leased")


def test_what_is_owned_and_leased_is_listed_once_in_order_on_pages(world: World) -> None:
    mine = {"cidr": "10.0.0.0/24", "type": "private"}
    for _ in range(2):  # several blocks, and other tenants' addresses in them
        block = world.ask(LESSEE, "create_ip_block", tenant_id=LESSEE, ip_block=mine)["id"]
        where = {"tenant_id": LESSEE, "ip_block_id": block}
        for tenant in (LESSEE, STRANGER, LESSEE):
            body = {"tenant_id": tenant}
            world.ask(LESSEE, "allocate_ip_address", **where, ip_address=body)
    whole = world.admin("query_resources", kind="ip_addresses", limit=1000)["ip_addresses"]
    expected = [each["id"] for each in whole if each["address"] != OWN]
    for sort in ([], ["id:desc"], ["address:desc", "created_at"]):
        every = world.admin("query_resources", kind="ip_addresses", sort=sort)["ip_addresses"]
        wanted = [each["id"] for each in every if each["id"] in expected]
        for limit in (1, 3, 100):
            found: list[str] = []
            marker = None
            while True:
                page = world.ask(
                    LESSEE, "query_resources", kind="ip_addresses", sort=sort, limit=limit,
                    marker=marker, filters={"address": "neq:192.0.2.1"},
                )  # fmt: skip
                found += [each["id"] for each in page["ip_addresses"]]
                marker = page["next_marker"]
                if marker is None:
                    break
            assert found == wanted, (sort, limit)
    assert len(expected) == 8


def test_an_instance_of_two_tenants_shows_each_its_own(world: World) -> None:
    for tenant, vif in ((TENANT, "vif-own"), (LESSEE, "vif-leased"), (STRANGER, None)):
        found = world.ask(tenant, "list_instance_interfaces", instance_id="server")["interfaces"]
        assert [each["id"] for each in found] == [vif] * (vif is not None)
        found = world.ask(tenant, "list_instance_ip_addresses", instance_id="server")
        assert len(found["ip_addresses"]) == (vif is not None)
    body = {"tenant_id": STRANGER, "interfaces": []}
    world.ask(STRANGER, "replace_instance_interfaces", instance_id="server", instance=body)
    world.ask(STRANGER, "delete_instance_interfaces", instance_id="server")
    left = world.admin("list_instance_interfaces", instance_id="server")["interfaces"]
    assert [each["id"] for each in left] == ["vif-leased", "vif-own"]


def test_a_subnet_of_another_tenant_is_neither_shown_nor_deleted_with_its_parent(
    world: World,
) -> None:
    parent = world.store.block("172.16.0.0/24")["id"]
    where = {"tenant_id": None, "ip_block_id": parent}
    for cidr, tenant in (("172.16.0.0/26", TENANT), ("172.16.0.64/26", LESSEE)):
        world.admin("create_subnet", **where, subnet={"cidr": cidr, "tenant_id": tenant})
    subnets = world.ask(TENANT, "list_subnets", **where)["subnets"]
    assert [subnet["cidr"] for subnet in subnets] == ["172.16.0.0/26"]
    before = world.state()
    with pytest.raises(errors.Forbidden, match="other tenants"):
        world.ask(TENANT, "delete_ip_block", **where)
    assert world.state() == before
    (theirs,) = world.ask(LESSEE, "list_ip_blocks", tenant_id=None)["ip_blocks"]
    world.ask(LESSEE, "delete_ip_block", tenant_id=None, ip_block_id=theirs["id"])
    world.ask(TENANT, "delete_ip_block", **where)


def test_nobody_adds_an_interface_to_another_tenants_instance(world: World) -> None:
    block = world.ask(
        STRANGER, "create_ip_block", tenant_id=STRANGER,
        ip_block={"cidr": "10.0.0.0/24", "type": "private", "network_id": "evil"},
    )["id"]  # fmt: skip
    mine = {"tenant_id": STRANGER}
    body = {"interface_id": "vif-evil", "used_by_device": "server"}
    where = {**mine, "ip_block_id": block}
    network = {"network_id": "evil", "interface_id": "vif-evil"}
    before = world.state()
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("create_interface", {"interface": {**mine, "device_id": "server"}}),
        ("create_instance_interface", {"instance_id": "server", "interface": mine}),
        ("replace_instance_interfaces",
         {"instance_id": "server", "instance": {**mine, "interfaces": [{}]}}),
        ("allocate_ip_address", {**where, "ip_address": body}),
        ("allocate_ip_address", {**where, "ip_address": {**body, "tenant_id": TENANT}}),
        ("allocate_ip_addresses", {**where, "count": 2, "ip_address": body}),
        ("allocate_network_ips", {**mine, **network, "network": {"used_by_device": "server"}}),
    ]  # fmt: skip
    for method, args in attempts:
        with pytest.raises(errors.InstanceNotFound):
            world.ask(STRANGER, method, **args)
    entries = [{**body, "ip_block_id": block, "address": "10.0.0.9"}]
    found = world.ask(STRANGER, "allocate_chosen_ip_addresses", ip_addresses=entries)
    assert [refused["code"] for refused in found["refused"]] == ["instance_not_found"]
    assert world.state() == before
    # An instance of one's own, or of nobody yet, is one's own.
    for _ in range(2):
        interface = {**mine, "device_id": "my-server"}
        world.ask(STRANGER, "create_interface", interface=interface)


def test_who_stands_in_the_way_is_not_told(world: World) -> None:
    shared = {"cidr": "10.1.0.0/24", "type": "private", "network_id": "net-1"}
    world.admin("create_ip_block", tenant_id=STRANGER, ip_block=shared)
    block = {"cidr": "10.0.0.0/25", "type": "private", "network_id": "net-1"}
    with pytest.raises(errors.ValidationError) as refused:
        world.ask(STRANGER, "create_ip_block", tenant_id=STRANGER, ip_block=block)
    assert refused.value.fields == {"cidr": ["cidr overlaps with block in same network"]}


def test_a_nat_needs_both_ends_within_reach(world: World) -> None:
    block = world.ask(
        LESSEE, "create_ip_block", tenant_id=LESSEE,
        ip_block={"cidr": "192.168.0.0/24", "type": "private"},
    )["id"]  # fmt: skip
    body = {"address": "192.168.0.9", "interface_id": "vif-l"}
    world.ask(LESSEE, "allocate_ip_address", tenant_id=LESSEE, ip_block_id=block, ip_address=body)
    near = {"ip_block_id": block, "address": "192.168.0.9"}
    far = [{"ip_block_id": world.block, "ip_address": OWN}]
    with pytest.raises(errors.IpBlockNotFound):
        world.ask(LESSEE, "add_inside_globals", **near, ip_addresses=far)
    far[0]["ip_address"] = LEASED
    world.ask(LESSEE, "add_inside_globals", **near, ip_addresses=far)
    for tenant, count in ((LESSEE, 1), (TENANT, 1), (STRANGER, 0)):
        assert len(world.ask(tenant, "query_resources", kind="nat")["nat"]) == count


def test_a_batch_keeps_its_requests_apart(world: World) -> None:
    where = {"tenant_id": None, "ip_block_id": world.block, "address": LEASED}
    with pytest.raises(errors.IpBlockNotFound):
        world.ask(STRANGER, "deallocate_ip_address", **where)
    world.ask(LESSEE, "deallocate_ip_address", **where, idempotency_key="k")


def test_what_an_admin_was_answered_a_member_with_the_same_key_is_not(world: World) -> None:
    args = world.arguments("update_ip_block", TENANT) | {"idempotency_key": "k"}
    world.admin("update_ip_block", **args)
    with pytest.raises(errors.IdempotencyKeyReused):
        world.ask(TENANT, "update_ip_block", **args)


def test_without_a_tenant_nothing_is_reached(world: World) -> None:
    for tenant in ("", None):
        with pytest.raises(errors.Forbidden):
            world.ask(tenant, "list_ip_blocks", tenant_id=tenant)  # type: ignore[arg-type]


def test_who_is_no_admin_can_be_confined() -> None:
    member, admin = RequestContext(project_id="a"), RequestContext(project_id="a", is_admin=True)
    enforce(member)
    enforce(admin)
    assert (member.confined_to, admin.confined_to) == ("a", None)


@pytest.mark.parametrize("said", [True, "true", 1, "no", [], {}])
def test_whatever_crosses_the_wire_as_confined_confines(said: object) -> None:
    assert RequestContext.from_wire({"project_id": "a", "confined": said}).confined_to == "a"


def test_confinement_crosses_the_wire_and_its_absence_does_not() -> None:
    sent = RequestContext(project_id="a", confined=True).to_dict()
    assert RequestContext.from_wire(sent).confined_to == "a"
    assert "confined" not in RequestContext(project_id="a").to_dict()


def test_nobody_puts_a_block_into_another_tenants_network(world: World) -> None:
    block = {"cidr": "172.16.0.0/12", "type": "public"}
    before = world.state()
    for network in (world.names["network_id"], "net-1"):
        body = {**block, "network_id": network}
        with pytest.raises(errors.ValidationError) as refused:
            world.ask(STRANGER, "create_ip_block", tenant_id=STRANGER, ip_block=body)
        # Nothing else is told: neither type nor CIDR of what is there.
        assert refused.value.fields == {"network_id": ["network_id is another tenant's network"]}
    assert world.state() == before
    mine = {"cidr": "10.0.0.0/24", "type": "private"}
    made = world.ask(STRANGER, "create_ip_block", tenant_id=STRANGER, ip_block=mine)["id"]
    where = {"tenant_id": STRANGER, "ip_block_id": made}
    for network in (world.names["network_id"], "net-1"):
        with pytest.raises(errors.ValidationError, match="another tenant's network"):
            world.ask(STRANGER, "update_ip_block", **where, ip_block={"network_id": network})
    # Its own, nobody's, and one where it has a block already are open to it.
    own = world.ask(STRANGER, "create_network", tenant_id=STRANGER, network={"name": "n"})["id"]
    shared = {**mine, "cidr": "10.1.0.0/24", "network_id": "net-1"}
    world.admin("create_ip_block", tenant_id=STRANGER, ip_block=shared)
    for network in (own, "new", "net-1"):
        body = {**mine, "cidr": "10.2.0.0/24", "network_id": network}
        world.ask(STRANGER, "create_ip_block", tenant_id=STRANGER, ip_block=body)
    body = {"cidr": "10.3.0.0/24", "type": "private", "network_id": world.names["network_id"]}
    world.ask(TENANT, "create_ip_block", tenant_id=TENANT, ip_block=body)
