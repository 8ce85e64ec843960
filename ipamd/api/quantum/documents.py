"""Quantum's bodies: which format they are in, read from requests, written to answers.

Format of a request's body and of its answer alike: the path's suffix, then a
``Content-Type`` that is exactly JSON or XML, then ``Accept``, then JSON.  Other content
types are ignored, not refused.

Source: Quantum v1 API, as the released servers implemented it.
"""

from __future__ import annotations

import json
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement

from flask import Response, request
from werkzeug.exceptions import BadRequest

from ipamd import errors
from ipamd.api import formats, xml
from ipamd.api.formats import CONTENT_TYPES, Format

NAMESPACE: Final = "http://openstack.org/quantum/api/"


class MalformedBody(BadRequest):
    """A body that is not in the format it is supposed to be in."""


def format_now() -> Format:
    """Return the format of the current request and of its answer."""
    suffix = request.environ.get("ipamd.suffix")
    for form, content_type in CONTENT_TYPES.items():
        if suffix == form or (suffix is None and request.mimetype == content_type):
            return form
    return formats.choose(None, request.headers.get("Accept", ""))


def read(root: str, required: str | None = None) -> dict[str, Any]:
    """Return what the body holds under ``root``; an empty body holds an empty object there.

    Raises: MalformedBody; BadRequest when ``root`` or the key ``required`` in it is missing;
        werkzeug's RequestEntityTooLarge.
    """
    raw = formats.read_raw(request)
    body: Any = {root: {}}
    if raw.strip():
        try:
            body = xml.parse(raw) if format_now() == "xml" else formats.parse_json(raw)
        except BadRequest as error:
            raise MalformedBody from error
        if body is None:
            body = {root: {}}
    if not isinstance(body, dict) or root not in body:
        raise errors.BadRequest(f"The body has no {root}")
    resource = body[root]
    if not isinstance(resource, dict):
        raise errors.BadRequest(f"{root} has to be an object")
    if required is not None and resource.get(required) is None:
        raise errors.BadRequest(f"{root} has no {required}")
    return resource


def answer(document: dict[str, Any] | None, status: int | str, version: str) -> Response:
    """Answer with a document of one root key, or without a body."""
    form = format_now()
    if document is None:
        text = ""
    elif form == "xml":
        text = render(document, version)
    else:
        text = json.dumps(document)
    return Response(text, status, content_type=CONTENT_TYPES[form])


def render(document: dict[str, Any], version: str) -> str:
    """Render ``{root: value}`` as XML: texts become attributes, lists plural elements."""
    ((name, value),) = document.items()
    root = Element(name, xmlns=f"{NAMESPACE}{version}")
    _fill(root, value)
    return xml.to_text(root)


def _fill(element: Element, value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _fill(SubElement(element, element.tag.removesuffix("s")), item)
        return
    for key, item in value.items():
        if isinstance(item, dict | list):
            _fill(SubElement(element, key), item)
        else:
            element.set(key, xml.clean(str(item)))
