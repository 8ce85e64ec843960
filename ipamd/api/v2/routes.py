"""Every route of ``/v2``, in one table: verb, path, view, schemas, status, version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from ipamd import errors
from ipamd.api.microversions import Version
from ipamd.api.v2 import views
from ipamd.api.v2.history import since
from ipamd.api.v2.requests import Answer, Api
from ipamd.api.v2.views import list_resources, show

View = Callable[..., Answer]
FIRST: Final = since("2.0")


@dataclass(frozen=True)
class Route:
    """One route; ``body`` and ``answer`` are names of schemas, ``until`` is exclusive."""

    verb: str
    path: str
    name: str
    view: View
    answer: str | None
    body: str | None = None
    status: int = 200
    since: Version = FIRST
    until: Version | None = None


def _listed(path: str, kind: str, item: str) -> Route:
    return Route("GET", path, f"list_{kind}", partial(list_resources, kind=kind), f"{item}_list")


def _shown(path: str, kind: str, item: str, missing: type[errors.NotFound]) -> Route:
    def view(api: Api, **key: str) -> Answer:
        return show(api, kind, item, missing, next(iter(key.values())))

    return Route("GET", path, f"get_{item}", view, f"{item}_answer")


def _created(path: str, item: str, view: View, body: str | None = None) -> Route:
    name = view.__name__
    return Route("POST", path, name, view, f"{item}_answer", body or f"{item}_create", 201)


def _updated(path: str, item: str, view: View) -> Route:
    return Route("PATCH", path, view.__name__, view, f"{item}_answer", f"{item}_update")


def _deleted(path: str, view: View) -> Route:
    return Route("DELETE", path, view.__name__, view, None, status=204)


_BLOCK: Final = "/ip-blocks/{ip_block_id}"
_ADDRESS: Final = "/ip-addresses/{ip_address_id}"
_INTERFACE: Final = "/interfaces/{interface_id}"
_VIFS: Final = "/instances/{instance_id}/interfaces"
_VIRTUAL: Final = "/instances/{instance_id}/virtual-interfaces"
_NETWORK: Final = "/networks/{network_id}"
_PORT: Final = "/ports/{port_id}"
_POLICY: Final = "/policies/{policy_id}"
_ROUTE: Final = "/ip-routes/{ip_route_id}"
_NAT: Final = "/nat/{nat_id}"
_MACS: Final = "/mac-address-ranges/{mac_address_range_id}"

ROUTES: Final[tuple[Route, ...]] = (
    # Blocks
    _listed("/ip-blocks", "ip_blocks", "ip_block"),
    _created("/ip-blocks", "ip_block", views.create_ip_block),
    _shown(_BLOCK, "ip_blocks", "ip_block", errors.IpBlockNotFound),
    _updated(_BLOCK, "ip_block", views.update_ip_block),
    _deleted(_BLOCK, views.delete_ip_block),
    Route("GET", _BLOCK + "/subnets", "list_subnets", views.list_subnets, "ip_block_list"),
    _created(_BLOCK + "/subnets", "ip_block", views.create_subnet, "subnet_create"),
    Route(
        "GET", _BLOCK + "/available", "list_available", views.list_available, "available_answer"
    ),
    # Addresses
    _listed("/ip-addresses", "ip_addresses", "ip_address"),
    Route(
        "POST", "/ip-addresses", "create_ip_address", views.create_ip_address,
        "ip_addresses_allocated", "ip_address_create", 201,
    ),
    _shown(_ADDRESS, "ip_addresses", "ip_address", errors.IpAddressNotFound),
    _updated(_ADDRESS, "ip_address", views.update_ip_address),
    _deleted(_ADDRESS, views.delete_ip_address),
    Route(
        "GET", "/ip-addresses/{address}/history", "list_history", views.list_history,
        "holding_list", since=since("2.2"),
    ),
    # Interfaces and instances
    _listed("/interfaces", "interfaces", "interface"),
    _created("/interfaces", "interface", views.create_interface),
    _shown(_INTERFACE, "interfaces", "interface", errors.InterfaceNotFound),
    _deleted(_INTERFACE, views.delete_interface),
    Route(
        "GET", _VIFS, "list_instance_interfaces", views.list_instance_interfaces,
        "interface_list",
    ),
    _created(
        _VIFS, "interface", views.create_instance_interface, "instance_interface_create"
    ),
    Route(
        "PUT", _VIFS, "replace_instance_interfaces", views.replace_instance_interfaces,
        "interfaces_replaced", "instance_interfaces_replace",
    ),
    Route(
        "GET", _VIRTUAL, "list_virtual_interfaces_2_0",
        partial(views.list_virtual_interfaces, with_network=False),
        "virtual_interface_list", until=since("2.1"),
    ),
    Route(
        "GET", _VIRTUAL, "list_virtual_interfaces",
        partial(views.list_virtual_interfaces, with_network=True),
        "virtual_interface_list", since=since("2.1"),
    ),
    # Networks and ports
    _listed("/networks", "networks", "network"),
    _created("/networks", "network", views.create_network),
    _shown(_NETWORK, "networks", "network", errors.NetworkNotFound),
    _updated(_NETWORK, "network", views.update_network),
    _deleted(_NETWORK, views.delete_network),
    _listed("/ports", "ports", "port"),
    _created("/ports", "port", views.create_port),
    _shown(_PORT, "ports", "port", errors.PortNotFound),
    _updated(_PORT, "port", views.update_port),
    _deleted(_PORT, views.delete_port),
    # Policies, static routes, NAT
    _listed("/policies", "policies", "policy"),
    _created("/policies", "policy", views.create_policy),
    _shown(_POLICY, "policies", "policy", errors.PolicyNotFound),
    _updated(_POLICY, "policy", views.update_policy),
    _deleted(_POLICY, views.delete_policy),
    _listed("/ip-routes", "ip_routes", "ip_route"),
    _created("/ip-routes", "ip_route", views.create_ip_route),
    _shown(_ROUTE, "ip_routes", "ip_route", errors.IpRouteNotFound),
    _updated(_ROUTE, "ip_route", views.update_ip_route),
    _deleted(_ROUTE, views.delete_ip_route),
    _listed("/nat", "nat", "nat"),
    _created("/nat", "nat", views.create_nat),
    _shown(_NAT, "nat", "nat", errors.NatNotFound),
    _deleted(_NAT, views.delete_nat),
    # MAC address ranges, requests that were cast
    _listed("/mac-address-ranges", "mac_address_ranges", "mac_address_range"),
    _created("/mac-address-ranges", "mac_address_range", views.create_mac_address_range),
    _shown(_MACS, "mac_address_ranges", "mac_address_range", errors.MacAddressRangeNotFound),
    _deleted(_MACS, views.delete_mac_address_range),
    Route("GET", "/requests/{request_id}", "get_request", views.show_request, "request_answer"),
)  # fmt: skip
