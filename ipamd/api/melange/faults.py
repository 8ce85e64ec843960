"""Melange's error documents, and the plain pages it gave where no controller was reached.

``{"NotFound": {"code": 404, "message": …, "detail": …}}`` or its XML twin.  Unrouted
paths, bodies that cannot be parsed and foreign content types are answered with a page of
text (or HTML for browsers), as WebOb did.
"""

from __future__ import annotations

from html import escape
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from flask import Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from ipamd import errors
from ipamd.api import auth, formats, xml

_MALFORMED: Final = (
    "The server could not comply with the request since it is either malformed or otherwise "
    "incorrect."
)
# Status -> (name of the document, message); the messages are those of WebOb's classes.
FAULTS: Final[dict[int, tuple[str, str]]] = {
    400: ("BadRequest", _MALFORMED),
    401: ("Unauthorized", "The credentials of this request are missing or were refused."),
    403: ("Forbidden", "Access was denied to this resource."),
    404: ("NotFound", "The resource could not be found."),
    406: ("NotAcceptable", _MALFORMED),
    409: ("Conflict", "There was a conflict when trying to complete your request."),
    413: ("RequestEntityTooLarge", "The body of your request was too large for this server."),
    415: ("UnsupportedMediaType", "The request media type is not supported by this server."),
    422: ("UnprocessableEntity", "Unable to process the contained instructions"),
    429: ("TooManyRequests", "Too many requests were sent: wait before the next one."),
    500: (
        "InternalServerError",
        "The server has either erred or is incapable of performing the requested operation.",
    ),
    503: (
        "ServiceUnavailable",
        "The server is currently unavailable. Please try again at a later time.",
    ),
    504: ("GatewayTimeout", "The gateway has timed out."),
}
RETRY_AFTER_SECONDS: Final = 2


def document(status: int, detail: str | None) -> Response:
    """Answer with an error document in the format that the client asked for."""
    name, message = FAULTS.get(status, FAULTS[500 if status >= 500 else 400])
    form = formats.format_of(request)
    if form == "xml":
        root = Element(name, code=str(status))
        SubElement(root, "message").text = message
        SubElement(root, "detail").text = xml.clean(str(detail))
        text = xml.to_text(root)
    else:
        fault = {"code": status, "message": message, "detail": detail}
        text = formats.write({name: fault}, "json")
    content_type = f"{formats.CONTENT_TYPES[form]}; charset=UTF-8"
    response = Response(text, status, content_type=content_type)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def fault(error: errors.IpamError) -> Response:
    """Answer an error of the service; who may not come in gets a page, as from Melange."""
    if auth.is_refused():
        return _page(error.http_status, "")
    return document(error.http_status, error.message)


def page(error: HTTPException) -> Response:
    """Answer an error met before any controller: text, or HTML for a browser.

    405 becomes 404: Melange's router matched verb and path together.
    """
    status = 404 if error.code in (None, 405) else error.code
    return _page(status, "" if status == 404 else error.description or "")


def _page(status: int, detail: str) -> Response:
    title = f"{status} {HTTP_STATUS_CODES.get(status, 'Error')}"
    message = FAULTS.get(status, FAULTS[500 if status >= 500 else 400])[1]
    if any(wish == "text/html" for wish, _, _ in formats.accepted(_accept())):
        text = (
            f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n"
            f"  <h1>{title}</h1>\n  {escape(message)}<br /><br />\n{escape(detail)}\n"
            " </body>\n</html>\n"
        )
        return Response(text, status, content_type="text/html; charset=UTF-8")
    text = f"{title}\n\n{message}\n\n{detail}\n"
    return Response(text, status, content_type="text/plain; charset=UTF-8")


def _accept() -> str:
    return request.headers.get("Accept", "")
