"""Every RPC method over a real RabbitMQ: its success and its main failures.

One worker and one store serve all tests of this module; each test has a tenant of its
own.  The last test fails when a method of the table was never called with success.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ipamd import errors
from ipamd.db import schema
from ipamd.ids import new_id
from ipamd.rpc.methods import METHODS
from tests.integration.bare_client import BareClient
from tests.integration.conftest import database_at
from tests.integration.programs import Program
from tests.services.databases import fresh_database
from tests.services.vhosts import fresh_vhost

Call = Any
_succeeded: set[str] = set()


@pytest.fixture(scope="module")
def client(
    rabbitmq_url: str,
    rabbitmq_management_url: str,
    postgresql_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BareClient]:
    folder: Path = tmp_path_factory.mktemp("every-method")
    with (
        fresh_database(postgresql_url) as database,
        fresh_vhost(rabbitmq_url, rabbitmq_management_url) as transport_url,
    ):
        db = database_at(database)
        schema.upgrade(db)
        db.close()
        settings = {
            "DEFAULT": {"transport_url": transport_url},
            "database": {"connection": database},
        }
        worker = Program("worker", folder, settings)
        worker.wait_for("takes requests")
        client = BareClient(transport_url)
        yield client
        client.close()
        assert worker.stop() == 0
        assert "Traceback" not in worker.text()


@pytest.fixture
def call(client: BareClient) -> Call:
    """Call a method and note that it succeeded."""

    def run(method: str, **args: Any) -> Any:
        result = client.call(method, **args)
        _succeeded.add(method)
        return result

    return run


@pytest.fixture
def tenant() -> str:
    return f"tenant-{uuid.uuid4().hex[:8]}"


def refused(call: Call, error: type[errors.IpamError], method: str, **args: Any) -> None:
    """Check that a call is refused with an error of a class, as a client rebuilds it."""
    with pytest.raises(error) as caught:
        call(method, **args)
    assert caught.value.code == error.code
    assert caught.value.http_status == error.http_status


def make_block(call: Call, tenant: str, cidr: str = "10.0.0.0/24", **more: Any) -> str:
    body = {"cidr": cidr, "type": "private", **more}
    return str(call("create_ip_block", tenant_id=tenant, ip_block=body)["id"])


def test_ip_blocks_and_subnets(call: Call, tenant: str) -> None:
    block = make_block(call, tenant)
    mine = {"tenant_id": tenant, "ip_block_id": block}
    assert call("get_ip_block", **mine)["cidr"] == "10.0.0.0/24"
    listed = call("list_ip_blocks", tenant_id=tenant, type="private")
    assert [found["id"] for found in listed["ip_blocks"]] == [block]
    changed = call("update_ip_block", ip_block={"dns1": "9.9.9.9"}, **mine)
    assert changed["dns1"] == "9.9.9.9"
    subnet = call("create_subnet", subnet={"prefix_length": 26}, **mine)
    assert subnet["cidr"] == "10.0.0.0/26"
    assert [found["id"] for found in call("list_subnets", **mine)["subnets"]] == [subnet["id"]]
    assert call("get_ip_block_utilization", **mine)["size"] == 256
    assert call("fit_in_ip_block", prefix_length=25, **mine)["first"] == "10.0.0.128"
    assert call("list_available", **mine)["available"] == []
    (top,) = call("list_ip_block_tree", tenant_id=tenant)["ip_blocks"]
    assert (top["id"], top["below"]["size"]) == (block, 64)
    assert call("get_ip_block_map", **mine)["subnets"][0]["id"] == subnet["id"]
    refused(call, errors.ValidationError, "get_ip_block_map", cidr="x", **mine)
    assert call("list_used_ranges", **mine)["used_ranges"] == []
    found = call("search_resources", text="10.0.0.7", tenant_id=tenant)
    assert [each["id"] for each in found["ip_blocks"]] == [block, subnet["id"]]
    refused(call, errors.ValidationError, "search_resources", text=" ")
    clash = {"cidr": "10.0.0.32/27"}
    refused(call, errors.ValidationError, "create_subnet", subnet=clash, **mine)
    other = {"tenant_id": "another", "ip_block_id": block}
    refused(call, errors.IpBlockNotFound, "get_ip_block", **other)
    refused(call, errors.IpBlockNotFound, "delete_ip_block", **other)
    refused(call, errors.BlockHasSubnets, "allocate_ip_address", **mine)
    refused(call, errors.BadRequest, "get_ip_block", colour="red", **mine)
    refused(call, errors.MissingParameters, "create_ip_block", tenant_id=tenant)
    refused(call, errors.ValidationError, "create_ip_block", tenant_id=7, ip_block={})
    assert call("delete_ip_block", **mine) is None
    refused(call, errors.IpBlockNotFound, "get_ip_block", **mine)


def test_ip_addresses(call: Call, tenant: str) -> None:
    block = make_block(call, tenant)
    mine = {"tenant_id": tenant, "ip_block_id": block}
    held = call("allocate_ip_address", ip_address={"interface_id": f"vif-{tenant}"}, **mine)
    bulk = call("allocate_ip_addresses", count=3, **mine)["ip_addresses"]
    assert [found["address"] for found in bulk] == ["10.0.0.3", "10.0.0.4", "10.0.0.5"]
    chosen = [{"ip_block_id": block, "address": held["address"]}]
    outcome = call("allocate_chosen_ip_addresses", tenant_id=tenant, ip_addresses=chosen)
    assert outcome == {"allocated": 0, "unchanged": 1, "refused": []}
    one = {"address": held["address"], **mine}
    assert call("get_ip_address", **one) == held
    assert len(call("list_ip_addresses", **mine)["ip_addresses"]) == 4
    leased = call("list_allocated_ip_addresses", tenant_id=tenant)["ip_addresses"]
    assert len(leased) == 4
    assert call("deallocate_ip_address", **one) is None
    assert call("get_ip_address", **one)["interface_id"] is None
    assert call("restore_ip_address", **one)["interface_id"] == f"vif-{tenant}"
    history = call("list_ip_address_history", address=held["address"], tenant_id=tenant)
    assert len(history["history"]) == 2
    taken = {"address": held["address"]}
    refused(call, errors.AddressAlreadyAllocated, "allocate_ip_address", ip_address=taken, **mine)
    outside = {"address": "10.9.0.1"}
    refused(call, errors.AddressNotInBlock, "allocate_ip_address", ip_address=outside, **mine)
    garbage = {"address": "10.0.0.01"}
    refused(call, errors.ValidationError, "allocate_ip_address", ip_address=garbage, **mine)
    refused(call, errors.IpAddressNotFound, "deallocate_ip_address", address="10.0.0.99", **mine)
    refused(call, errors.IpAddressNotFound, "restore_ip_address", address="10.0.0.99", **mine)
    refused(call, errors.NoMoreAddressesError, "allocate_ip_addresses", count=1000, **mine)
    refused(call, errors.ValidationError, "allocate_ip_addresses", count=0, **mine)


def test_networks(call: Call, tenant: str) -> None:
    network = f"net-{tenant}"
    make_block(call, tenant, network_id=network)
    where = {"tenant_id": tenant, "network_id": network}
    assert len(call("list_network_ip_blocks", **where)["ip_blocks"]) == 1
    vif = {"interface_id": f"vif-{tenant}", **where}
    given = call("allocate_network_ips", **vif)["ip_addresses"]
    assert given[0]["ip_block"]["network_id"] == network
    assert call("list_network_ips", **vif)["ip_addresses"] == given
    assert call("deallocate_network_ips", **vif) is None
    assert call("list_network_ips", **vif)["ip_addresses"] == []
    unknown = {**vif, "network_id": "none"}
    refused(call, errors.NetworkNotFound, "allocate_network_ips", **unknown)
    refused(call, errors.NetworkNotFound, "list_network_ips", **unknown)
    refused(call, errors.NetworkNotFound, "list_network_ip_blocks", tenant_id="x", network_id="y")
    nobody = {**vif, "interface_id": "nobody"}
    refused(call, errors.InterfaceNotFound, "deallocate_network_ips", **nobody)


def test_interfaces_and_mac_address_ranges(call: Call, tenant: str) -> None:
    made = call("create_mac_address_range", mac_address_range={"cidr": "BC-AD-CE-00-00-00/40"})
    range_id = {"mac_address_range_id": made["id"]}
    assert call("get_mac_address_range", **range_id)["cidr"] == "BC-AD-CE-00-00-00/40"
    assert call("list_mac_address_ranges")["mac_address_ranges"]
    interface = call("create_interface", interface={"tenant_id": tenant})
    assert interface["mac_address"].startswith("BC:AD:CE:00:00:")
    mine = {"interface_id": interface["id"]}
    assert call("get_interface", tenant_id=tenant, **mine) == interface
    taken = {"tenant_id": tenant, "mac_address": interface["mac_address"]}
    refused(call, errors.ValidationError, "create_interface", interface=taken)
    refused(call, errors.ValidationError, "create_interface", interface={})
    refused(call, errors.InterfaceNotFound, "get_interface", tenant_id="another", **mine)
    assert call("delete_interface", **mine) is None
    refused(call, errors.InterfaceNotFound, "delete_interface", **mine)
    assert call("delete_mac_address_range", **range_id) is None
    refused(call, errors.MacAddressRangeNotFound, "get_mac_address_range", **range_id)
    garbage = {"cidr": "BC-AD-CE-00-00-00/49"}
    refused(call, errors.ValidationError, "create_mac_address_range", mac_address_range=garbage)


def test_instances(call: Call, tenant: str) -> None:
    network = {"id": f"net-{tenant}", "tenant_id": tenant}
    make_block(call, tenant, network_id=network["id"])
    instance = {"instance_id": f"vm-{tenant}"}
    body = {"tenant_id": tenant, "interfaces": [{"network": network}, {}]}
    first, _second = call("replace_instance_interfaces", instance=body, **instance)["interfaces"]
    added = call("create_instance_interface", interface={"tenant_id": tenant}, **instance)
    listed = call("list_instance_interfaces", **instance)["interfaces"]
    assert [found["id"] for found in listed][-1] == added["id"]
    mine = {"interface_id": first["id"], **instance}
    assert call("get_instance_interface", **mine) == first
    more = call("add_interface_ip_addresses", network=network, **mine)["ip_addresses"]
    held = call("list_interface_ip_addresses", **mine)["ip_addresses"]
    assert [found["address"] for found in held] == ["10.0.0.2", "10.0.0.3"]
    assert call("list_instance_ip_addresses", **instance)["ip_addresses"] == held
    address = more[0]["address"]
    assert call("remove_interface_ip_address", address=address, **mine) is None
    refused(call, errors.IpAddressNotFound, "remove_interface_ip_address", address=address, **mine)
    virtual = call("list_virtual_interfaces", **instance)["virtual_interfaces"]
    assert {found["id"] for found in virtual} == {found["id"] for found in listed}
    broken = {"tenant_id": tenant, "interfaces": [{"network": {**network, "id": "none"}}]}
    refused(
        call, errors.NetworkNotFound, "replace_instance_interfaces", instance=broken, **instance
    )
    assert len(call("list_instance_interfaces", **instance)["interfaces"]) == 3
    assert call("list_instance_interfaces", tenant_id="another", **instance)["interfaces"] == []
    assert call("delete_instance_interfaces", tenant_id="another", **instance) is None
    assert call("delete_instance_interface", **mine) is None
    refused(call, errors.InterfaceNotFound, "get_instance_interface", **mine)
    assert call("delete_instance_interfaces", **instance) is None
    assert call("list_instance_interfaces", **instance)["interfaces"] == []


def test_policies(call: Call, tenant: str) -> None:
    policy = call("create_policy", tenant_id=tenant, policy={"name": "no-low-ones"})
    mine = {"tenant_id": tenant, "policy_id": policy["id"]}
    assert call("get_policy", **mine) == policy
    assert call("list_policies", tenant_id=tenant)["policies"] == [policy]
    assert call("update_policy", policy={"description": "x"}, **mine)["description"] == "x"
    ip_range = call("create_unusable_ip_range", ip_range={"offset": 0, "length": 10}, **mine)
    octet = call("create_unusable_ip_octet", ip_octet={"octet": 10}, **mine)
    block = make_block(call, tenant, policy_id=policy["id"])
    in_block = {"tenant_id": tenant, "ip_block_id": block}
    assert call("allocate_ip_address", **in_block)["address"] == "10.0.0.11"
    one_range = {"ip_range_id": ip_range["id"], **mine}
    assert call("get_unusable_ip_range", **one_range) == ip_range
    assert call("list_unusable_ip_ranges", **mine)["ip_ranges"] == [ip_range]
    assert call("update_unusable_ip_range", ip_range={"length": 5}, **one_range)["length"] == 5
    assert call("allocate_ip_address", **in_block)["address"] == "10.0.0.5"
    one_octet = {"ip_octet_id": octet["id"], **mine}
    assert call("get_unusable_ip_octet", **one_octet) == octet
    assert call("list_unusable_ip_octets", **mine)["ip_octets"] == [octet]
    assert call("update_unusable_ip_octet", ip_octet={"octet": 6}, **one_octet)["octet"] == 6
    assert call("allocate_ip_address", **in_block)["address"] == "10.0.0.7"
    wanted = {"address": "10.0.0.6"}
    refused(
        call,
        errors.AddressDisallowedByPolicy,
        "allocate_ip_address",
        ip_address=wanted,
        **in_block,
    )
    for bad in (256, -1, "x", None):
        wrong = {"octet": bad}
        refused(call, errors.ValidationError, "create_unusable_ip_octet", ip_octet=wrong, **mine)
    assert call("delete_unusable_ip_range", **one_range) is None
    refused(call, errors.IpRangeNotFound, "get_unusable_ip_range", **one_range)
    assert call("delete_unusable_ip_octet", **one_octet) is None
    refused(call, errors.IpOctetNotFound, "get_unusable_ip_octet", **one_octet)
    refused(call, errors.PolicyNotFound, "get_policy", tenant_id="x", policy_id=policy["id"])
    assert call("delete_policy", **mine) is None
    assert call("get_ip_block", **in_block)["policy_id"] is None


def test_ip_routes(call: Call, tenant: str) -> None:
    mine = {"tenant_id": tenant, "ip_block_id": make_block(call, tenant)}
    wanted = {"destination": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.0.1"}
    route = call("create_ip_route", ip_route=wanted, **mine)
    one = {"ip_route_id": route["id"], **mine}
    assert call("get_ip_route", **one) == route
    assert call("list_ip_routes", **mine)["ip_routes"] == [route]
    assert (
        call("update_ip_route", ip_route={"gateway": "10.0.0.9"}, **one)["gateway"] == "10.0.0.9"
    )
    refused(call, errors.ValidationError, "create_ip_route", ip_route={"gateway": "x"}, **mine)
    assert call("delete_ip_route", **one) is None
    refused(call, errors.IpRouteNotFound, "get_ip_route", **one)


def test_nat_and_allowed_ips(call: Call, tenant: str) -> None:
    network = f"net-{tenant}"
    block = make_block(call, tenant, network_id=network)
    outer = make_block(call, tenant, "192.168.0.0/24")
    where = {"tenant_id": tenant}
    vifs = [f"vif-{number}-{tenant}" for number in range(2)]
    local, neighbour = [
        call("allocate_ip_address", ip_block_id=block, ip_address={"interface_id": vif}, **where)
        for vif in vifs
    ]
    globe = call("allocate_ip_address", ip_block_id=outer, **where)
    inside = {"ip_block_id": block, "address": local["address"], **where}
    outside = {"ip_block_id": outer, "address": globe["address"], **where}
    wanted = [{"ip_block_id": outer, "ip_address": globe["address"]}]
    assert call("add_inside_globals", ip_addresses=wanted, **inside) is None
    assert call("list_inside_globals", **inside)["ip_addresses"] == [globe]
    assert call("list_inside_locals", **outside)["ip_addresses"] == [local]
    assert call("remove_inside_locals", **outside) is None
    assert call("list_inside_globals", **inside)["ip_addresses"] == []
    back = [{"ip_block_id": block, "ip_address": local["address"]}]
    assert call("add_inside_locals", ip_addresses=back, **outside) is None
    gone = {"inside_address": globe["address"]}
    assert call("remove_inside_globals", **gone, **inside) is None
    assert call("list_inside_locals", **outside)["ip_addresses"] == []
    refused(call, errors.MissingParameters, "add_inside_globals", ip_addresses=[{}], **inside)

    mine = {"tenant_id": tenant, "interface_id": vifs[0]}
    allowed = {"network_id": network, "ip_address": neighbour["address"]}
    assert call("add_allowed_ip", allowed_ip=allowed, **mine) == neighbour
    assert call("list_allowed_ips", **mine)["ip_addresses"] == [local, neighbour]
    one = {"address": neighbour["address"], **mine}
    assert call("get_allowed_ip", **one) == neighbour
    refused(call, errors.ValidationError, "add_allowed_ip", allowed_ip=allowed, **mine)
    assert call("remove_allowed_ip", **one) is None
    refused(call, errors.AllowedIpNotFound, "get_allowed_ip", **one)


def test_quantum_networks_and_ports(call: Call, tenant: str) -> None:
    owner = {"tenant_id": tenant}
    network = call("create_network", network={"name": "net", "nova_id": "nova"}, **owner)
    assert network["nova_id"] == "nova"
    where = {"network_id": network["id"], **owner}
    assert call("get_network", **where)["name"] == "net"
    assert [n["id"] for n in call("list_networks", **owner)["networks"]] == [network["id"]]
    assert call("update_network", network={"name": "new"}, **where)["name"] == "new"
    port = call("create_port", port={"state": "ACTIVE"}, **where)
    one = {"port_id": port["id"], **where}
    assert call("get_port", **one)["state"] == "ACTIVE"
    assert [p["id"] for p in call("list_ports", **where)["ports"]] == [port["id"]]
    assert call("update_port", port={"state": "DOWN"}, **one)["state"] == "DOWN"
    call("set_port_attachment", attachment={"id": f"vif-{tenant}"}, **one)
    assert call("get_port_attachment", **one)["id"] == f"vif-{tenant}"
    refused(call, errors.PortInUse, "delete_port", **one)
    refused(call, errors.NetworkInUse, "delete_network", **where)
    refused(call, errors.PortStateInvalid, "update_port", port={"state": "UP"}, **one)
    call("delete_port_attachment", **one)
    call("delete_port", **one)
    refused(call, errors.PortNotFound, "get_port", **one)
    call("delete_network", **where)
    refused(call, errors.NetworkNotFound, "get_network", **where)


def test_the_service_itself(call: Call) -> None:
    assert call("get_health")["database"] == "postgresql"
    assert call("get_worker_status")["status"] == "ok"
    assert call("get_request", request_id=new_id())["status"] == "queued"
    refused(call, errors.RequestNotFound, "get_request", request_id="nonsense")
    assert call("query_resources", kind="ip_blocks", limit=1)["ip_blocks"]
    refused(call, errors.ValidationError, "query_resources", kind="secrets")
    found = call("list_events", event_types=["ip_block.*"], limit=1)
    assert found["next_marker"]
    refused(call, errors.ValidationError, "list_events", marker="nonsense")


def test_every_method_of_the_table_was_called() -> None:
    assert sorted(set(METHODS) - _succeeded) == []
