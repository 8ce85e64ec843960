"""What ``/v2`` tells of itself: its versions, and its OpenAPI document."""

from __future__ import annotations

from typing import Final

from flask import request

from ipamd.api.v2 import openapi
from ipamd.api.v2.calls import Answer, Api
from ipamd.api.v2.history import version_document
from ipamd.api.v2.routes import Route


def show_version(_: Api) -> Answer:
    """Show the versions that ``/v2`` has (API-SIG, "Version Discovery")."""
    return Answer({"versions": [version_document(request.host_url)]})


def show_openapi(_: Api) -> Answer:
    """Describe every mount of the facade as OpenAPI 3.1."""
    return Answer(openapi.document())


DISCOVERY: Final = (
    Route("GET", "", "show_version", show_version, "versions"),
    Route("GET", "/", "show_version_below", show_version, "versions"),
    Route("GET", "/openapi.json", "show_openapi", show_openapi, "openapi"),
)
