"""The views of ``/v2``: each a few lines onto RPC methods.

A view takes the API and the path's variables and returns an ``Answer``.  What is common
to them (versions, headers, errors) is in ``mount``.
"""

from __future__ import annotations

from typing import Any

from ipamd import errors
from ipamd.api.v2.requests import (
    PAGING,
    Answer,
    Api,
    links,
    paging,
    read_body,
    read_integer,
    read_query,
)
from ipamd.operations.query import KINDS


def list_resources(api: Api, kind: str, **fixed: str) -> Answer:
    """List a kind; query parameters are its filters, ``sort``, ``limit`` and ``marker``."""
    args = read_query((*KINDS[kind].fields, *PAGING))
    filters: dict[str, Any] = {
        name: values if len(values) > 1 else values[0]
        for name, values in args.lists()
        if name not in PAGING
    }
    sort = [part for part in args.get("sort", "").split(",") if part]
    found = api.query(kind, filters={**filters, **fixed}, sort=sort, **paging(args, api.limits))
    return Answer({kind: found[kind], "links": links(found["next_marker"])})


def show(api: Api, kind: str, noun: str, missing: type[errors.NotFound], key: str) -> Answer:
    """Show one resource of a kind."""
    read_query(())
    return Answer({noun: api.one(kind, key, missing)})


# --- blocks -------------------------------------------------------------------------


def create_ip_block(api: Api) -> Answer:
    body = read_body("ip_block_create")["ip_block"]
    tenant_id = body["tenant_id"]
    made = api.write("create_ip_block", tenant_id, tenant_id=tenant_id, ip_block=body)
    return _block(api, made["id"])


def update_ip_block(api: Api, ip_block_id: str) -> Answer:
    body = read_body("ip_block_update")["ip_block"]
    owner = _owner_of_block(api, ip_block_id)
    api.write("update_ip_block", owner, tenant_id=owner, ip_block_id=ip_block_id, ip_block=body)
    return Answer(_block(api, ip_block_id).body)


def delete_ip_block(api: Api, ip_block_id: str) -> Answer:
    owner = _owner_of_block(api, ip_block_id)
    api.write("delete_ip_block", owner, tenant_id=owner, ip_block_id=ip_block_id)
    return Answer()


def create_subnet(api: Api, ip_block_id: str) -> Answer:
    body = read_body("subnet_create")["subnet"]
    owner = _owner_of_block(api, ip_block_id)
    made = api.write("create_subnet", owner, tenant_id=owner, ip_block_id=ip_block_id, subnet=body)
    return _block(api, made["id"])


def list_subnets(api: Api, ip_block_id: str) -> Answer:
    _owner_of_block(api, ip_block_id)
    return list_resources(api, "ip_blocks", parent_id=ip_block_id)


def list_available(api: Api, ip_block_id: str) -> Answer:
    args = read_query(("count", "prefix_length", "limit", "marker"))
    where = {"tenant_id": _owner_of_block(api, ip_block_id), "ip_block_id": ip_block_id}
    wanted = {name: read_integer(args, name) for name in ("count", "prefix_length")}
    given = {name: value for name, value in wanted.items() if value is not None}
    if given:
        return Answer(api.read("fit_in_ip_block", **given, **where))
    found = api.read("list_available", **where, **paging(args, api.limits))
    return Answer({"available": found["available"], "links": links(found["next_marker"])})


def _owner_of_block(api: Api, ip_block_id: str) -> str:
    return str(api.one("ip_blocks", ip_block_id, errors.IpBlockNotFound)["tenant_id"])


def _block(api: Api, ip_block_id: str) -> Answer:
    block = api.one("ip_blocks", ip_block_id, errors.IpBlockNotFound)
    return Answer({"ip_block": block}, f"/v2/ip-blocks/{ip_block_id}")


# --- addresses ----------------------------------------------------------------------


def create_ip_address(api: Api) -> Answer:
    body = dict(read_body("ip_address_create")["ip_address"])
    block_id, count = body.pop("ip_block_id"), body.pop("count", None)
    owner = _owner_of_block(api, block_id)
    where = {"tenant_id": owner, "ip_block_id": block_id, "ip_address": body}
    if count is None:
        made = api.write("allocate_ip_address", owner, **where)
        address = api.one("ip_addresses", made["id"], errors.IpAddressNotFound)
        return Answer({"ip_address": address}, f"/v2/ip-addresses/{made['id']}")
    made = api.write("allocate_ip_addresses", owner, count=count, **where)
    fresh = {"status": "allocated", "deallocated_at": None}
    return Answer({"ip_addresses": [{**address, **fresh} for address in made["ip_addresses"]]})


def update_ip_address(api: Api, ip_address_id: str) -> Answer:
    read_body("ip_address_update")
    where = _place(api, ip_address_id)
    api.write("restore_ip_address", where["tenant_id"], **where)
    address = api.one("ip_addresses", ip_address_id, errors.IpAddressNotFound)
    return Answer({"ip_address": address})


