"""JSON Schemas of requests and answers, by name; the OpenAPI document holds them all.

Requests are validated against them: what is unknown is refused by its name.
"""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]

_NAME: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 255}
_NAME_OR_NULL: Final[Schema] = {"type": ["string", "null"], "maxLength": 255}
_TEXT: Final[Schema] = {"type": "string"}
_TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_ADDRESS: Final[Schema] = {"type": "string", "minLength": 2, "maxLength": 45}
_ADDRESS_OR_NULL: Final[Schema] = {"type": ["string", "null"], "maxLength": 45}
_STRATEGY: Final[Schema] = {"enum": ["first", "cyclic", "random"]}
_LINKS: Final[Schema] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["rel", "href"],
        "properties": {"rel": _TEXT, "href": _TEXT},
        "additionalProperties": False,
    },
}


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def _open(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {**_object(required, optional), "additionalProperties": True}


def _wrapped(name: str, schema: Schema) -> Schema:
    return _object({name: schema})


def _listed(name: str, item: str) -> Schema:
    items = {"type": "array", "items": ref(item)}
    return _object({name: items, "links": _LINKS})


def ref(name: str) -> Schema:
    """Return a reference to a schema of this module."""
    return {"$ref": f"#/components/schemas/{name}"}


_ROUTE_FIELDS: Final = {"destination": _NAME, "gateway": _ADDRESS}
_RANGE: Final = _object({"offset": {"type": "integer"}, "length": _COUNT})
_OCTET: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": 255}
_RULES: Final[dict[str, Schema]] = {
    "unusable_ip_ranges": {"type": "array", "items": _RANGE, "maxItems": 1000},
    "unusable_ip_octets": {"type": "array", "items": _OCTET, "maxItems": 256},
}
_NETWORK_REFERENCE: Final = _object(
    {"id": _NAME, "tenant_id": _NAME}, {"addresses": {"type": "array", "items": _ADDRESS}}
)
_NEW_INTERFACE: Final[dict[str, Schema]] = {
    "mac_address": {"type": "string", "maxLength": 24},
    "network": _NETWORK_REFERENCE,
}
_END: Final = _object({"ip_block_id": _NAME, "address": _ADDRESS})
_TIMES: Final = {"created_at": _TIME, "updated_at": _TIME}
_BLOCK_SETTINGS: Final[dict[str, Schema]] = {
    "gateway": _ADDRESS_OR_NULL,
    "dns1": _ADDRESS_OR_NULL,
    "dns2": _ADDRESS_OR_NULL,
    "policy_id": _NAME_OR_NULL,
    "allocation_strategy": _STRATEGY,
}

REQUESTS: Final[dict[str, Schema]] = {
    "ip_block_create": _wrapped(
        "ip_block",
        _object(
            {"tenant_id": _NAME, "cidr": _NAME, "type": {"enum": ["public", "private"]}},
            {"network_id": _NAME_OR_NULL, **_BLOCK_SETTINGS},
        ),
    ),
    "ip_block_update": _wrapped(
        "ip_block", _object({}, {"network_id": _NAME_OR_NULL, **_BLOCK_SETTINGS})
    ),
    "subnet_create": _wrapped(
        "subnet",
        {
            **_object(
                {},
                {
                    "cidr": _NAME,
                    "prefix_length": {"type": "integer", "minimum": 0, "maximum": 128},
                    "tenant_id": _NAME,
                    **_BLOCK_SETTINGS,
                },
            ),
            "oneOf": [{"required": ["cidr"]}, {"required": ["prefix_length"]}],
        },
    ),
    "ip_address_create": _wrapped(
        "ip_address",
        _object(
            {"ip_block_id": _NAME},
            {
                "address": _ADDRESS,
                "count": {"type": "integer", "minimum": 1, "maximum": 65_536},
                "interface_id": _NAME,
                "tenant_id": _NAME,
                "used_by_device": _NAME,
                "mac_address": {"type": "string", "maxLength": 24},
            },
        ),
    ),
    "ip_address_update": _wrapped("ip_address", _object({"status": {"const": "allocated"}})),
    "interface_create": _wrapped(
        "interface",
        _object({"tenant_id": _NAME}, {"id": _NAME, "device_id": _NAME, **_NEW_INTERFACE}),
    ),
    "instance_interface_create": _wrapped(
        "interface", _object({"tenant_id": _NAME}, {"id": _NAME, **_NEW_INTERFACE})
    ),
    "instance_interfaces_replace": _object(
        {
            "tenant_id": _NAME,
            "interfaces": {
                "type": "array",
                "items": _object({}, {"id": _NAME, **_NEW_INTERFACE}),
                "maxItems": 100,
            },
        }
    ),
    "network_create": _wrapped("network", _open({"tenant_id": _NAME, "name": _NAME})),
    "network_update": _wrapped("network", _open({"name": _NAME})),
    "port_create": _wrapped(
        "port", _open({"network_id": _NAME}, {"state": {"enum": ["ACTIVE", "DOWN"]}})
    ),
    "port_update": _wrapped(
        "port",
        {
            **_object({}, {"state": {"enum": ["ACTIVE", "DOWN"]}, "attachment_id": _NAME_OR_NULL}),
            "minProperties": 1,
        },
    ),
    "policy_create": _wrapped(
        "policy",
        _object({"tenant_id": _NAME, "name": _NAME}, {"description": _NAME_OR_NULL, **_RULES}),
    ),
    "policy_update": _wrapped(
        "policy", _object({}, {"name": _NAME, "description": _NAME_OR_NULL, **_RULES})
    ),
    "ip_route_create": _wrapped(
        "ip_route", _object({"ip_block_id": _NAME, **_ROUTE_FIELDS}, {"netmask": _ADDRESS_OR_NULL})
    ),
    "ip_route_update": _wrapped(
        "ip_route", _object({}, {**_ROUTE_FIELDS, "netmask": _ADDRESS_OR_NULL})
    ),
    "nat_create": _wrapped("nat", _object({"inside_local": _END, "inside_global": _END})),
    "mac_address_range_create": _wrapped("mac_address_range", _object({"cidr": _NAME})),
}

_BLOCK_IN_ADDRESS: Final = _object(
    {
        "id": _TEXT, "tenant_id": _TEXT, "cidr": _TEXT, "broadcast": _TEXT, "netmask": _TEXT,
        "gateway": _TEXT_OR_NULL, "dns1": _TEXT_OR_NULL, "dns2": _TEXT_OR_NULL,
        "network_id": _TEXT_OR_NULL,
        "ip_routes": {"type": "array", "items": _object(
            {"id": _TEXT, "destination": _TEXT, "netmask": _TEXT_OR_NULL, "gateway": _TEXT})},
    }
)  # fmt: skip
_ANSWER_RANGE: Final = _object(
    {"id": _TEXT, "policy_id": _TEXT, "offset": {"type": "integer"}, "length": _COUNT, **_TIMES}
)
_ANSWER_OCTET: Final = _object({"id": _TEXT, "policy_id": _TEXT, "octet": _OCTET, **_TIMES})

RESOURCES: Final[dict[str, Schema]] = {
    "ip_block": _object(
        {
            "id": _TEXT, "tenant_id": _TEXT, "type": _TEXT, "cidr": _TEXT, "broadcast": _TEXT,
            "netmask": _TEXT, "gateway": _TEXT_OR_NULL, "dns1": _TEXT_OR_NULL,
            "dns2": _TEXT_OR_NULL, "network_id": _TEXT_OR_NULL, "parent_id": _TEXT_OR_NULL,
            "policy_id": _TEXT_OR_NULL, "allocation_strategy": _STRATEGY,
            "utilization": _object(dict.fromkeys(
                ("size", "reserved", "allocated", "quarantined", "free"), _COUNT)),
            **_TIMES,
        }
    ),
    "ip_address": _object(
        {
            "id": _TEXT, "ip_block_id": _TEXT, "address": _TEXT, "version": {"enum": [4, 6]},
            "interface_id": _TEXT_OR_NULL, "used_by_tenant": _TEXT_OR_NULL,
            "used_by_device": _TEXT_OR_NULL, "status": {"enum": ["allocated", "quarantined"]},
            "deallocated_at": {"type": ["string", "null"]}, **_TIMES,
        }
    ),
    "address_in_block": _object(
        {
            "id": _TEXT, "address": _TEXT, "version": {"enum": [4, 6]},
            "interface_id": _TEXT_OR_NULL, "ip_block": _BLOCK_IN_ADDRESS,
        }
    ),
    "interface": _object(
        {
            "id": _TEXT, "tenant_id": _TEXT, "device_id": _TEXT_OR_NULL,
            "mac_address": _TEXT_OR_NULL,
            "ip_addresses": {"type": "array", "items": ref("address_in_block")}, **_TIMES,
        }
    ),
    "virtual_interface": _object(
        {"id": _TEXT, "mac_address": _TEXT_OR_NULL}, {"net_id": _TEXT_OR_NULL}
    ),
    "network": _open(
        {"id": _TEXT, "tenant_id": _TEXT, "name": _TEXT, "op_status": _TEXT, **_TIMES}
    ),
    "port": _open(
        {
            "id": _TEXT, "tenant_id": _TEXT, "network_id": _TEXT, "state": _TEXT,
            "op_status": _TEXT, "attachment_id": _TEXT_OR_NULL, **_TIMES,
        }
    ),
    "policy": _object(
        {
            "id": _TEXT, "tenant_id": _TEXT, "name": _TEXT, "description": _TEXT_OR_NULL,
            "unusable_ip_ranges": {"type": "array", "items": _ANSWER_RANGE},
            "unusable_ip_octets": {"type": "array", "items": _ANSWER_OCTET}, **_TIMES,
        }
    ),
    "ip_route": _object(
        {
            "id": _TEXT, "ip_block_id": _TEXT, "destination": _TEXT, "netmask": _TEXT_OR_NULL,
            "gateway": _TEXT, **_TIMES,
        }
    ),
    "nat": _object(
        {"id": _TEXT, "inside_local": _END, "inside_global": _END, "created_at": _TIME}
    ),
    "mac_address_range": _object({"id": _TEXT, "cidr": _TEXT, **_TIMES}),
    "available_range": _object({"first": _TEXT, "last": _TEXT, "size": _COUNT}),
    "holding": _object(
        {
            "ip_block_id": _TEXT, "interface_id": _TEXT_OR_NULL, "used_by_tenant": _TEXT_OR_NULL,
            "used_by_device": _TEXT_OR_NULL, "from": _TIME,
            "until": {"type": ["string", "null"]}, "request_id": _TEXT_OR_NULL,
        }
    ),
}  # fmt: skip

_PLURALS: Final = {
    "ip_block": "ip_blocks",
    "ip_address": "ip_addresses",
    "interface": "interfaces",
    "virtual_interface": "virtual_interfaces",
    "network": "networks",
    "port": "ports",
    "policy": "policies",
    "ip_route": "ip_routes",
    "nat": "nat",
    "mac_address_range": "mac_address_ranges",
    "available_range": "available",
    "holding": "history",
}

ANSWERS: Final[dict[str, Schema]] = {
    **{f"{name}_answer": _wrapped(name, ref(name)) for name in RESOURCES},
    **{f"{name}_list": _listed(plural, name) for name, plural in _PLURALS.items()},
    "ip_addresses_allocated": {
        "oneOf": [
            _wrapped("ip_address", ref("ip_address")),
            _wrapped("ip_addresses", {"type": "array", "items": ref("ip_address")}),
        ]
    },
    "interfaces_replaced": _wrapped("interfaces", {"type": "array", "items": ref("interface")}),
    "fit": _object({"fits": {"type": "boolean"}, "first": _TEXT_OR_NULL, "last": _TEXT_OR_NULL}),
    "available_answer": {"oneOf": [ref("fit"), ref("available_range_list")]},
    "request_answer": _wrapped(
        "request",
        _object(
            {
                "id": _TEXT,
                "status": {"enum": ["queued", "done", "failed"]},
                "result": {},
                "error": {"type": ["object", "null"]},
            }
        ),
    ),
    "accepted": _wrapped("request", _object({"id": _TEXT, "status": {"const": "queued"}})),
    "versions": _open({"versions": {"type": "array"}}),
    "errors": _object(
        {
            "errors": {
                "type": "array",
                "minItems": 1,
                "items": _open(
                    {
                        "code": {"type": "string", "pattern": "^[a-z0-9._-]+$"},
                        "status": {"type": "integer"},
                        "title": _TEXT,
                        "detail": _TEXT,
                        "links": _LINKS,
                        "request_id": _TEXT_OR_NULL,
                    }
                ),
            }
        }
    ),
}

ALL: Final[dict[str, Schema]] = {**REQUESTS, **RESOURCES, **ANSWERS}


def complete(name: str) -> Schema:
    """Return a schema with everything it refers to, ready for a validator."""
    return {"$ref": f"#/components/schemas/{name}", "components": {"schemas": ALL}}
