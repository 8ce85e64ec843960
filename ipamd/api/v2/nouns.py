"""The resources of ``/v2`` by their nouns: path, filters, and the error when one is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from ipamd import errors

PREFIX: Final = "/v2"


@dataclass(frozen=True)
class Noun:
    """One kind of resource: its names, and the fields that its list is filtered by."""

    singular: str
    plural: str
    missing: type[errors.NotFound]
    filters: tuple[str, ...]

    @property
    def variable(self) -> str:
        """The name of its id in paths."""
        return f"{self.singular}_id"

    @property
    def path(self) -> str:
        """The path of the list, below ``/v2``."""
        return f"/{self.plural.replace('_', '-')}"

    def location(self, resource_id: str) -> str:
        """Return the path of one resource."""
        return f"{PREFIX}{self.path}/{quote(resource_id, safe='')}"


_TIMES = ("created_at", "updated_at")

IP_BLOCK: Final = Noun(
    "ip_block", "ip_blocks", errors.IpBlockNotFound,
    ("id", "tenant_id", "type", "network_id", "parent_id", "policy_id", "allocation_strategy",
     "gateway", "cidr", "prefix_length", *_TIMES),
)  # fmt: skip
IP_ADDRESS: Final = Noun(
    "ip_address", "ip_addresses", errors.IpAddressNotFound,
    ("id", "ip_block_id", "address", "interface_id", "used_by_tenant", "used_by_device",
     "status", *_TIMES),
)  # fmt: skip
INTERFACE: Final = Noun(
    "interface", "interfaces", errors.InterfaceNotFound, ("id", "tenant_id", "device_id", *_TIMES)
)
NETWORK: Final = Noun(
    "network", "networks", errors.NetworkNotFound,
    ("id", "tenant_id", "name", "op_status", *_TIMES),
)  # fmt: skip
PORT: Final = Noun(
    "port", "ports", errors.PortNotFound,
    ("id", "tenant_id", "network_id", "state", "op_status", "attachment_id", *_TIMES),
)  # fmt: skip
POLICY: Final = Noun(
    "policy", "policies", errors.PolicyNotFound, ("id", "tenant_id", "name", *_TIMES)
)
IP_ROUTE: Final = Noun(
    "ip_route", "ip_routes", errors.IpRouteNotFound,
    ("id", "tenant_id", "ip_block_id", "destination", "gateway", *_TIMES),
)  # fmt: skip
NAT: Final = Noun(
    "nat", "nat", errors.NatNotFound,
    ("id", "inside_local", "inside_global", "local_block_id", "global_block_id", "created_at"),
)  # fmt: skip
MAC_ADDRESS_RANGE: Final = Noun(
    "mac_address_range", "mac_address_ranges", errors.MacAddressRangeNotFound,
    ("id", "cidr", *_TIMES),
)  # fmt: skip

NOUNS: Final = (
    IP_BLOCK, IP_ADDRESS, INTERFACE, NETWORK, PORT, POLICY, IP_ROUTE, NAT, MAC_ADDRESS_RANGE,
)  # fmt: skip
# What the variables of paths name, and so is missing where the path leads nowhere.
MISSING: Final[dict[str, type[errors.NotFound]]] = {
    **{noun.variable: noun.missing for noun in NOUNS},
    "instance_id": errors.InstanceNotFound,
    "request_id": errors.RequestNotFound,
}
