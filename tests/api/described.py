"""Are answers what the OpenAPI document says they are?  Asked of every answer of a client."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from ipamd.api.melange.paths import split_suffix
from ipamd.api.v2 import openapi

JSON = "application/json"


@cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    """Return the paths of the document; those with fewer variables come first."""
    paths = sorted(openapi.document()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), path) for path in paths]


def operation_of(verb: str, path: str) -> dict[str, Any] | None:
    """Return what the document says of a request; None when it does not know it."""
    path, _ = split_suffix(path)
    for pattern, template in _templates():
        found = openapi.document()["paths"][template].get(verb.lower())
        if found is not None and pattern.fullmatch(path):
            return dict(found)
    return None


@cache
def _validator(schema: str) -> Draft202012Validator:
    components = openapi.document()["components"]
    return Draft202012Validator({**json.loads(schema), "components": components})


def problems(verb: str, path: str, status: int, content_type: str, body: bytes) -> list[str]:
    """Return what is wrong with an answer, by the document; nothing for other paths."""
    operation = operation_of(verb, path)
    if operation is None:
        return []
    responses = operation["responses"]
    if str(status) not in responses and status < 400:
        return [f"status {status} is not documented"]
    content = responses.get(str(status), responses["default"]).get("content")
    if content is None:
        return [f"a body where none is documented: {body[:80]!r}"] if body else []
    kind = content_type.partition(";")[0]
    if kind not in content:
        return [f"content type {kind} is not documented"]
    if kind != JSON or "schema" not in content[kind]:
        return []
    found = _validator(json.dumps(content[kind]["schema"])).iter_errors(json.loads(body))
    return [f"{error.json_path}: {error.message}"[:500] for error in found]


class CheckedClient(FlaskClient):
    """A client that takes no answer which is not as described."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        answer = super().open(*args, **kwargs)
        asked = answer.request
        found = problems(
            asked.method, asked.path, answer.status_code, answer.content_type or "", answer.data
        )
        assert not found, f"{asked.method} {asked.path} {answer.status_code}: {found}"
        return answer
