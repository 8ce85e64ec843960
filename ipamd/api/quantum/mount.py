"""Quantum's API as Flask blueprints: one for each version, made from the table."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree.ElementTree import Element, SubElement

from flask import Blueprint, Response, request
from oslo_config import cfg

from ipamd.api import auth, xml
from ipamd.api.backend import Backend
from ipamd.api.formats import CONTENT_TYPES
from ipamd.api.mounts import Mount
from ipamd.api.quantum import documents, faults
from ipamd.api.quantum.api import VERSIONS, Api
from ipamd.api.quantum.networks import Answer
from ipamd.api.quantum.routes import ROUTES, rule_of


def mount(conf: cfg.ConfigOpts, backend: Backend) -> Mount:
    """Return the mount of both versions."""
    apis = [Api(version, backend, conf.api.max_limit) for version in VERSIONS]
    return Mount(
        # The rest of /v1.0, its list of extensions included, is Melange's.
        prefixes=("/v1.0/tenants", "/v1.1"),
        blueprints=tuple(_blueprint(api) for api in apis),
        fault=faults.fault,
        page=faults.page,
    )


def _blueprint(api: Api) -> Blueprint:
    name = api.version.name
    blueprint = Blueprint(f"quantum_{name.replace('.', '_')}", __name__, url_prefix=f"/{name}")
    for verb, path, view in ROUTES:
        blueprint.add_url_rule(
            re.sub(r"\{(\w+)\}", r"<\1>", path),
            endpoint=view.__name__,
            view_func=_answering(api, view),
            methods=[verb],
            provide_automatic_options=False,
        )
    if name == "v1.1":
        blueprint.add_url_rule(
            "/extensions",
            view_func=list_extensions,
            methods=["GET"],
            provide_automatic_options=False,
        )
    return blueprint


def _answering(api: Api, view: Callable[..., Answer]) -> Callable[..., Response]:
    rule = rule_of(view)

    def answer(**uri: str) -> Response:
        auth.require(rule, uri["tenant_id"])
        document, status = view(api, **uri)
        return documents.answer(document, status, api.version.name)

    return answer


def list_extensions() -> Response:
    """List the extensions of Quantum's API; ipamd has none, so every alias is 404."""
    return documents.answer({"extensions": []}, 200, "v1.1")


def list_versions() -> Response:
    """List Quantum's versions, as its own port did at ``/``."""
    base = request.host_url.rstrip("/")
    if documents.format_now() == "json":
        versions = [
            {
                "id": version.name,
                "status": version.status,
                "links": [{"rel": "self", "href": f"{base}/{version.name}"}],
            }
            for version in VERSIONS
        ]
        return documents.answer({"versions": versions}, 200, "")
    root = Element("versions")
    for version in VERSIONS:
        shown = SubElement(root, "version", id=version.name, status=version.status)
        links = SubElement(shown, "links")
        SubElement(links, "link", rel="self", href=f"{base}/{version.name}")
    return Response(xml.to_text(root), content_type=CONTENT_TYPES["xml"])
