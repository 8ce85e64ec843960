"""A Flask view for each row of the table: read the request, call, shape the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from ipamd import errors
from ipamd.api import auth, formats, pagination, xml
from ipamd.api.backend import Backend
from ipamd.api.melange import faults, links
from ipamd.api.melange.routes import Route, Shape

View = Callable[..., Response]


@dataclass(frozen=True)
class Melange:
    """What the views need: the way to the workers and the page sizes."""

    backend: Backend
    limits: pagination.Limits


def make_view(route: Route, version: str, api: Melange) -> View:
    """Return the view of ``route``: its answer is the RPC's result in the route's shape.

    A route without an action is answered with an error document that has no detail.
    """
    method = route.method

    def view(**uri: str) -> Response:
        auth.require(route.rule, uri.get("tenant_id"))
        if method is None:
            return faults.document(404, None)
        arguments = read_arguments(route, uri, api)
        result = api.backend.call(method, uri.get("tenant_id"), **arguments)
        return respond(route, version, arguments, result)

    return view


def read_arguments(route: Route, uri: dict[str, str], api: Melange) -> dict[str, Any]:
    """Collect the RPC's arguments from path, query and body.

    Raises: errors.BadRequest; werkzeug's HTTP exceptions for bodies that cannot be read.
    """
    arguments: dict[str, Any] = dict(uri)
    for name in route.query:
        if name in request.args:
            arguments[name] = request.args[name]
    if route.verb == "GET" and route.answer.shape in (Shape.MANY, Shape.INSTANCE):
        arguments |= api.limits.page_of(request)
    if route.body is not None:
        arguments[route.body] = body_argument(route.body)
    refuse_nul(arguments)
    return arguments


def body_argument(root: str) -> Any:
    """Return what the body holds under its root key.

    Without the root key the body counts as empty, as in Melange; the operation then names
    what is missing.
    """
    body = formats.read_body(request)
    expected = list if root == "ip_addresses" else dict
    if root not in body:
        if expected is list:
            raise errors.MissingParameters(names=[root])
        return {}
    value = body[root]
    if not isinstance(value, expected):
        noun = "a list" if expected is list else "an object"
        raise errors.BadRequest(f"{root} has to be {noun}")
    return value


def refuse_nul(arguments: dict[str, Any]) -> None:
    """Refuse NUL in URLs: PostgreSQL cannot store it, so nothing can have such a name."""
    for name, value in arguments.items():
        if isinstance(value, str) and "\0" in value:
            raise errors.BadRequest(f"{name} must not contain NUL")


def respond(route: Route, version: str, arguments: dict[str, Any], result: Any) -> Response:
    """Wrap an RPC's result in the document that the route answers with."""
    form = formats.format_of(request)
    if route.answer.shape is Shape.EMPTY:
        return Response(status=route.status, content_type=formats.CONTENT_TYPES[form])
    text = formats.write(_document(route, version, arguments, result), form)
    return Response(text, route.status, content_type=formats.CONTENT_TYPES[form])


def _document(
    route: Route, version: str, arguments: dict[str, Any], result: Any
) -> dict[str, Any]:
    root = route.answer.root
    if route.answer.shape is Shape.ONE:
        return {root: _linked([result], root, version, route, arguments)[0]}
    singular = xml.SINGULARS.get(root, root.removesuffix("s"))
    page: dict[str, Any] = {root: _linked(result[root], singular, version, route, arguments)}
    document: dict[str, Any] = {"instance": page} if route.answer.shape is Shape.INSTANCE else page
    if result.get("next_marker") is not None:
        link = pagination.next_link(request, arguments["limit"], result["next_marker"])
        document[f"{root}_links"] = [link]
    return document


def _linked(
    resources: list[dict[str, Any]],
    singular: str,
    version: str,
    route: Route,
    arguments: dict[str, Any],
) -> list[dict[str, Any]]:
    if not links.wanted(request):
        return resources
    base = request.host_url.rstrip("/")
    method = route.method or ""
    return [
        links.linked(resource, singular, base=base, version=version, method=method, uri=arguments)
        for resource in resources
    ]
