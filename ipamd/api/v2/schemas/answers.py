"""JSON Schemas of answers: resources and lists in their documents, and errors."""

from __future__ import annotations

from typing import Any, Final

from ipamd.api.v2.schemas.parts import (
    COUNT,
    LINKS,
    TEXT,
    TEXT_OR_NULL,
    Schema,
    array,
    properties,
    ref,
    wrapped,
)
from ipamd.api.v2.schemas.resources import RESOURCES

# The root keys of lists that are not the plural of what is in them.
_PLURALS: Final = {"policy": "policies", "nat": "nat", "holding": "history",
                   "ip_address": "ip_addresses", "available_range": "available"}  # fmt: skip


def _listed(item: str) -> Schema:
    return properties({_PLURALS.get(item, f"{item}s"): array(ref(item)), "links": LINKS})


def _error(**more: Schema) -> Schema:
    return {
        **properties(
            {
                "code": {"type": "string", "pattern": "^ipam\\.[a-z0-9._-]+$"},
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "title": TEXT,
                "detail": TEXT,
                "links": LINKS,
                **more,
            }
        ),
        # Some errors tell more: fields, min_version and max_version.
        "additionalProperties": True,
    }


def _request(statuses: list[str]) -> dict[str, Any]:
    error = {"anyOf": [{"type": "null"}, _error()]}
    return properties({"id": TEXT, "status": {"enum": statuses}, "result": {}, "error": error})


ANSWERS: Final[dict[str, Schema]] = {
    **{f"{name}_answer": wrapped(name, ref(name)) for name in RESOURCES},
    **{f"{name}_list": _listed(name) for name in RESOURCES},
    "ip_addresses_allocated": {
        "oneOf": [
            wrapped("ip_address", ref("ip_address")),
            wrapped("ip_addresses", array(ref("ip_address"), minItems=1)),
        ]
    },
    "batch_outcome": wrapped(
        "outcome",
        properties(
            {"allocated": COUNT, "unchanged": COUNT,
             "refused": array(properties(
                 {"index": COUNT, "address": TEXT_OR_NULL, "code": TEXT, "message": TEXT}))}
        ),
    ),
    "interfaces_replaced": wrapped("interfaces", array(ref("interface"))),
    "fit": wrapped(
        "fit",
        properties({"fits": {"type": "boolean"}, "first": TEXT_OR_NULL, "last": TEXT_OR_NULL}),
    ),
    "available_answer": {"oneOf": [ref("fit"), ref("available_range_list")]},
    # A list without an end: where to go on, and whether there is more by now.
    "event_list": properties(
        {"events": array(ref("event")), "next_marker": TEXT, "is_last": {"type": "boolean"},
         "links": LINKS}
    ),
    "request_answer": wrapped("request", _request(["queued", "done", "failed"])),
    "accepted": wrapped("request", _request(["queued"])),
    "versions": wrapped(
        "versions",
        array(
            properties(
                {"id": TEXT, "status": TEXT, "min_version": TEXT, "max_version": TEXT,
                 "links": LINKS}
            )
        ),
    ),
    "openapi": {"type": "object", "required": ["openapi", "info", "paths", "components"]},
    "errors": wrapped("errors", array(_error(request_id=TEXT), minItems=1)),
}  # fmt: skip