def delete_ip_address(api: Api, ip_address_id: str) -> Answer:
    where = _place(api, ip_address_id)
    api.write("deallocate_ip_address", where["tenant_id"], **where)
    return Answer()


def list_history(api: Api, address: str) -> Answer:
    args = read_query(("at", "tenant_id", "limit", "marker"))
    filters = {name: args[name] for name in ("at", "tenant_id") if name in args}
    found = api.read(
        "list_ip_address_history", address=address, **filters, **paging(args, api.limits)
    )
    return Answer({"history": found["history"], "links": links(found["next_marker"])})


def _place(api: Api, ip_address_id: str) -> dict[str, str]:
    found = api.one("ip_addresses", ip_address_id, errors.IpAddressNotFound)
    block_id = found["ip_block_id"]
    owner = _owner_of_block(api, block_id)
    return {"tenant_id": owner, "ip_block_id": block_id, "address": found["address"]}


# --- interfaces and instances -------------------------------------------------------


def create_interface(api: Api) -> Answer:
    body = read_body("interface_create")["interface"]
    made = api.write("create_interface", body["tenant_id"], interface=body)
    return Answer({"interface": made}, f"/v2/interfaces/{made['id']}")


def delete_interface(api: Api, interface_id: str) -> Answer:
    owner = api.one("interfaces", interface_id, errors.InterfaceNotFound)["tenant_id"]
    api.write("delete_interface", owner, interface_id=interface_id)
    return Answer()


def list_instance_interfaces(api: Api, instance_id: str) -> Answer:
    args = read_query(("limit", "marker"))
    found = api.read(
        "list_instance_interfaces", instance_id=instance_id, **paging(args, api.limits)
    )
    return Answer({"interfaces": found["interfaces"], "links": links(found["next_marker"])})


def create_instance_interface(api: Api, instance_id: str) -> Answer:
    body = read_body("instance_interface_create")["interface"]
    made = api.write(
        "create_instance_interface", body["tenant_id"], instance_id=instance_id, interface=body
    )
    return Answer({"interface": made}, f"/v2/interfaces/{made['id']}")


def replace_instance_interfaces(api: Api, instance_id: str) -> Answer:
    body = read_body("instance_interfaces_replace")
    interfaces = [
        {("virtual_interface_id" if name == "id" else name): item[name] for name in item}
        for item in body["interfaces"]
    ]
    instance = {"tenant_id": body["tenant_id"], "interfaces": interfaces}
    made = api.write(
        "replace_instance_interfaces",
        body["tenant_id"],
        instance_id=instance_id,
        instance=instance,
    )
    return Answer({"interfaces": made["interfaces"]})


def list_virtual_interfaces(api: Api, instance_id: str, *, with_network: bool) -> Answer:
    args = read_query(("limit", "marker"))
    wanted = paging(args, api.limits)
    found = api.read("list_virtual_interfaces", instance_id=instance_id, **wanted)
    names = ("id", "mac_address", "net_id") if with_network else ("id", "mac_address")
    shown = [{name: vif[name] for name in names} for vif in found["virtual_interfaces"]]
    return Answer({"virtual_interfaces": shown, "links": links(found.get("next_marker"))})


# --- networks and ports -------------------------------------------------------------


def create_network(api: Api) -> Answer:
    body = read_body("network_create")["network"]
    owner = body["tenant_id"]
    made = api.write("create_network", owner, tenant_id=owner, network=body)
    return _shown(api, "networks", "network", errors.NetworkNotFound, made["id"])


def update_network(api: Api, network_id: str) -> Answer:
    body = read_body("network_update")["network"]
    owner = _owner_of_network(api, network_id)
    api.write("update_network", owner, tenant_id=owner, network_id=network_id, network=body)
    return Answer(_shown(api, "networks", "network", errors.NetworkNotFound, network_id).body)


def delete_network(api: Api, network_id: str) -> Answer:
    owner = _owner_of_network(api, network_id)
    api.write("delete_network", owner, tenant_id=owner, network_id=network_id)
    return Answer()


def _owner_of_network(api: Api, network_id: str) -> str:
    return str(api.one("networks", network_id, errors.NetworkNotFound)["tenant_id"])


def create_port(api: Api) -> Answer:
    body = dict(read_body("port_create")["port"])
    network_id = body.pop("network_id")
    owner = _owner_of_network(api, network_id)
    made = api.write("create_port", owner, tenant_id=owner, network_id=network_id, port=body)
    return _shown(api, "ports", "port", errors.PortNotFound, made["id"])


def update_port(api: Api, port_id: str) -> Answer:
    body = read_body("port_update")["port"]
    if len(body) > 1:
        raise errors.ValidationError(
            fields={"port": ["state and attachment_id change one at a time"]}
        )
    where = _place_of_port(api, port_id)
    owner = where["tenant_id"]
    if "state" in body:
        api.write("update_port", owner, port=body, **where)
    elif body["attachment_id"] is None:
        api.write("delete_port_attachment", owner, **where)
    else:
        plug = {"id": body["attachment_id"]}
        api.write("set_port_attachment", owner, attachment=plug, **where)
    return Answer(_shown(api, "ports", "port", errors.PortNotFound, port_id).body)


