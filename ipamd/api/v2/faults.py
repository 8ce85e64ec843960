"""Errors in the API-SIG's form: ``{"errors": [{code, status, title, detail, …}]}``.

Codes are ``ipam.`` and the code of the service's error; they are never given another
meaning.  Source: OpenStack API-SIG, "Errors".
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from flask import Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ipamd import errors
from ipamd.api.microversions import MalformedVersionError, UnsupportedVersionError, Version
from ipamd.api.v2.answers import json_response
from ipamd.api.v2.history import SERVICE
from ipamd.api.v2.nouns import MISSING

RETRY_AFTER_SECONDS: Final = 2
_PAGES: Final = {
    404: "unknown_uri",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}


def error_object(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    """Return one error as documents carry it."""
    return {
        "code": f"ipam.{code}",
        "status": status,
        "title": HTTPStatus(status).phrase,
        "detail": detail,
        "links": [{"rel": "help", "href": f"{request.host_url}v2/openapi.json"}],
        **more,
    }


def document(status: int, code: str, detail: str, **more: Any) -> Response:
    """Answer with one error; ``more`` goes into its object."""
    request_id = request.environ.get("ipamd.request_id")
    error = {"request_id": request_id, **error_object(status, code, detail, **more)}
    response = json_response({"errors": [error]}, status)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return with_version(response)


def with_version(response: Response) -> Response:
    """Name the version an answer was made with, and that answers vary by it."""
    version: Version = g.get("ipam_version", SERVICE.minimum)
    response.headers.update(SERVICE.answer_headers(version))
    response.vary.update(SERVICE.headers)
    return response


def fault(error: errors.IpamError) -> Response:
    """Answer with an error of the service."""
    status = error.http_status
    if isinstance(error, errors.NotFound) and not _is_missing_in_path(error):
        status = 400
    more = {"fields": error.fields} if isinstance(error, errors.ValidationError) else {}
    return document(status, error.code, error.message, **more)


def _is_missing_in_path(error: errors.NotFound) -> bool:
    """Tell what the path names from what the body refers to: that is a fault of the body."""
    named = tuple(MISSING[name] for name in request.view_args or {} if name in MISSING)
    return not g.get("ipam_has_body", False) or isinstance(error, named)


def page(error: HTTPException) -> Response:
    """Answer what HTTP itself refuses: unknown paths, methods, unreadable bodies."""
    if "ipam_version" not in g and (refusal := negotiate()) is not None:
        return refusal
    status = error.code or 500
    response = document(status, _PAGES.get(status, "bad_request"), error.description or "")
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def negotiate() -> Response | None:
    """Find the version that a request is served with; answer when there is none."""
    try:
        g.ipam_version = SERVICE.negotiate(request.headers)
    except MalformedVersionError:
        return document(400, "malformed_version", "The version has to be of the form X.Y")
    except UnsupportedVersionError as error:
        low, high = str(SERVICE.minimum), str(SERVICE.maximum)
        detail = f"Version {error.version} is not supported; versions {low} to {high} are."
        return document(406, "unsupported_version", detail, min_version=low, max_version=high)
    return None
