"""``/v2`` mounted on the facade: versions, headers, discovery, and the table's views."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby
from typing import Any

from flask import Blueprint, Response, g, request
from oslo_config import cfg
from werkzeug.exceptions import MethodNotAllowed, NotFound

from ipamd.api import pagination
from ipamd.api.backend import Backend
from ipamd.api.microversions import MalformedVersionError, UnsupportedVersionError
from ipamd.api.mounts import Mount
from ipamd.api.v2 import faults, openapi
from ipamd.api.v2.history import SERVICE
from ipamd.api.v2.requests import AcceptedError, Api, json_response
from ipamd.api.v2.routes import ROUTES, Route

PREFIX = "/v2"


def mount(conf: cfg.ConfigOpts, backend: Backend) -> Mount:
    """Return the mount of ``/v2``."""
    api = Api(backend, pagination.Limits.from_conf(conf))
    blueprint = Blueprint("v2", __name__, url_prefix=PREFIX)
    blueprint.before_request(_negotiate)
    blueprint.after_request(faults.with_version)
    for number, (path, routes) in enumerate(_by_path()):
        blueprint.add_url_rule(
            re.sub(r"\{(\w+)\}", r"<\1>", path),
            endpoint=f"path_{number}",
            view_func=_dispatch(api, routes),
            methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            provide_automatic_options=False,
        )
    for path, view in (("", _discovery), ("/", _discovery), ("/openapi.json", _openapi)):
        blueprint.add_url_rule(path, view_func=view, endpoint=f"fixed{path or '_bare'}".replace(
            ".", "_"), methods=["GET"], provide_automatic_options=False)  # fmt: skip
    return Mount((PREFIX,), (blueprint,), faults.fault, faults.page)


def _by_path() -> list[tuple[str, list[Route]]]:
    ordered = sorted(ROUTES, key=lambda route: route.path)
    return [(path, list(group)) for path, group in groupby(ordered, lambda route: route.path)]


def _negotiate() -> Response | None:
    try:
        g.ipam_version = SERVICE.negotiate(request.headers)
    except (MalformedVersionError, UnsupportedVersionError) as error:
        return faults.refuse_version(error)
    return None


def _dispatch(api: Api, routes: list[Route]) -> Callable[..., Response]:
    """Make the view of a path: it picks the route of the verb and the version."""

    def view(**variables: str) -> Response:
        offered = [
            route
            for route in routes
            if route.since <= g.ipam_version and (not route.until or g.ipam_version < route.until)
        ]
        if not offered:
            raise NotFound("The version asked for does not have this URI")
        verb = "GET" if request.method == "HEAD" else request.method
        route = next((route for route in offered if route.verb == verb), None)
        if route is None:
            raise MethodNotAllowed(sorted({route.verb for route in offered}))
        return _answer(route, api, variables)

    return view


def _answer(route: Route, api: Api, variables: dict[str, str]) -> Response:
    try:
        answer = route.view(api, **variables)
    except AcceptedError as accepted:
        state: dict[str, Any] = {"id": accepted.request_id, "status": "queued"}
        response = json_response({"request": state}, 202)
        response.headers["Location"] = f"{PREFIX}/requests/{accepted.request_id}"
        response.headers["Preference-Applied"] = "respond-async"
        return response
    response = json_response(answer.body, route.status)
    if answer.location and route.status == 201:
        response.headers["Location"] = answer.location
    return response


def _discovery() -> Response:
    return json_response({"versions": [version_document(request.host_url)]}, 200)


def version_document(base: str) -> dict[str, Any]:
    """Return the entry of ``/v2`` in lists of versions (API-SIG, discovery)."""
    return {
        "id": "v2.0",
        "status": "CURRENT",
        "min_version": str(SERVICE.minimum),
        "max_version": str(SERVICE.maximum),
        "links": [{"rel": "self", "href": f"{base}v2"}],
    }


def _openapi() -> Response:
    return json_response(openapi.document(), 200)
