"""What every view of ``/v2`` does with its request: versions, bodies, queries, casts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from flask import Response, g, request
from jsonschema import Draft202012Validator
from werkzeug.datastructures import MultiDict

from ipamd import errors
from ipamd.api import formats, pagination
from ipamd.api.backend import IDEMPOTENCY_HEADER, Backend
from ipamd.api.v2 import schemas
from ipamd.ids import new_id

PAGING = ("limit", "marker", "sort")


@dataclass(frozen=True)
class Answer:
    """What a view found: the body, and where a new resource is."""

    body: Any = None
    location: str | None = None


class AcceptedError(Exception):
    """The request was cast: the answer is 202, and the id tells what becomes of it."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        super().__init__(request_id)


@dataclass(frozen=True)
class Api:
    """The way from ``/v2`` to the RPC methods."""

    backend: Backend
    limits: pagination.Limits

    def read(self, method: str, /, **arguments: Any) -> Any:
        """Call a method that changes nothing."""
        return self.backend.call(method, None, **arguments)

    def write(self, method: str, tenant_id: str | None, /, **arguments: Any) -> Any:
        """Call a method that changes something, or cast it when the client prefers so.

        Raises: AcceptedError
        """
        given = {key: value for key, value in arguments.items() if value is not None}
        if not prefers_async():
            return self.backend.call(method, tenant_id, **given)
        if IDEMPOTENCY_HEADER in request.headers:
            raise errors.BadRequest(
                "Idempotency-Key and Prefer: respond-async cannot be combined: the id of the "
                "request is its key"
            )
        request_id = new_id()
        self.backend.cast(method, tenant_id, idempotency_key=request_id, **given)
        raise AcceptedError(request_id)

    def query(self, kind: str, **arguments: Any) -> Any:
        """List resources of a kind by filters."""
        return self.read("query_resources", kind=kind, **arguments)

    def one(self, kind: str, resource_id: str, missing: type[errors.NotFound]) -> Any:
        """Return the resource with an id.

        Raises: ``missing``
        """
        found = self.query(kind, filters={"id": f"in:{resource_id}"}, limit=1)[kind]
        if not found or found[0]["id"] != resource_id:
            raise missing()
        return found[0]


def prefers_async() -> bool:
    """Tell whether the client asks to be answered before the work is done (RFC 7240)."""
    wishes = request.headers.get("Prefer", "").split(",")
    return any(wish.strip().lower() == "respond-async" for wish in wishes)


@lru_cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schemas.complete(name))


def read_body(name: str) -> dict[str, Any]:
    """Read the request's JSON body and validate it against a schema.

    Raises: ValidationError, and as ``formats.read_body``
    """
    if request.mimetype not in ("application/json", "") and request.get_data():
        raise errors.BadRequest("The body has to be application/json")
    body = formats.read_body(request)
    g.ipam_refers_by_body = True
    problems: dict[str, list[str]] = {}
    for problem in _validator(name).iter_errors(body):
        path = ".".join(str(part) for part in problem.absolute_path) or "body"
        problems.setdefault(path, []).append(problem.message[:200])
    if problems:
        raise errors.ValidationError(fields=problems)
    return body


def read_query(allowed: Mapping[str, str] | tuple[str, ...]) -> MultiDict[str, str]:
    """Return the query parameters.

    Raises: ValidationError for one that is not ``allowed``
    """
    unknown = sorted(set(request.args) - set(allowed))
    if unknown:
        text = f"unknown query parameter {unknown[0][:80]}"
        raise errors.ValidationError(fields={unknown[0][:80]: [text]})
    for name, value in request.args.items(multi=True):
        if not value.isprintable() or len(value) > 2000:
            raise errors.ValidationError(fields={name: [f"{name} should be printable text"]})
    return request.args


def read_integer(args: MultiDict[str, str], name: str) -> int | None:
    """Read a query parameter as an integer.

    Raises: ValidationError
    """
    text = args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise errors.ValidationError(fields={name: [f"{name} should be an integer"]})
    return int(text)


def paging(args: MultiDict[str, str], limits: pagination.Limits) -> dict[str, Any]:
    """Return ``limit`` and ``marker`` as RPC arguments.

    Raises: ValidationError
    """
    limit = read_integer(args, "limit")
    if limit is not None and limit < 1:
        raise errors.ValidationError(fields={"limit": ["limit should be a positive integer"]})
    found: dict[str, Any] = {"limit": min(limit or limits.default, limits.maximum)}
    if "marker" in args:
        found["marker"] = args["marker"]
    return found


def links(next_marker: str | None) -> list[dict[str, str]]:
    """Return the links of a list: itself, and the next page when there is one."""
    found = [{"rel": "self", "href": request.url}]
    if next_marker is not None:
        args = request.args.copy()
        args["marker"] = next_marker
        query = "&".join(f"{_quote(k)}={_quote(v)}" for k, v in args.items(multi=True))
        found.append({"rel": "next", "href": f"{request.base_url}?{query}"})
    return found


def _quote(text: str) -> str:
    return quote(text, safe="")


def json_response(body: Any, status: int) -> Response:
    """Answer with JSON; without a body for 204."""
    if status == 204:
        return Response(status=204)
    return Response(formats.write(body, "json"), status, content_type="application/json")
