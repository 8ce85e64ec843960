"""Errors in the API-SIG's form: ``{"errors": [{code, status, title, detail, …}]}``.

Codes are ``ipam.`` and the code of the service's error; they are never given another
meaning.  Source: OpenStack API-SIG, "Errors".
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from flask import Response, g, request
from werkzeug.exceptions import HTTPException

from ipamd import errors
from ipamd.api.microversions import MalformedVersionError, UnsupportedVersionError, Version
from ipamd.api.v2.history import SERVICE

RETRY_AFTER_SECONDS = 2


def document(status: int, code: str, detail: str, **more: Any) -> Response:
    """Answer with one error; ``more`` goes into its object."""
    error = {
        "request_id": request.environ.get("ipamd.request_id"),
        "code": f"ipam.{code}",
        "status": status,
        "title": HTTPStatus(status).phrase,
        "detail": detail,
        "links": [{"rel": "help", "href": f"{request.host_url}v2/openapi.json"}],
        **more,
    }
    body = json.dumps({"errors": [error]})
    response = Response(body, status, content_type="application/json")
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return with_version(response)


def with_version(response: Response) -> Response:
    """Name the version an answer was made with, and that answers vary by it."""
    version: Version = g.get("ipam_version", SERVICE.minimum)
    response.headers.update(SERVICE.answer_headers(version))
    for header in SERVICE.headers:
        response.vary.add(header)
    return response


def fault(error: errors.IpamError) -> Response:
    """Answer with an error of the service."""
    status = error.http_status
    # Something named in the body that does not exist is a fault of the body.
    if isinstance(error, errors.NotFound) and g.get("ipam_refers_by_body", False):
        status = 400
    more = {"fields": error.fields} if isinstance(error, errors.ValidationError) else {}
    return document(status, error.code, error.message, **more)


def page(error: HTTPException) -> Response:
    """Answer what HTTP itself refuses: unknown paths, methods, unreadable bodies."""
    status = error.code or 500
    codes = {404: "unknown_uri", 405: "method_not_allowed", 413: "body_too_large"}
    response = document(status, codes.get(status, "bad_request"), error.description or "")
    allow = dict(error.get_headers()).get("Allow")
    if allow:
        response.headers["Allow"] = allow
    return response


def refuse_version(error: MalformedVersionError | UnsupportedVersionError) -> Response:
    """Answer a request for a version that is none (400), or is not served (406)."""
    if isinstance(error, MalformedVersionError):
        return document(400, "malformed_version", "The version has to be of the form X.Y")
    low, high = str(SERVICE.minimum), str(SERVICE.maximum)
    detail = f"Version {error.version} is not supported; versions {low} to {high} are."
    return document(406, "unsupported_version", detail, min_version=low, max_version=high)
