"""Every route of Melange's API, in one table: verb, path, RPC method, answer.

The variables of a path carry the names of the RPC method's arguments.  ``body`` is the
root key of the request's body and the name of the argument it becomes; ``query`` names the
parameters that are passed on.  An RPC method of None marks a route that Melange's router
knew without an action behind it: 404 with an error document whose detail is null.

Sources: Melange API spec (v0.1), the blueprint "Interfaces API Clean up" (v1.0), and the
routes of the last Melange server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

V01: Final = ("v0.1",)
V10: Final = ("v1.0",)
BOTH: Final = V01 + V10


class Shape(Enum):
    """What an answer's document looks like around the RPC's result."""

    ONE = "one"  # {root: result}
    MANY = "many"  # {root: result[root]} and, when there is a next page, {root}_links
    INSTANCE = "instance"  # {"instance": {"interfaces": […]}}, paged like MANY
    EMPTY = "empty"  # 200 and no body


@dataclass(frozen=True)
class Answer:
    """The shape of an answer and its root key."""

    shape: Shape
    root: str = ""


@dataclass(frozen=True)
class Route:
    """One row of the table."""

    verb: str
    path: str
    method: str | None = None
    answer: Answer = Answer(Shape.EMPTY)
    body: str | None = None
    query: tuple[str, ...] = ()
    status: int = 200
    versions: tuple[str, ...] = BOTH
    special: str | None = None  # the name of a function of special.py that makes the answer

    @property
    def rule(self) -> str:
        """The name of the rule that says who may use the route."""
        if self.method == "list_allocated_ip_addresses" and "{tenant_id}" not in self.path:
            return "melange:list_all_allocated_ip_addresses"
        return f"melange:{self.method or 'no_action'}"


def one(root: str) -> Answer:
    """Answer with one resource."""
    return Answer(Shape.ONE, root)


def many(root: str) -> Answer:
    """Answer with a page of resources."""
    return Answer(Shape.MANY, root)


EMPTY: Final = Answer(Shape.EMPTY)
INSTANCE: Final = Answer(Shape.INSTANCE, "interfaces")

T = "/ipam/tenants/{tenant_id}"
BLOCKS = T + "/ip_blocks"
BLOCK = BLOCKS + "/{ip_block_id}"
ADDRESSES = BLOCK + "/ip_addresses"
ADDRESS = ADDRESSES + "/{address}"
# The spec documents the NAT URLs without the tenant, Melange served them with it.
BARE_ADDRESS = "/ipam/ip_blocks/{ip_block_id}/ip_addresses/{address}"
POLICIES = T + "/policies"
POLICY = POLICIES + "/{policy_id}"
RANGES = POLICY + "/unusable_ip_ranges"
RANGE = RANGES + "/{ip_range_id}"
OCTETS = POLICY + "/unusable_ip_octets"
OCTET = OCTETS + "/{ip_octet_id}"
IP_ROUTES = BLOCK + "/ip_routes"
IP_ROUTE = IP_ROUTES + "/{ip_route_id}"
NETWORK = T + "/networks/{network_id}"
ALLOCATIONS = NETWORK + "/interfaces/{interface_id}/ip_allocations"
INTERFACES = "/ipam/interfaces"
INTERFACE = INTERFACES + "/{interface_id}"
TENANT_INTERFACE = T + "/interfaces/{interface_id}"
ALLOWED = TENANT_INTERFACE + "/allowed_ips"
ALLOWED_IP = ALLOWED + "/{address}"
VIFS = "/ipam/instances/{instance_id}/interfaces"
VIF = VIFS + "/{interface_id}"
VIF_ADDRESSES = VIF + "/ip_addresses"
VIF_ADDRESS = VIF_ADDRESSES + "/{address}"
MAC_RANGES = "/ipam/mac_address_ranges"
MAC_RANGE = MAC_RANGES + "/{mac_address_range_id}"

R = Route

# fmt: off
ROUTES: Final[tuple[Route, ...]] = (
    # IP blocks
    R("GET", BLOCKS, "list_ip_blocks", many("ip_blocks"), query=("type",)),
    R("POST", BLOCKS, "create_ip_block", one("ip_block"), "ip_block", status=201),
    R("GET", BLOCK, "get_ip_block", one("ip_block")),
    R("PUT", BLOCK, "update_ip_block", one("ip_block"), "ip_block"),
    R("DELETE", BLOCK, "delete_ip_block", EMPTY),
    R("GET", BLOCK + "/subnets", "list_subnets", many("subnets")),
    R("POST", BLOCK + "/subnets", "create_subnet", one("subnet"), "subnet", status=201),
    # Addresses of a block
    R("GET", ADDRESSES, "list_ip_addresses", many("ip_addresses")),
    R("POST", ADDRESSES, "allocate_ip_address", one("ip_address"), "ip_address", status=201),
    R("GET", ADDRESS, "get_ip_address", one("ip_address")),
    R("DELETE", ADDRESS, "deallocate_ip_address", EMPTY),
    R("PUT", ADDRESS + "/restore", "restore_ip_address", EMPTY),
    # Addresses in use
    R("GET", T + "/allocated_ip_addresses", "list_allocated_ip_addresses", many("ip_addresses"),
      query=("used_by_device", "address")),
    R("GET", "/ipam/allocated_ip_addresses", "list_allocated_ip_addresses", many("ip_addresses"),
      query=("used_by_device", "address")),
    # Static routes of a block
    R("GET", IP_ROUTES, "list_ip_routes", many("ip_routes")),
    R("POST", IP_ROUTES, "create_ip_route", one("ip_route"), "ip_route", status=201),
    R("GET", IP_ROUTE, "get_ip_route", one("ip_route")),
    R("PUT", IP_ROUTE, "update_ip_route", one("ip_route"), "ip_route"),
    R("DELETE", IP_ROUTE, "delete_ip_route", EMPTY),
    # NAT, with and without the tenant
    R("GET", ADDRESS + "/inside_globals", "list_inside_globals", many("ip_addresses")),
    R("POST", ADDRESS + "/inside_globals", "add_inside_globals", EMPTY, "ip_addresses"),
    R("DELETE", ADDRESS + "/inside_globals", "remove_inside_globals", EMPTY),
    R("DELETE", ADDRESS + "/inside_globals/{inside_address}", "remove_inside_globals", EMPTY),
    R("GET", ADDRESS + "/inside_locals", "list_inside_locals", many("ip_addresses")),
    R("POST", ADDRESS + "/inside_locals", "add_inside_locals", EMPTY, "ip_addresses"),
    R("DELETE", ADDRESS + "/inside_locals", "remove_inside_locals", EMPTY),
    R("DELETE", ADDRESS + "/inside_locals/{inside_address}", "remove_inside_locals", EMPTY),
    R("GET", BARE_ADDRESS + "/inside_globals", "list_inside_globals", many("ip_addresses")),
    R("POST", BARE_ADDRESS + "/inside_globals", "add_inside_globals", EMPTY, "ip_addresses"),
    R("DELETE", BARE_ADDRESS + "/inside_globals", "remove_inside_globals", EMPTY),
    R("DELETE", BARE_ADDRESS + "/inside_globals/{inside_address}", "remove_inside_globals", EMPTY),
    R("GET", BARE_ADDRESS + "/inside_locals", "list_inside_locals", many("ip_addresses")),
    R("POST", BARE_ADDRESS + "/inside_locals", "add_inside_locals", EMPTY, "ip_addresses"),
    R("DELETE", BARE_ADDRESS + "/inside_locals", "remove_inside_locals", EMPTY),
    R("DELETE", BARE_ADDRESS + "/inside_locals/{inside_address}", "remove_inside_locals", EMPTY),
    # Policies and what they exclude
    R("GET", POLICIES, "list_policies", many("policies")),
    R("POST", POLICIES, "create_policy", one("policy"), "policy", status=201),
    R("GET", POLICY, "get_policy", one("policy")),
    R("PUT", POLICY, "update_policy", one("policy"), "policy"),
    R("DELETE", POLICY, "delete_policy", EMPTY),
    R("GET", RANGES, "list_unusable_ip_ranges", many("ip_ranges")),
    R("POST", RANGES, "create_unusable_ip_range", one("ip_range"), "ip_range", status=201),
    R("GET", RANGE, "get_unusable_ip_range", one("ip_range")),
    R("PUT", RANGE, "update_unusable_ip_range", one("ip_range"), "ip_range"),
    R("DELETE", RANGE, "delete_unusable_ip_range", EMPTY),
    R("GET", OCTETS, "list_unusable_ip_octets", many("ip_octets")),
    R("POST", OCTETS, "create_unusable_ip_octet", one("ip_octet"), "ip_octet", status=201),
    R("GET", OCTET, "get_unusable_ip_octet", one("ip_octet")),
    R("PUT", OCTET, "update_unusable_ip_octet", one("ip_octet"), "ip_octet"),
    R("DELETE", OCTET, "delete_unusable_ip_octet", EMPTY),
    # Networks
    R("GET", NETWORK, "list_network_ip_blocks", many("ip_blocks"), versions=V01),
    R("POST", NETWORK, versions=V01),
    R("GET", NETWORK + "/{id}", versions=V01),
    R("PUT", NETWORK + "/{id}", versions=V01),
    R("DELETE", NETWORK + "/{id}", versions=V01),
    R("GET", ALLOCATIONS, "list_network_ips", many("ip_addresses"), versions=V01),
    R("POST", ALLOCATIONS, "allocate_network_ips", many("ip_addresses"), "network",
      status=201, versions=V01),
    R("DELETE", ALLOCATIONS, "deallocate_network_ips", EMPTY, versions=V01),
    # Interfaces
    R("GET", INTERFACES, versions=V01),
    R("POST", INTERFACES, "create_interface", one("interface"), "interface",
      status=201, versions=V01),
    R("GET", INTERFACE, versions=V01),
    R("PUT", INTERFACE, versions=V01),
    R("DELETE", INTERFACE, "delete_interface", EMPTY, versions=V01),
    R("GET", TENANT_INTERFACE, "get_interface", one("interface"), versions=V01),
    R("GET", ALLOWED, "list_allowed_ips", many("ip_addresses"), versions=V01),
    R("POST", ALLOWED, "add_allowed_ip", one("ip_address"), "allowed_ip",
      status=201, versions=V01),
    R("GET", ALLOWED_IP, "get_allowed_ip", one("ip_address"), versions=V01),
    R("PUT", ALLOWED_IP, versions=V01),
    R("DELETE", ALLOWED_IP, "remove_allowed_ip", EMPTY, versions=V01),
    # Interfaces of an instance; POST answered 200 in Melange
    R("GET", VIFS, "list_instance_interfaces", INSTANCE),
    R("POST", VIFS, "create_instance_interface", one("interface"), "interface"),
    R("PUT", VIFS, "replace_instance_interfaces", INSTANCE, "instance"),
    R("DELETE", VIFS, "delete_instance_interfaces", EMPTY),
    R("GET", VIF, "get_instance_interface", one("interface")),
    R("PUT", VIF),
    R("DELETE", VIF, "delete_instance_interface", EMPTY),
    R("GET", T + "/instances/{instance_id}/interfaces/{interface_id}", "get_instance_interface",
      one("interface")),
    # Addresses of an instance and of its interfaces
    R("GET", "/ipam/instances/{instance_id}/ip_addresses", "list_instance_ip_addresses",
      many("ip_addresses"), versions=V10),
    R("GET", VIF_ADDRESSES, "list_interface_ip_addresses", many("ip_addresses"), versions=V10),
    R("POST", VIF_ADDRESSES, "add_interface_ip_addresses", many("ip_addresses"), "network",
      status=201, versions=V10),
    R("POST", VIFS + "/ip_addresses", "add_interface_ip_addresses", many("ip_addresses"),
      "network", status=201, versions=V10, special="add_to_the_only_interface"),
    R("GET", VIF_ADDRESS, versions=V10),
    R("PUT", VIF_ADDRESS, versions=V10),
    R("DELETE", VIF_ADDRESS, "remove_interface_ip_address", EMPTY, versions=V10),
    # MAC address ranges
    R("GET", MAC_RANGES, "list_mac_address_ranges", many("mac_address_ranges")),
    R("POST", MAC_RANGES, "create_mac_address_range", one("mac_address_range"),
      "mac_address_range", status=201),
    R("GET", MAC_RANGE, "get_mac_address_range", one("mac_address_range")),
    R("PUT", MAC_RANGE),
    R("DELETE", MAC_RANGE, "delete_mac_address_range", EMPTY),
)
# fmt: on


def implicit_routes() -> Iterator[Route]:
    """Yield ``…/new`` and ``…/{id}/edit`` of each resource: Melange's router knew them."""
    for route in ROUTES:
        if route.verb == "PUT" and re.search(r"_id\}$", route.path) and route.path != VIFS:
            yield Route("GET", route.path.rpartition("/")[0] + "/new", versions=route.versions)
            yield Route("GET", route.path + "/edit", versions=route.versions)


