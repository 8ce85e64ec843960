"""JSON Schemas of requests and answers, by name; the OpenAPI document holds them all."""

from __future__ import annotations

from typing import Final

from ipamd.api.v2.schemas.answers import ANSWERS
from ipamd.api.v2.schemas.parts import Schema
from ipamd.api.v2.schemas.requests import REQUESTS
from ipamd.api.v2.schemas.resources import RESOURCES

ALL: Final[dict[str, Schema]] = {**REQUESTS, **RESOURCES, **ANSWERS}


def complete(name: str) -> Schema:
    """Return a schema with everything it refers to, ready for a validator."""
    return {"$ref": f"#/components/schemas/{name}", "components": {"schemas": ALL}}
