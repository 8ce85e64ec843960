"""JSON and XML bodies: which one a request is in, which one its answer is to be in.

The answer's format is chosen by the path's suffix, then ``Accept``, then it is JSON
(Melange API spec, "Request/Response Types").  Every body becomes a JSON-able ``dict`` on
its way in, whatever it was written in.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal, NoReturn

from gunicorn.http.errors import ParseException
from werkzeug import exceptions
from werkzeug.http import parse_accept_header, parse_options_header
from werkzeug.wrappers import Request

from ipamd import errors
from ipamd.api import xml

Format = Literal["json", "xml"]

CONTENT_TYPES: dict[Format, str] = {"json": "application/json", "xml": "application/xml"}
VENDOR_TYPE = "application/vnd.openstack.melange"
# Levels of JSON: a few more than any request has.
MAX_DEPTH = 32

# In the order of preference among types that the client likes equally well.
_OFFERS: tuple[tuple[str, Format], ...] = (
    ("application/json", "json"),
    (f"{VENDOR_TYPE}+json", "json"),
    (VENDOR_TYPE, "json"),
    ("application/xml", "xml"),
    (f"{VENDOR_TYPE}+xml", "xml"),
)


def accepted(accept: str) -> list[tuple[str, dict[str, str], float]]:
    """Split an ``Accept`` header into (media type, parameters, quality)."""
    found = []
    for value, quality in parse_accept_header(accept):
        media_type, parameters = parse_options_header(value)
        found.append((media_type.lower(), parameters, quality))
    return found


def choose(suffix: str | None, accept: str) -> Format:
    """Return the format of the answer; an ``Accept`` that matches nothing gives JSON."""
    if suffix == "json":
        return "json"
    if suffix == "xml":
        return "xml"
    best: Format = "json"
    best_quality = 0.0
    wishes = accepted(accept)
    for offer, form in _OFFERS:
        quality = max((q for wish, _, q in wishes if _matches(wish, offer)), default=0.0)
        if quality > best_quality:
            best, best_quality = form, quality
    return best


def _matches(wish: str, offer: str) -> bool:
    return wish in ("*/*", offer) or (wish.endswith("/*") and offer.startswith(wish[:-1]))


def format_of(request: Request) -> Format:
    """Return the format that the answer to ``request`` is to be in."""
    return choose(request.environ.get("ipamd.suffix"), request.headers.get("Accept", ""))


def read_body(request: Request) -> dict[str, Any]:
    """Return the request's body as a dictionary; empty for no body and for ``null``.

    Raises: werkzeug's BadRequest for a body that cannot be parsed, UnsupportedMediaType,
    RequestEntityTooLarge; errors.BadRequest for JSON that is no object.
    """
    raw = read_raw(request)
    if not raw.strip():
        return {}
    body = _parser(request.mimetype)(raw)
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise errors.BadRequest("The body has to be an object")
    return body


def read_raw(request: Request) -> bytes:
    """Return the request's body as it came.

    Raises: werkzeug's RequestEntityTooLarge; BadRequest when it breaks off, or its chunks
    are none.
    """
    try:
        raw = request.get_data(cache=False)
    except (OSError, ParseException) as error:
        raise exceptions.BadRequest("The body did not arrive whole") from error
    if request.content_length is None and len(raw) == request.max_content_length:
        # A chunked body is cut off at the limit, without a word.
        raise exceptions.RequestEntityTooLarge
    return raw


def _parser(media_type: str) -> Callable[[bytes], Any]:
    if media_type == "application/json" or media_type.endswith("+json"):
        return parse_json
    if media_type in ("application/xml", "text/xml") or media_type.endswith("+xml"):
        return xml.parse
    raise exceptions.UnsupportedMediaType(
        f"The content type {media_type or '(none)'} is not supported"
    )


def parse_json(raw: bytes) -> Any:
    """Parse strict JSON: no NaN or Infinity, no lone surrogates, bounded nesting.

    Raises: werkzeug.exceptions.BadRequest.
    """
    try:
        value = json.loads(raw, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise exceptions.BadRequest("The body is not valid JSON") from error
    if _is_too_deep(value):
        raise exceptions.BadRequest("The body is nested too deeply")
    return value


def _is_too_deep(value: Any) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        lists = [each.values() if isinstance(each, dict) else each for each in level]
        level = [item for items in lists for item in items if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def write(document: dict[str, Any], form: Format) -> str:
    """Render a document with one root key (and, for lists, its ``…_links``)."""
    if form == "xml":
        return xml.render(document)
    return json.dumps(_with_json_times(document))


def _with_json_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: json_time(item) if key.endswith("_at") else _with_json_times(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_with_json_times(item) for item in value]
    return value


def json_time(value: Any) -> Any:
    """Turn RPC's ``2012-05-21T18:00:41.123456Z`` into Melange's ``2012-05-21T18:00:41``."""
    return value[:19] if isinstance(value, str) else value
