"""The kinds of resources that ``/v2`` has, as the commands look for them."""

from __future__ import annotations

from typing import Final

from ipamd.ctl.base import Noun

_TIMES: Final = ("created_at", "updated_at")

BLOCK: Final = Noun(
    "ip_block", "ip_blocks",
    ("id", "cidr", "type", "tenant_id", "network_id", "gateway"),
    ("tenant_id", "type", "network_id", "parent_id", "policy_id", "allocation_strategy",
     "gateway", "cidr", "prefix_length", *_TIMES),
    "cidr",
)  # fmt: skip
ADDRESS: Final = Noun(
    "ip_address", "ip_addresses",
    ("id", "address", "status", "interface_id", "used_by_tenant", "used_by_device"),
    ("address", "interface_id", "used_by_tenant", "used_by_device", "status", *_TIMES),
    "address",
)  # fmt: skip
INTERFACE: Final = Noun(
    "interface", "interfaces", ("id", "tenant_id", "device_id", "mac_address"),
    ("tenant_id", "device_id", *_TIMES),
)  # fmt: skip
NETWORK: Final = Noun(
    "network", "networks", ("id", "name", "tenant_id", "op_status"),
    ("tenant_id", "name", "op_status", *_TIMES), "name",
)  # fmt: skip
PORT: Final = Noun(
    "port", "ports", ("id", "network_id", "state", "op_status", "attachment_id"),
    ("tenant_id", "network_id", "state", "op_status", "attachment_id", *_TIMES),
)  # fmt: skip
POLICY: Final = Noun(
    "policy", "policies",
    ("id", "name", "tenant_id", "unusable_ip_ranges", "unusable_ip_octets"),
    ("tenant_id", "name", *_TIMES), "name",
)  # fmt: skip
ROUTE: Final = Noun(
    "ip_route", "ip_routes", ("id", "ip_block_id", "destination", "netmask", "gateway"),
    ("tenant_id", "ip_block_id", "destination", "gateway", *_TIMES),
)  # fmt: skip
NAT: Final = Noun(
    "nat", "nat", ("id", "inside_local", "inside_global"),
    ("inside_local", "inside_global", "local_block_id", "global_block_id", "created_at"),
)  # fmt: skip
MAC_RANGE: Final = Noun(
    "mac_address_range", "mac_address_ranges", ("id", "cidr"), ("cidr", *_TIMES), "cidr"
)
