"""Every route of ``/v2``, in one table: verb, path, view, schemas, status, version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from ipamd.api.microversions import Version
from ipamd.api.v2 import nouns
from ipamd.api.v2.calls import Answer, Api
from ipamd.api.v2.history import since
from ipamd.api.v2.nouns import Noun
from ipamd.api.v2.reading import LISTING, PAGING
from ipamd.api.v2.views import (
    events,
    interfaces,
    ip_addresses,
    ip_blocks,
    ip_routes,
    mac_address_ranges,
    nat,
    networks,
    policies,
    ports,
    requests,
)
from ipamd.api.v2.views.common import list_resources, show

View = Callable[..., Answer]
FIRST: Final = since("2.0")


@dataclass(frozen=True)
class Route:
    """One route; ``body`` and ``answer`` are names of schemas, ``until`` is exclusive.

    ``filters`` and ``query`` are the parameters it knows; a filter may be given repeatedly.
    """

    verb: str
    path: str
    name: str
    view: View
    answer: str | None
    body: str | None = None
    status: int = 200
    filters: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    since: Version = FIRST
    until: Version | None = None
    media_types: tuple[str, ...] = ("application/json",)

    @property
    def rule(self) -> str:
        """The name of the rule that says who may use the route, in all its versions."""
        return f"v2:{self.name.removesuffix('_2_0')}"

    @property
    def uri(self) -> tuple[str, str]:
        """The verb and path, which several versions may have."""
        return self.verb, self.path

    def is_in(self, version: Version) -> bool:
        """Tell whether a version has this route."""
        return self.since <= version and (self.until is None or version < self.until)


def _listed(noun: Noun) -> Route:
    view = partial(list_resources, noun=noun)
    answer = f"{noun.singular}_list"
    return Route(
        "GET", noun.path, f"list_{noun.plural}", view, answer, filters=noun.filters, query=LISTING
    )


def _shown(noun: Noun) -> Route:
    def view(api: Api, **key: str) -> Answer:
        return show(api, noun, key[noun.variable])

    return Route("GET", _of(noun), f"get_{noun.singular}", view, f"{noun.singular}_answer")


def _of(noun: Noun) -> str:
    return f"{noun.path}/{{{noun.variable}}}"


def _created(noun: Noun, view: View, path: str = "", *, body: str = "", answer: str = "") -> Route:
    answer = answer or f"{noun.singular}_answer"
    body = body or f"{noun.singular}_create"
    return Route("POST", path or noun.path, view.__name__, view, answer, body, 201)


def _updated(noun: Noun, view: View) -> Route:
    answer, body = f"{noun.singular}_answer", f"{noun.singular}_update"
    return Route("PATCH", _of(noun), view.__name__, view, answer, body)


def _deleted(noun: Noun, view: View) -> Route:
    return Route("DELETE", _of(noun), view.__name__, view, None, status=204)


_SUBNETS: Final = "/ip-blocks/{ip_block_id}/subnets"
_VIFS: Final = "/instances/{instance_id}/interfaces"
_VIRTUAL: Final = "/instances/{instance_id}/virtual-interfaces"
_SUBNET_FILTERS: Final = tuple(name for name in nouns.IP_BLOCK.filters if name != "parent_id")

ROUTES: Final[tuple[Route, ...]] = (
    # Blocks
    _listed(nouns.IP_BLOCK),
    _created(nouns.IP_BLOCK, ip_blocks.create_ip_block),
    _shown(nouns.IP_BLOCK),
    _updated(nouns.IP_BLOCK, ip_blocks.update_ip_block),
    _deleted(nouns.IP_BLOCK, ip_blocks.delete_ip_block),
    Route(
        "GET", _SUBNETS, "list_subnets", ip_blocks.list_subnets, "ip_block_list",
        filters=_SUBNET_FILTERS, query=LISTING,
    ),
    _created(nouns.IP_BLOCK, ip_blocks.create_subnet, _SUBNETS, body="subnet_create"),
    Route(
        "GET", "/ip-blocks/{ip_block_id}/available", "list_available", ip_blocks.list_available,
        "available_answer", query=("count", "prefix_length", *PAGING),
    ),
    # Addresses
    _listed(nouns.IP_ADDRESS),
    _created(nouns.IP_ADDRESS, ip_addresses.create_ip_address, answer="ip_addresses_allocated"),
    _shown(nouns.IP_ADDRESS),
    _updated(nouns.IP_ADDRESS, ip_addresses.update_ip_address),
    _deleted(nouns.IP_ADDRESS, ip_addresses.delete_ip_address),
    Route(
        "POST", "/ip-address-batches", "allocate_chosen_ip_addresses",
        ip_addresses.allocate_chosen, "batch_outcome", "ip_address_batch", since=since("2.3"),
    ),
    Route(
        "GET", "/ip-addresses/{address}/history", "list_history", ip_addresses.list_history,
        "holding_list", query=("at", "tenant_id", *PAGING), since=since("2.2"),
    ),
    # Interfaces and instances
    _listed(nouns.INTERFACE),
    _created(nouns.INTERFACE, interfaces.create_interface),
    _shown(nouns.INTERFACE),
    _deleted(nouns.INTERFACE, interfaces.delete_interface),
    Route(
        "GET", _VIFS, "list_instance_interfaces", interfaces.list_instance_interfaces,
        "interface_list", query=PAGING,
    ),
    _created(
        nouns.INTERFACE, interfaces.create_instance_interface, _VIFS,
        body="instance_interface_create",
    ),
    Route(
        "PUT", _VIFS, "replace_instance_interfaces", interfaces.replace_instance_interfaces,
        "interfaces_replaced", "instance_interfaces_replace",
    ),
    Route(
        "GET", _VIRTUAL, "list_virtual_interfaces_2_0",
        interfaces.list_virtual_interfaces_without_network,
        "virtual_interface_list", query=PAGING, until=since("2.1"),
    ),
    Route(
        "GET", _VIRTUAL, "list_virtual_interfaces", interfaces.list_virtual_interfaces,
        "virtual_interface_list", query=PAGING, since=since("2.1"),
    ),
    # Networks and ports
    _listed(nouns.NETWORK),
    _created(nouns.NETWORK, networks.create_network),
    _shown(nouns.NETWORK),
    _updated(nouns.NETWORK, networks.update_network),
    _deleted(nouns.NETWORK, networks.delete_network),
    _listed(nouns.PORT),
    _created(nouns.PORT, ports.create_port),
    _shown(nouns.PORT),
    _updated(nouns.PORT, ports.update_port),
    _deleted(nouns.PORT, ports.delete_port),
    # Policies, static routes, NAT
    _listed(nouns.POLICY),
    _created(nouns.POLICY, policies.create_policy),
    _shown(nouns.POLICY),
    _updated(nouns.POLICY, policies.update_policy),
    _deleted(nouns.POLICY, policies.delete_policy),
    _listed(nouns.IP_ROUTE),
    _created(nouns.IP_ROUTE, ip_routes.create_ip_route),
    _shown(nouns.IP_ROUTE),
    _updated(nouns.IP_ROUTE, ip_routes.update_ip_route),
    _deleted(nouns.IP_ROUTE, ip_routes.delete_ip_route),
    _listed(nouns.NAT),
    _created(nouns.NAT, nat.create_nat),
    _shown(nouns.NAT),
    _deleted(nouns.NAT, nat.delete_nat),
    # MAC address ranges, requests that were cast
    _listed(nouns.MAC_ADDRESS_RANGE),
    _created(nouns.MAC_ADDRESS_RANGE, mac_address_ranges.create_mac_address_range),
    _shown(nouns.MAC_ADDRESS_RANGE),
    _deleted(nouns.MAC_ADDRESS_RANGE, mac_address_ranges.delete_mac_address_range),
    Route("GET", "/requests/{request_id}", "get_request", requests.show_request, "request_answer"),
    # What happens
    Route(
        "GET", "/events", "list_events", events.list_events, "event_list",
        filters=("event_type",), query=("tenant_id", "since", *PAGING), since=since("2.3"),
        media_types=("application/json", "text/event-stream"),
    ),
)  # fmt: skip
