"""Operations of ``/v2``: each row of its table is one."""

from __future__ import annotations

from typing import Final

from ipamd.api.microversions import STANDARD_HEADER
from ipamd.api.v2.history import HISTORY, SERVICE
from ipamd.api.v2.nouns import NOUNS, PREFIX
from ipamd.api.v2.openapi.operations import JSON, LIMIT, TEXT, Operation
from ipamd.api.v2.routes import ROUTES, Route
from ipamd.api.v2.schemas.parts import Schema, ref

# Headers with other values are for others, or wishes that are not known here.
_VERSIONS: Final[Schema] = {
    "anyOf": [{"enum": [f"{SERVICE.type} {version}" for version in (*HISTORY, "latest")]}, TEXT]
}
_PREFERENCES: Final[Schema] = {"anyOf": [{"enum": ["respond-async"]}, TEXT]}
_QUERY: Final[dict[str, Schema]] = {
    "limit": LIMIT,
    "count": {"type": "integer", "minimum": 1, "maximum": 10**9 - 1},
    "prefix_length": {"type": "integer", "minimum": 0, "maximum": 128},
}
# Where bodies name what they refer to.
_REFERS: Final = {
    "create_ip_address": {"ip_block_id": "/ip_address/ip_block_id"},
    "create_ip_route": {"ip_block_id": "/ip_route/ip_block_id"},
    "create_port": {"network_id": "/port/network_id"},
}


def operations() -> list[Operation]:
    """Return the operations; where versions differ the newest one's."""
    return [_operation(route) for route in ROUTES if route.until is None]


def _operation(route: Route) -> Operation:
    query = {name: _QUERY.get(name, TEXT) for name in route.query}
    changes = route.verb != "GET"
    headers: dict[str, Schema] = {STANDARD_HEADER: _VERSIONS}
    if changes:
        headers["Prefer"] = _PREFERENCES
    return Operation(
        name=route.name,
        tag="v2",
        verb=route.verb,
        path=PREFIX + route.path,
        summary=_summary(route),
        status=route.status,
        answer=ref(route.answer) if route.answer else None,
        errors={JSON: ref("errors")},
        body=ref(route.body) if route.body else None,
        query={**dict.fromkeys(route.filters, TEXT), **query},
        headers=headers,
        media_types=route.media_types,
        accepted=ref("accepted") if changes else None,
        made=_made(route),
        refers=_REFERS.get(route.name, {}),
    )


def _summary(route: Route) -> str:
    text = route.name.replace("_", " ").capitalize()
    if route.since == SERVICE.minimum:
        return text
    is_new = all(each is route for each in ROUTES if each.uri == route.uri)
    return f"{text} ({'new' if is_new else 'changed'} in {route.since})"


def _made(route: Route) -> dict[str, str]:
    if route.verb != "POST":
        return {}
    if route.name == "create_ip_address":
        # The history of an address is asked for by the address.
        return {"ip_address_id": "/ip_address/id", "address": "/ip_address/address"}
    return {
        noun.variable: f"/{noun.singular}/id"
        for noun in NOUNS
        if route.answer == f"{noun.singular}_answer"
    }
