"""JSON Schemas of the resources as answers show them."""

from __future__ import annotations

from typing import Final

from ipamd import events
from ipamd.api.v2.schemas.parts import (
    COUNT,
    END,
    RULES,
    STRATEGY,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    TIMES,
    Schema,
    array,
    properties,
    ref,
)

_VERSION: Final[Schema] = {"enum": [4, 6]}
# Keys that Quantum's clients hung onto a resource.
_EXTRA: Final[Schema] = {"type": "object"}
_BLOCK_IN_ADDRESS: Final = properties(
    {
        "id": TEXT, "tenant_id": TEXT, "cidr": TEXT, "broadcast": TEXT, "netmask": TEXT,
        "gateway": TEXT_OR_NULL, "dns1": TEXT_OR_NULL, "dns2": TEXT_OR_NULL,
        "network_id": TEXT_OR_NULL,
        "ip_routes": array(properties(
            {"id": TEXT, "destination": TEXT, "netmask": TEXT_OR_NULL, "gateway": TEXT})),
    }
)  # fmt: skip

RESOURCES: Final[dict[str, Schema]] = {
    "ip_block": properties(
        {
            "id": TEXT, "tenant_id": TEXT, "type": {"enum": ["public", "private"]}, "cidr": TEXT,
            "broadcast": TEXT, "netmask": TEXT, "gateway": TEXT_OR_NULL, "dns1": TEXT_OR_NULL,
            "dns2": TEXT_OR_NULL, "network_id": TEXT_OR_NULL, "parent_id": TEXT_OR_NULL,
            "policy_id": TEXT_OR_NULL, "allocation_strategy": STRATEGY,
            "utilization": properties(dict.fromkeys(
                ("size", "reserved", "allocated", "quarantined", "free"), COUNT)),
            **TIMES,
        }
    ),
    "ip_address": properties(
        {
            "id": TEXT, "ip_block_id": TEXT, "address": TEXT, "version": _VERSION,
            "interface_id": TEXT_OR_NULL, "used_by_tenant": TEXT_OR_NULL,
            "used_by_device": TEXT_OR_NULL, "status": {"enum": ["allocated", "quarantined"]},
            "deallocated_at": TIME_OR_NULL, **TIMES,
        }
    ),
    "address_in_block": properties(
        {
            "id": TEXT, "address": TEXT, "version": _VERSION, "interface_id": TEXT_OR_NULL,
            "ip_block": _BLOCK_IN_ADDRESS,
        }
    ),
    "interface": properties(
        {
            "id": TEXT, "tenant_id": TEXT, "device_id": TEXT_OR_NULL,
            "mac_address": TEXT_OR_NULL, "ip_addresses": array(ref("address_in_block")), **TIMES,
        }
    ),
    # net_id from 2.1 on.
    "virtual_interface": properties(
        {"id": TEXT, "mac_address": TEXT_OR_NULL}, {"net_id": TEXT_OR_NULL}
    ),
    "network": properties(
        {
            "id": TEXT, "tenant_id": TEXT, "name": TEXT, "op_status": TEXT, "extra": _EXTRA,
            **TIMES,
        }
    ),
    "port": properties(
        {
            "id": TEXT, "tenant_id": TEXT, "network_id": TEXT,
            "state": {"enum": ["ACTIVE", "DOWN"]}, "op_status": TEXT,
            "attachment_id": TEXT_OR_NULL, "extra": _EXTRA, **TIMES,
        }
    ),
    "policy": properties(
        {
            "id": TEXT, "tenant_id": TEXT, "name": TEXT, "description": TEXT_OR_NULL,
            **{name: array(rules["items"]) for name, rules in RULES.items()}, **TIMES,
        }
    ),
    "ip_route": properties(
        {
            "id": TEXT, "ip_block_id": TEXT, "destination": TEXT, "netmask": TEXT_OR_NULL,
            "gateway": TEXT, **TIMES,
        }
    ),
    "nat": properties({"id": TEXT, "inside_local": END, "inside_global": END, "created_at": TIME}),
    "mac_address_range": properties({"id": TEXT, "cidr": TEXT, **TIMES}),
    "available_range": properties({"first": TEXT, "last": TEXT, "size": COUNT}),
    "event": properties(
        {
            "marker": TEXT, "event_type": TEXT, "priority": {"enum": ["INFO", "ERROR"]},
            # The resource as RPC results show it, and what every event has.
            "payload": {
                "type": "object",
                "required": list(events.ADDED),
                "properties": {
                    "event_id": TEXT, "sequence": COUNT, "occurred_at": TIME,
                    "request_id": TEXT_OR_NULL, "tenant_id": TEXT_OR_NULL,
                    "idempotency_key": TEXT_OR_NULL,
                },
            },
        }
    ),
    "holding": properties(
        {
            "ip_block_id": TEXT, "interface_id": TEXT_OR_NULL, "used_by_tenant": TEXT_OR_NULL,
            "used_by_device": TEXT_OR_NULL, "from": TIME, "until": TIME_OR_NULL,
            "request_id": TEXT_OR_NULL,
        }
    ),
}  # fmt: skip
