"""What a request brings: its body, checked by its schema, and its query."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final

from flask import request
from jsonschema import Draft202012Validator
from werkzeug.exceptions import UnsupportedMediaType

from ipamd import errors
from ipamd.api import formats, pagination
from ipamd.api.v2 import schemas

PAGING: Final = ("limit", "marker")
LISTING: Final = ("sort", *PAGING)
_MAX_PROBLEMS: Final = 20
_MAX_VALUE: Final = 2000


@lru_cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schemas.complete(name))


def read_body(schema: str) -> dict[str, Any]:
    """Read the request's body, which has to be JSON that fits a schema.

    Raises: ValidationError, BadRequest; werkzeug's BadRequest, RequestEntityTooLarge and
        UnsupportedMediaType
    """
    raw = formats.read_raw(request)
    kind = request.mimetype
    if raw and kind not in ("", "application/json") and not kind.endswith("+json"):
        raise UnsupportedMediaType("The body has to be application/json")
    body: dict[str, Any] = formats.parse_json(raw)
    problems: dict[str, list[str]] = {}
    try:
        for problem in _validator(schema).iter_errors(body):
            if len(problems) == _MAX_PROBLEMS:
                break
            where = ".".join(str(part) for part in problem.absolute_path) or "body"
            problems.setdefault(where, []).append(problem.message[:200])
    except RecursionError:
        raise errors.BadRequest("The body is nested too deeply") from None
    if problems:
        raise errors.ValidationError(fields=problems)
    return body


def check_query(allowed: Collection[str], repeatable: Collection[str]) -> None:
    """Check that the query has only parameters that are known, each once, of printable text.

    Raises: ValidationError
    """
    for name, values in request.args.lists():
        if name not in allowed:
            shown = name[:80]
            raise _wrong(shown, f"unknown query parameter {shown}")
        if len(values) > 1 and name not in repeatable:
            raise _wrong(name, f"{name} is given more than once")
        if any(not value.isprintable() or len(value) > _MAX_VALUE for value in values):
            raise _wrong(name, f"{name} should be printable text")


def read_filters() -> dict[str, Any]:
    """Return the query parameters that filter a list: a text each, or several."""
    return {
        name: values if len(values) > 1 else values[0]
        for name, values in request.args.lists()
        if name not in LISTING
    }


def read_sort() -> list[str]:
    """Return the fields to sort by, most important first, each with its direction."""
    return [part for part in request.args.get("sort", "").split(",") if part]


def read_integer(name: str) -> int | None:
    """Read a query parameter as an integer.

    Raises: ValidationError
    """
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise _wrong(name, f"{name} should be an integer")
    return int(text)


def read_paging(limits: pagination.Limits) -> dict[str, Any]:
    """Return ``limit`` and ``marker`` as RPC arguments.

    Raises: ValidationError
    """
    limit = read_integer("limit")
    if limit == 0:
        raise _wrong("limit", "limit should be a positive integer")
    found: dict[str, Any] = {"limit": min(limit or limits.default, limits.maximum)}
    if "marker" in request.args:
        found["marker"] = request.args["marker"]
    return found


def _wrong(name: str, text: str) -> errors.ValidationError:
    return errors.ValidationError(fields={name: [text]})
