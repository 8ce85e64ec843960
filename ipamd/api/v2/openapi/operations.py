"""One operation of the document: what each mount makes of its rows, and how it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ipamd.api.v2.schemas.parts import Schema

JSON: Final = "application/json"
XML: Final = "application/xml"
LIMIT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": 10**9 - 1}
TEXT: Final[Schema] = {"type": "string"}


@dataclass(frozen=True)
class Operation:
    """A verb and a path, and what goes in and comes out.

    ``made`` maps variables of paths to where the answer names them (a JSON pointer), for
    links to what can be done with it.  ``refers`` maps them to where the body does.
    """

    name: str
    tag: str
    verb: str
    path: str
    summary: str
    status: int
    answer: Schema | None
    errors: Mapping[str, Schema]
    body: Schema | None = None
    query: Mapping[str, Schema] = field(default_factory=dict)
    headers: Mapping[str, Schema] = field(default_factory=dict)
    media_types: tuple[str, ...] = (JSON,)
    accepted: Schema | None = None
    made: Mapping[str, str] = field(default_factory=dict)
    refers: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> list[str]:
        """The variables of the path."""
        return re.findall(r"\{(\w+)\}", self.path)

    def describe(self, links: Mapping[str, Any]) -> dict[str, Any]:
        """Return the Operation Object of OpenAPI."""
        success = self._response(self.answer, "Done")
        if links:
            success["links"] = dict(links)
        responses = {str(self.status): success}
        if self.accepted is not None:
            responses["202"] = {
                "description": "Accepted, to be done later",
                "content": {JSON: {"schema": self.accepted}},
            }
        responses["default"] = {
            "description": "An error",
            "content": {kind: {"schema": schema} for kind, schema in self.errors.items()},
        }
        described: dict[str, Any] = {
            "operationId": self.name,
            "tags": [self.tag],
            "summary": self.summary,
            "parameters": [*self._parameters()],
            "responses": responses,
        }
        if self.body is not None:
            content = {JSON: {"schema": self.body}}
            described["requestBody"] = {"required": True, "content": content}
        return described

    def _response(self, schema: Schema | None, description: str) -> dict[str, Any]:
        found: dict[str, Any] = {"description": description}
        if schema is not None:
            found["content"] = {
                kind: {"schema": schema} if kind == JSON else {} for kind in self.media_types
            }
        return found

    def _parameters(self) -> list[dict[str, Any]]:
        path = [
            {"name": name, "in": "path", "required": True, "schema": _variable(name)}
            for name in self.variables
        ]
        rest = [
            {"name": name, "in": place, "required": False, "schema": schema}
            for place, given in (("query", self.query), ("header", self.headers))
            for name, schema in given.items()
        ]
        return path + rest


def _variable(name: str) -> Schema:
    """Return the schema of a path's variable: an address, or an id that may be anybody's."""
    is_address = name in ("address", "inside_address")
    return {"type": "string", "format": "ip-address" if is_address else "chosen-id"}


def numbered(name: str, seen: dict[str, int]) -> str:
    """Return the name, with a number behind it from its second use on."""
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name}_{seen[name]}"
