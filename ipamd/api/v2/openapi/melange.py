"""Operations of Melange's API, v0.1 and v1.0: each served row of its table is one."""

from __future__ import annotations

from typing import Final

from ipamd.api.melange import routes
from ipamd.api.melange.routes import ROUTES, Route, Shape
from ipamd.api.v2.openapi.operations import JSON, LIMIT, TEXT, XML, Operation, numbered
from ipamd.api.v2.schemas.parts import (
    CIDR,
    INTEGER,
    LINKS,
    MAC,
    OCTET,
    TEXT_OR_NULL,
    Schema,
    array,
    properties,
    ref,
    wrapped,
)
from ipamd.api.v2.schemas.resources import RESOURCES

_SINGULARS: Final = {"policies": "policy", "ip_addresses": "ip_address"}
# RPC methods whose addresses are shown with their blocks.
_WITH_BLOCKS: Final = frozenset(
    {
        "add_interface_ip_addresses",
        "allocate_network_ips",
        "list_instance_ip_addresses",
        "list_interface_ip_addresses",
        "list_network_ips",
    }
)
_TIME: Final[Schema] = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"}
_TIMES: Final = {"created_at": _TIME, "updated_at": _TIME}
_ADDRESS: Final[Schema] = {"type": "string", "format": "ip-address"}
_NAME: Final[Schema] = {"type": "string", "format": "name"}
_NAME_OR_NULL: Final[Schema] = {"type": ["string", "null"], "format": "name"}


def _resource(fields: dict[str, Schema]) -> Schema:
    """Return the schema of a resource; clients that ask for links get them."""
    return properties({**fields, **_TIMES}, {"links": LINKS})


def _like(name: str, *without: str) -> Schema:
    """Return the schema of a resource of ``/v2`` as Melange shows it."""
    known = RESOURCES[name]["properties"]
    left_out = (*without, *_TIMES)
    return _resource({key: value for key, value in known.items() if key not in left_out})


SCHEMAS: Final[dict[str, Schema]] = {
    "melange_ip_block": _like("ip_block", "allocation_strategy", "utilization"),
    "melange_ip_address": _like("ip_address", "status", "deallocated_at"),
    "melange_address_in_block": properties(
        RESOURCES["address_in_block"]["properties"], {"links": LINKS}
    ),
    "melange_interface": properties(
        {
            **RESOURCES["interface"]["properties"],
            "ip_addresses": array(ref("melange_address_in_block")),
            **_TIMES,
        },
        {"links": LINKS},
    ),
    "melange_policy": _like("policy", "unusable_ip_ranges", "unusable_ip_octets"),
    "melange_ip_range": _resource(
        {"id": TEXT, "policy_id": TEXT, "offset": INTEGER, "length": INTEGER}
    ),
    "melange_ip_octet": _resource({"id": TEXT, "policy_id": TEXT, "octet": OCTET}),
    "melange_ip_route": _like("ip_route", "ip_block_id"),
    "melange_mac_address_range": _like("mac_address_range"),
    "melange_fault": {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": properties(
            {"code": {"type": "integer"}, "message": TEXT, "detail": TEXT_OR_NULL}
        ),
    },
}
ERRORS: Final[dict[str, Schema]] = {
    JSON: ref("melange_fault"),
    XML: {},
    "text/plain": TEXT,
    "text/html": TEXT,
}


def _object(**fields: Schema) -> Schema:
    """Return the schema of what stands in a body: Melange ignores what it does not know."""
    return {"type": "object", "properties": fields}


_NETWORK: Final = _object(
    id=_NAME, tenant_id=_NAME, addresses=array(_ADDRESS), mac_address=MAC, used_by_device=_NAME
)
_INTERFACE: Final = _object(
    id=_NAME, tenant_id=_NAME, device_id=_NAME, mac_address=MAC, network=_NETWORK
)
_BLOCK: Final = _object(
    cidr=CIDR, type={"enum": ["private", "public"]}, network_id=_NAME_OR_NULL,
    policy_id=_NAME_OR_NULL, gateway=_ADDRESS, dns1=_ADDRESS, dns2=_ADDRESS, tenant_id=_NAME,
)  # fmt: skip
_BODIES: Final[dict[str, Schema]] = {
    "ip_block": _BLOCK,
    "subnet": _BLOCK,
    "ip_address": _object(
        address=_ADDRESS, interface_id=_NAME, tenant_id=_NAME, used_by_device=_NAME,
        mac_address=MAC,
    ),
    "ip_addresses": array(_object(ip_block_id=_NAME, ip_address=_ADDRESS)),
    "ip_route": _object(destination=CIDR, netmask=_ADDRESS, gateway=_ADDRESS),
    "policy": _object(name=_NAME, description=_NAME_OR_NULL),
    "ip_range": _object(offset=INTEGER, length=INTEGER),
    "ip_octet": _object(octet=OCTET),
    "network": _NETWORK,
    "interface": _INTERFACE,
    "instance": _object(tenant_id=_NAME, interfaces=array(_INTERFACE)),
    "allowed_ip": _object(network_id=_NAME, ip_address=_ADDRESS),
    "mac_address_range": _object(cidr={**CIDR, "format": "mac-range"}),
}  # fmt: skip
# What an answer names, as the variable of paths that it goes on with.
_MADE: Final = {"ip_address": ("address", "address"), "subnet": ("ip_block_id", "id")}


def operations() -> list[Operation]:
    """Return the operations of both versions."""
    seen: dict[str, int] = {}
    return [
        _operation(route, version, route.method, seen)
        for version in routes.BOTH
        for route in ROUTES
        if route.method is not None and version in route.versions
    ]


def _operation(route: Route, version: str, method: str, seen: dict[str, int]) -> Operation:
    query = dict.fromkeys(route.query, TEXT)
    if route.verb == "GET" and route.answer.shape in (Shape.MANY, Shape.INSTANCE):
        query = {**query, "limit": LIMIT, "marker": TEXT}
    made = {}
    if route.verb == "POST" and route.answer.shape is Shape.ONE:
        root = route.answer.root
        variable, key = _MADE.get(root, (f"{root}_id", "id"))
        made = {variable: f"/{root}/{key}"}
    return Operation(
        name=numbered(f"{version.replace('.', '_')}_{method}", seen),
        tag="melange",
        verb=route.verb,
        path=f"/{version}{route.path}",
        summary=method.replace("_", " ").capitalize(),
        status=route.status,
        answer=_answer(route, method),
        errors=ERRORS,
        body=wrapped_open(route.body) if route.body else None,
        query=query,
        media_types=(JSON, XML),
        made=made,
    )


def wrapped_open(root: str) -> Schema:
    """Return the schema of a body with a root key, and whatever Melange ignores."""
    return {"type": "object", "required": [root], "properties": {root: _BODIES[root]}}


def _answer(route: Route, method: str) -> Schema | None:
    root, shape = route.answer.root, route.answer.shape
    if shape is Shape.EMPTY:
        return None
    singular = root if shape is Shape.ONE else _SINGULARS.get(root, root.removesuffix("s"))
    noun = "ip_block" if singular == "subnet" else singular
    item = ref("melange_address_in_block" if method in _WITH_BLOCKS else f"melange_{noun}")
    if shape is Shape.ONE:
        return wrapped(root, item)
    items = {root: array(item)}
    inside = {"instance": properties(items)} if shape is Shape.INSTANCE else items
    return properties(inside, {f"{root}_links": LINKS})
