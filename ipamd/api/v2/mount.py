"""``/v2`` mounted on the facade: versions, headers, discovery, and the table's views."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby
from typing import Any

from flask import Blueprint, Response, g, request
from flask.blueprints import BlueprintSetupState
from oslo_config import cfg
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Rule

from ipamd.api import auth, pagination
from ipamd.api.backend import Backend
from ipamd.api.mounts import Mount
from ipamd.api.v2 import faults, reading
from ipamd.api.v2.answers import json_response
from ipamd.api.v2.calls import AcceptedError, Answer, Api
from ipamd.api.v2.discovery import DISCOVERY
from ipamd.api.v2.nouns import PREFIX
from ipamd.api.v2.routes import ROUTES, Route

View = Callable[..., Response]


def mount(conf: cfg.ConfigOpts, backend: Backend) -> Mount:
    """Return the mount of ``/v2``."""
    api = Api(backend, pagination.Limits.from_conf(conf))
    blueprint = Blueprint("v2", __name__)
    blueprint.before_request(faults.negotiate)
    blueprint.after_request(faults.with_version)
    for number, (path, routes) in enumerate(_by_path()):
        blueprint.record(_rule(f"{number}", path, _dispatch(api, routes)))
    return Mount((PREFIX,), (blueprint,), faults.fault, faults.page)


def _by_path() -> list[tuple[str, list[Route]]]:
    ordered = sorted((*DISCOVERY, *ROUTES), key=lambda route: route.path)
    return [(path, list(group)) for path, group in groupby(ordered, lambda route: route.path)]


def _rule(endpoint: str, path: str, view: View) -> Callable[[BlueprintSetupState], None]:
    """Route all methods of a path to one view: it knows which of them there are."""

    def register(state: BlueprintSetupState) -> None:
        rule = PREFIX + re.sub(r"\{(\w+)\}", r"<\1>", path)
        state.app.url_map.add(Rule(rule, endpoint=f"v2.{endpoint}"))
        state.app.view_functions[f"v2.{endpoint}"] = view

    return register


def _dispatch(api: Api, routes: list[Route]) -> View:
    """Make the view of a path: it picks the route of the verb and the version."""

    def view(**variables: str) -> Response:
        offered = {route.verb: route for route in routes if route.is_in(g.ipam_version)}
        if not offered:
            raise NotFound("The version asked for does not have this URI")
        verb = "GET" if request.method == "HEAD" else request.method
        if verb not in offered:
            allowed = {*offered, "HEAD"} if "GET" in offered else offered
            raise MethodNotAllowed(sorted(allowed), f"Here is no {request.method[:40]}")
        return _answer(offered[verb], api, variables)

    return view


def _answer(route: Route, api: Api, variables: dict[str, str]) -> Response:
    if route in DISCOVERY:
        auth.allow_anyone()
    else:
        auth.require(route.rule)
    reading.check_query((*route.filters, *route.query), route.filters)
    arguments: dict[str, Any] = dict(variables)
    if route.body is not None:
        arguments["body"] = reading.read_body(route.body)
        g.ipam_has_body = True
        if (tenant_id := _tenant_named_in(arguments["body"])) is not None:
            auth.require(route.rule, tenant_id)
    try:
        answer = route.view(api, **arguments)
    except AcceptedError as accepted:
        return _accepted(accepted.request_id)
    return _finished(route.status, answer)


def _tenant_named_in(body: dict[str, Any]) -> str | None:
    """Return the tenant that is to own what a body describes; a lessee is another thing."""
    # {"ip_block": {"tenant_id": …}}; only an instance's interfaces have no noun around them.
    if not {"ip_address", "ip_addresses", "nat"}.isdisjoint(body):
        return None
    noun = body if "tenant_id" in body else next(iter(body.values()))
    tenant_id: str | None = noun.get("tenant_id")
    return tenant_id


def _finished(status: int, answer: Answer) -> Response:
    if answer.stream is not None:
        return answer.stream
    response = json_response(answer.body, status)
    if answer.location is not None:
        response.headers["Location"] = answer.location
    return response


def _accepted(request_id: str) -> Response:
    state = {"id": request_id, "status": "queued", "result": None, "error": None}
    response = json_response({"request": state}, 202)
    response.headers["Location"] = f"{PREFIX}/requests/{request_id}"
    response.headers["Preference-Applied"] = "respond-async"
    return response
