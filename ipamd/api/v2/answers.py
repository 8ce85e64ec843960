"""Answers of ``/v2``: plain JSON with times in ISO 8601, and lists with links."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from flask import Response, request

from ipamd.api import pagination


def json_response(body: Any, status: int) -> Response:
    """Answer with JSON; without a body for 204."""
    if status == 204:
        return Response(status=204)
    return Response(json.dumps(body), status, content_type="application/json")


def page(name: str, items: list[Any], next_marker: str | None) -> dict[str, Any]:
    """Return the document of a list, one page of it."""
    return {name: items, "links": _links(next_marker)}


def _links(next_marker: str | None) -> list[dict[str, str]]:
    """Return the links of a list: itself, and the next page when there is one."""
    base = pagination.url_of(request)
    asked = list(request.args.items(multi=True))
    found = [{"rel": "self", "href": _url(base, asked)}]
    if next_marker is not None:
        kept = [(name, value) for name, value in asked if name != "marker"]
        found.append({"rel": "next", "href": _url(base, [*kept, ("marker", next_marker)])})
    return found


def _url(base: str, query: list[tuple[str, str]]) -> str:
    pairs = [f"{quote(name, safe='')}={quote(value, safe=':,')}" for name, value in query]
    return f"{base}?{'&'.join(pairs)}" if pairs else base