def delete_port(api: Api, port_id: str) -> Answer:
    where = _place_of_port(api, port_id)
    api.write("delete_port", where["tenant_id"], **where)
    return Answer()


def _place_of_port(api: Api, port_id: str) -> dict[str, str]:
    port = api.one("ports", port_id, errors.PortNotFound)
    found = {"tenant_id": port["tenant_id"], "network_id": port["network_id"]}
    return {**found, "port_id": port_id}


# --- policies, routes, NAT, MAC address ranges, requests -----------------------------


def create_policy(api: Api) -> Answer:
    body = read_body("policy_create")["policy"]
    owner = body["tenant_id"]
    made = api.write("create_policy", owner, tenant_id=owner, policy=body)
    return _shown(api, "policies", "policy", errors.PolicyNotFound, made["id"])


def update_policy(api: Api, policy_id: str) -> Answer:
    body = read_body("policy_update")["policy"]
    owner = _owner_of_policy(api, policy_id)
    api.write("update_policy", owner, tenant_id=owner, policy_id=policy_id, policy=body)
    return Answer(_shown(api, "policies", "policy", errors.PolicyNotFound, policy_id).body)


def delete_policy(api: Api, policy_id: str) -> Answer:
    owner = _owner_of_policy(api, policy_id)
    api.write("delete_policy", owner, tenant_id=owner, policy_id=policy_id)
    return Answer()


def _owner_of_policy(api: Api, policy_id: str) -> str:
    return str(api.one("policies", policy_id, errors.PolicyNotFound)["tenant_id"])


def create_ip_route(api: Api) -> Answer:
    body = dict(read_body("ip_route_create")["ip_route"])
    block_id = body.pop("ip_block_id")
    owner = _owner_of_block(api, block_id)
    made = api.write(
        "create_ip_route", owner, tenant_id=owner, ip_block_id=block_id, ip_route=body
    )
    return _shown(api, "ip_routes", "ip_route", errors.IpRouteNotFound, made["id"])


def update_ip_route(api: Api, ip_route_id: str) -> Answer:
    body = read_body("ip_route_update")["ip_route"]
    where = _place_of_route(api, ip_route_id)
    api.write("update_ip_route", where["tenant_id"], ip_route=body, **where)
    return Answer(_shown(api, "ip_routes", "ip_route", errors.IpRouteNotFound, ip_route_id).body)


def delete_ip_route(api: Api, ip_route_id: str) -> Answer:
    where = _place_of_route(api, ip_route_id)
    api.write("delete_ip_route", where["tenant_id"], **where)
    return Answer()


def _place_of_route(api: Api, ip_route_id: str) -> dict[str, str]:
    block_id = api.one("ip_routes", ip_route_id, errors.IpRouteNotFound)["ip_block_id"]
    owner = _owner_of_block(api, block_id)
    return {"tenant_id": owner, "ip_block_id": block_id, "ip_route_id": ip_route_id}


def create_nat(api: Api) -> Answer:
    body = read_body("nat_create")["nat"]
    near, far = body["inside_local"], body["inside_global"]
    owner = _owner_of_block(api, near["ip_block_id"])
    wanted = [{"ip_block_id": far["ip_block_id"], "ip_address": far["address"]}]
    api.write("add_inside_globals", owner, tenant_id=owner, ip_addresses=wanted, **near)
    ends = {"inside_local": near["address"], "inside_global": far["address"]}
    made = next(
        nat
        for nat in api.query("nat", filters=ends)["nat"]
        if nat["inside_local"]["ip_block_id"] == near["ip_block_id"]
        and nat["inside_global"]["ip_block_id"] == far["ip_block_id"]
    )
    return Answer({"nat": made}, f"/v2/nat/{made['id']}")


def delete_nat(api: Api, nat_id: str) -> Answer:
    found = api.one("nat", nat_id, errors.NatNotFound)
    near = found["inside_local"]
    owner = _owner_of_block(api, near["ip_block_id"])
    inside = found["inside_global"]["address"]
    api.write("remove_inside_globals", owner, tenant_id=owner, inside_address=inside, **near)
    return Answer()


def create_mac_address_range(api: Api) -> Answer:
    body = read_body("mac_address_range_create")["mac_address_range"]
    made = api.write("create_mac_address_range", None, mac_address_range=body)
    return Answer({"mac_address_range": made}, f"/v2/mac-address-ranges/{made['id']}")


def delete_mac_address_range(api: Api, mac_address_range_id: str) -> Answer:
    api.write("delete_mac_address_range", None, mac_address_range_id=mac_address_range_id)
    return Answer()


def show_request(api: Api, request_id: str) -> Answer:
    read_query(("tenant_id",))
    return Answer({"request": api.read("get_request", request_id=request_id)})


def _shown(api: Api, kind: str, noun: str, missing: type[errors.NotFound], key: str) -> Answer:
    return Answer({noun: api.one(kind, key, missing)}, f"/v2/{kind.replace('_', '-')}/{key}")
