"""JSON Schemas of request bodies: what is unknown is refused by its name."""

from __future__ import annotations

from typing import Final

from ipamd.api.v2.schemas.parts import (
    ADDRESS,
    ADDRESS_OR_NULL,
    CHOSEN_ID,
    CIDR,
    END,
    MAC,
    NAME,
    NAME_OR_NULL,
    RULES,
    STRATEGY,
    Schema,
    array,
    properties,
    wrapped,
)

_BLOCK_SETTINGS: Final[dict[str, Schema]] = {
    "gateway": ADDRESS_OR_NULL,
    "dns1": ADDRESS_OR_NULL,
    "dns2": ADDRESS_OR_NULL,
    "policy_id": NAME_OR_NULL,
    "allocation_strategy": STRATEGY,
}
_NEW_INTERFACE: Final[dict[str, Schema]] = {
    "id": CHOSEN_ID,
    "mac_address": MAC,
    "network": properties({"id": NAME, "tenant_id": NAME}, {"addresses": array(ADDRESS)}),
}
_HOLDER: Final[dict[str, Schema]] = {
    "interface_id": CHOSEN_ID,
    "tenant_id": NAME,
    "used_by_device": NAME,
    "mac_address": MAC,
}
_ROUTE: Final[dict[str, Schema]] = {"destination": CIDR, "gateway": ADDRESS}
_STATE: Final[Schema] = {"enum": ["ACTIVE", "DOWN"]}

REQUESTS: Final[dict[str, Schema]] = {
    "ip_block_create": wrapped(
        "ip_block",
        properties(
            {"tenant_id": NAME, "cidr": CIDR, "type": {"enum": ["public", "private"]}},
            {"network_id": NAME_OR_NULL, **_BLOCK_SETTINGS},
        ),
    ),
    "ip_block_update": wrapped(
        "ip_block", properties({}, {"network_id": NAME_OR_NULL, **_BLOCK_SETTINGS})
    ),
    "subnet_create": wrapped(
        "subnet",
        properties(
            {},
            {
                "cidr": CIDR,
                "prefix_length": {"type": "integer", "minimum": 0, "maximum": 128},
                "tenant_id": NAME,
                **_BLOCK_SETTINGS,
            },
            oneOf=[{"required": ["cidr"]}, {"required": ["prefix_length"]}],
        ),
    ),
    "ip_address_create": wrapped(
        "ip_address",
        properties(
            {"ip_block_id": NAME},
            {
                "address": ADDRESS,
                "count": {"type": "integer", "minimum": 1, "maximum": 65_536},
                **_HOLDER,
            },
            # One address is chosen, or many are counted.
            dependentSchemas={"count": {"properties": {"address": False}}},
        ),
    ),
    # What is wrong with an entry's address or MAC address is that entry's refusal.
    "ip_address_batch": properties(
        {
            "ip_addresses": array(
                properties({"ip_block_id": NAME, "address": ADDRESS}, _HOLDER),
                minItems=1, maxItems=5000,
            )
        },
        {"dry_run": {"type": "boolean"}},
    ),
    "ip_address_update": wrapped("ip_address", properties({"status": {"const": "allocated"}})),
    "interface_create": wrapped(
        "interface", properties({"tenant_id": NAME}, {"device_id": CHOSEN_ID, **_NEW_INTERFACE})
    ),
    "instance_interface_create": wrapped(
        "interface", properties({"tenant_id": NAME}, _NEW_INTERFACE)
    ),
    "instance_interfaces_replace": properties(
        {"tenant_id": NAME, "interfaces": array(properties({}, _NEW_INTERFACE), maxItems=100)}
    ),
    "network_create": wrapped("network", properties({"tenant_id": NAME, "name": NAME})),
    "network_update": wrapped("network", properties({"name": NAME})),
    "port_create": wrapped("port", properties({"network_id": NAME}, {"state": _STATE})),
    # Either of them: they are changed one at a time.
    "port_update": wrapped(
        "port",
        properties(
            {}, {"state": _STATE, "attachment_id": {**NAME, "type": ["string", "null"]}},
            minProperties=1, maxProperties=1,
        ),
    ),
    "policy_create": wrapped(
        "policy",
        properties({"tenant_id": NAME, "name": NAME}, {"description": NAME_OR_NULL, **RULES}),
    ),
    "policy_update": wrapped(
        "policy", properties({}, {"name": NAME, "description": NAME_OR_NULL, **RULES})
    ),
    "ip_route_create": wrapped(
        "ip_route",
        properties({"ip_block_id": NAME, **_ROUTE}, {"netmask": ADDRESS_OR_NULL}),
    ),
    "ip_route_update": wrapped(
        "ip_route", properties({}, {**_ROUTE, "netmask": ADDRESS_OR_NULL})
    ),
    "nat_create": wrapped("nat", properties({"inside_local": END, "inside_global": END})),
    "mac_address_range_create": wrapped(
        "mac_address_range",
        properties({"cidr": {**CIDR, "format": "mac-range"}}),
    ),
}  # fmt: skip
