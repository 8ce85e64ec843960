"""What schemas of requests and answers are made of."""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]

# Formats are what the service reads, with messages of its own; they are not checked here.
NAME: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 255, "format": "name"}
# An id that callers choose: it has to fit into a path.
CHOSEN_ID: Final[Schema] = {**NAME, "pattern": r"^(?!\.{1,2}$)[^/]+$", "format": "chosen-id"}
NAME_OR_NULL: Final[Schema] = {"type": ["string", "null"], "maxLength": 255, "format": "name"}
TEXT: Final[Schema] = {"type": "string"}
TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
# ISO 8601 in UTC with microseconds.
_MOMENT: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"
TIME: Final[Schema] = {"type": "string", "format": "date-time", "pattern": _MOMENT}
TIME_OR_NULL: Final[Schema] = {**TIME, "type": ["string", "null"]}
TIMES: Final = {"created_at": TIME, "updated_at": TIME}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
INTEGER: Final[Schema] = {"type": "integer", "minimum": -(2**63) + 1, "maximum": 2**63 - 1}
ADDRESS: Final[Schema] = {"type": "string", "maxLength": 45, "format": "ip-address"}
ADDRESS_OR_NULL: Final[Schema] = {**ADDRESS, "type": ["string", "null"]}
CIDR: Final[Schema] = {"type": "string", "maxLength": 64, "format": "cidr"}
MAC: Final[Schema] = {"type": "string", "maxLength": 24, "format": "mac-address"}
STRATEGY: Final[Schema] = {"enum": ["first", "cyclic", "random"]}
OCTET: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": 255}


def properties(
    required: dict[str, Schema], optional: dict[str, Schema] | None = None, **more: Any
) -> Schema:
    """Return the schema of an object that has nothing but these."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
        **more,
    }


def array(items: Schema, **more: Any) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items, **more}


def wrapped(name: str, schema: Schema) -> Schema:
    """Return the schema of a document with one root key."""
    return properties({name: schema})


def ref(name: str) -> Schema:
    """Return a reference to a schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


LINKS: Final = array(properties({"rel": TEXT, "href": TEXT}))
RULES: Final[dict[str, Schema]] = {
    "unusable_ip_ranges": array(
        properties({"offset": INTEGER, "length": {**INTEGER, "minimum": 0}}), maxItems=1000
    ),
    "unusable_ip_octets": array(OCTET, maxItems=1000),
}
END: Final = properties({"ip_block_id": NAME, "address": ADDRESS})
