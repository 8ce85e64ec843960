"""Melange's API as Flask blueprints: one for each version, made from the table."""

from __future__ import annotations

import re

from flask import Blueprint, Response, request
from oslo_config import cfg
from werkzeug.exceptions import HTTPException

from ipamd.api import formats, pagination
from ipamd.api.backend import Backend
from ipamd.api.melange import faults, paths, routes
from ipamd.api.melange.special import SPECIAL
from ipamd.api.melange.views import Melange, make_view
from ipamd.api.mounts import Mount

EXTENSIONS_NAMESPACE = "http://docs.openstack.org/melange"


def mount(conf: cfg.ConfigOpts, backend: Backend) -> Mount:
    """Return the mount of both versions and of ``/extensions``."""
    api = Melange(backend, pagination.Limits.from_conf(conf))
    blueprints = [_blueprint(version, api) for version in routes.BOTH]
    blueprints.append(_extensions("extensions"))
    return Mount(
        prefixes=("/v0.1", "/v1.0", "/ipam", "/extensions"),
        blueprints=tuple(blueprints),
        fault=faults.fault,
        page=_page,
    )


def _blueprint(version: str, api: Melange) -> Blueprint:
    name = f"melange_{version.replace('.', '_')}"
    blueprint = Blueprint(name, __name__, url_prefix=f"/{version}")
    for number, route in enumerate((*routes.ROUTES, *routes.implicit_routes())):
        if version not in route.versions:
            continue
        view = (
            SPECIAL[route.special](api, route, version)
            if route.special
            else make_view(route, version, api)
        )
        blueprint.add_url_rule(
            re.sub(r"\{(\w+)\}", r"<\1>", route.path),
            endpoint=f"{number}_{route.method or 'no_action'}",
            view_func=view,
            methods=[route.verb],
            provide_automatic_options=False,
        )
    blueprint.register_blueprint(_extensions(f"extensions_{name}"))
    return blueprint


def _extensions(name: str) -> Blueprint:
    """Serve the list of extensions; ipamd has none, so every alias is 404."""
    blueprint = Blueprint(name, __name__)

    def list_extensions() -> Response:
        form = formats.format_of(request)
        text = (
            f'<extensions xmlns="{EXTENSIONS_NAMESPACE}"/>\n'
            if form == "xml"
            else formats.write({"extensions": []}, form)
        )
        return Response(text, content_type=formats.CONTENT_TYPES[form])

    blueprint.add_url_rule(
        "/extensions",
        view_func=list_extensions,
        methods=["GET"],
        provide_automatic_options=False,
    )
    return blueprint


def _page(error: HTTPException) -> Response:
    """Answer what no route took; an unknown version in ``Accept`` is 406."""
    path = str(request.environ.get("ipamd.path", ""))
    if error.code == 404 and path.startswith(paths.UNVERSIONED):
        version = paths.asked_version(request.headers.get("Accept", ""))
        if version is not None and f"v{version}" not in routes.BOTH:
            return faults.document(406, "version not supported")
    return faults.page(error)
