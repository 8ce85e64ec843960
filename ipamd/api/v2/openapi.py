"""The OpenAPI 3.1 document of ``/v2``, made from its table of routes and its schemas."""

from __future__ import annotations

import re
from typing import Any

from ipamd import __version__
from ipamd.api.v2 import schemas
from ipamd.api.v2.history import HISTORY, SERVICE
from ipamd.api.v2.routes import ROUTES, Route
from ipamd.operations.query import KINDS


def document() -> dict[str, Any]:
    """Return the document; equal for equal code."""
    changes = "\n".join(f"* {version}: {text}" for version, text in HISTORY.items())
    paths: dict[str, Any] = {}
    # Of two routes with the same verb and path the newer version's is described.
    for route in ROUTES:
        paths.setdefault(f"/v2{route.path}", {})[route.verb.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ipamd",
            "version": __version__,
            "description": f"Microversions, by the header OpenStack-API-Version:\n\n{changes}",
        },
        "paths": paths,
        "components": {"schemas": schemas.ALL},
    }


def _operation(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {
        str(route.status): _response(route.answer, _summary(route)),
        "default": _response("errors", "An error"),
    }
    if route.verb != "GET":
        responses["202"] = _response("accepted", "The request was cast")
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": _summary(route),
        "parameters": [*_path_parameters(route), *_query_parameters(route), _VERSION_HEADER],
        "responses": responses,
    }
    if route.body:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    return operation


_VERSION_HEADER = {
    "name": "OpenStack-API-Version",
    "in": "header",
    "required": False,
    "schema": {"enum": [f"{SERVICE.type} {version}" for version in HISTORY]},
}


def _summary(route: Route) -> str:
    text = route.name.replace("_2_0", "").replace("_", " ").capitalize()
    return text if route.since == SERVICE.minimum else f"{text} (from {route.since} on)"


def _response(schema: str | None, description: str) -> dict[str, Any]:
    found: dict[str, Any] = {"description": description}
    if schema:
        found["content"] = _content(schema)
    return found


def _content(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": schemas.ref(schema)}}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    """Describe filters and paging of lists."""
    kind = route.path.removeprefix("/").replace("-", "_")
    names: list[str] = []
    if route.verb == "GET" and kind in KINDS:
        names = [*KINDS[kind].fields, "sort", "limit", "marker"]
    elif route.answer and route.answer.endswith("_list"):
        names = ["limit", "marker"]
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": {"type": "integer", "minimum": 1} if name == "limit" else {"type": "string"},
        }
        for name in names
    ]
