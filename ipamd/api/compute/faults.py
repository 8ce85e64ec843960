"""Nova's faults, and the version headers that every answer below ``/v2.1`` carries."""

from __future__ import annotations

import json
from typing import Any, Final

from flask import Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ipamd import errors
from ipamd.api.compute.versions import COMPUTE
from ipamd.api.melange.faults import RETRY_AFTER_SECONDS
from ipamd.api.microversions import MalformedVersionError, UnsupportedVersionError, Version

MICROVERSIONED: Final = "/compute/v2.1/"
# Status -> name of the fault's document; any other is "computeFault".
_NAMES: Final = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    429: "overLimit",
    415: "badMediaType",
    503: "serviceUnavailable",
}
_NO_SUCH_PATH: Final = "The resource could not be found."


def document(body: dict[str, Any], status: int = 200) -> Response:
    """Answer with a JSON document."""
    return Response(json.dumps(body), status, content_type="application/json")


def fault(error: errors.IpamError) -> Response:
    """Answer an error of the service."""
    return refuse(error.http_status, error.message)


def page(error: HTTPException) -> Response:
    """Answer what HTTP itself refuses."""
    status = error.code or 404
    response = refuse(status, _NO_SUCH_PATH if status == 404 else error.description or "")
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def refuse(status: int, message: str) -> Response:
    """Answer a fault; where versions count, one that cannot be had is told instead."""
    if not request.path.startswith(MICROVERSIONED):
        return _fault(status, message)
    try:
        version = COMPUTE.negotiate(request.headers)
    except MalformedVersionError as error:
        return varying(
            _fault(
                400,
                f"API Version String {error} is of invalid format. Must be of format "
                "MajorNum.MinorNum.",
            )
        )
    except UnsupportedVersionError as error:
        text = (
            f"Version {error} is not supported by the API. Minimum is {COMPUTE.minimum} and "
            f"maximum is {COMPUTE.maximum}."
        )
        return versioned(_fault(406, text), error.version)
    return versioned(_fault(status, message), version)


def versioned(response: Response, version: Version) -> Response:
    """Tell in the headers which version a request was served with."""
    response.headers.update(COMPUTE.answer_headers(version))
    return varying(response)


def varying(response: Response) -> Response:
    """Tell caches that the answer depends on the version asked for."""
    response.vary.update(COMPUTE.headers)
    return response


def _fault(status: int, message: str) -> Response:
    name = _NAMES.get(status, "computeFault")
    response = document({name: {"code": status, "message": message}}, status)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