# What a request for addresses can meet besides 400 and 404: taken (409), full or refused (422).
_ALLOCATES: Final = frozenset(
    {
        "add_interface_ip_addresses",
        "allocate_ip_address",
        "allocate_network_ips",
        "create_instance_interface",
        "create_interface",
        "replace_instance_interfaces",
    }
)
_REFUSES: Final = frozenset({"add_allowed_ip", "add_inside_globals", "add_inside_locals"})


@dataclass(frozen=True)
class Documented:
    """A route as the documentation shows it.

    ``errors`` leaves out what every route may answer: 409 and 422 for an idempotency key
    in use or reused, 413 and 415 for its body, 500, 503 and 504.
    """

    version: str
    verb: str
    path: str
    method: str
    status: int
    errors: tuple[int, ...]


def documented() -> Iterator[Documented]:
    """Yield the served routes, version by version, for the generated table of the docs."""
    for version in BOTH:
        for route in ROUTES:
            if route.method is not None and version in route.versions:
                path = f"/{version}{route.path}"
                errors = tuple(_errors_of(route))
                yield Documented(version, route.verb, path, route.method, route.status, errors)


def _errors_of(route: Route) -> Iterator[int]:
    paged = route.verb == "GET" and route.answer.shape in (Shape.MANY, Shape.INSTANCE)
    if route.body is not None or paged:
        yield 400
    named = set(re.findall(r"\{(\w+)\}", route.path)) - {"tenant_id"}
    if (named and route.path != VIFS) or route.method in _ALLOCATES:
        yield 404
    if route.method in _ALLOCATES:
        yield 409
    if route.method in _ALLOCATES | _REFUSES:
        yield 422
