"""The OpenAPI 3.1 document of every mount, made from their tables of routes."""

from __future__ import annotations

from functools import cache
from typing import Any

from ipamd import __version__
from ipamd.api.v2 import schemas
from ipamd.api.v2.history import HISTORY
from ipamd.api.v2.openapi import compute, melange, own, quantum, root
from ipamd.api.v2.openapi.links import links_of
from ipamd.api.v2.openapi.operations import Operation


def operations() -> list[Operation]:
    """Return the operations of all mounts, in the order of the document."""
    mounts = (own, melange, quantum, compute, root)
    return [operation for mount in mounts for operation in mount.operations()]


@cache
def document() -> dict[str, Any]:
    """Return the document; it is made once and not to be changed."""
    changes = "\n".join(f"* {version}: {text}" for version, text in HISTORY.items())
    every = operations()
    paths: dict[str, Any] = {}
    for operation in every:
        described = operation.describe(links_of(operation, every))
        paths.setdefault(operation.path, {})[operation.verb.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ipamd",
            "version": __version__,
            "description": (
                "IP address management.  Below /v2 the header OpenStack-API-Version names a "
                f"microversion:\n\n{changes}"
            ),
        },
        "tags": [
            {"name": "v2", "description": "ipamd's own API"},
            {"name": "melange", "description": "Melange v0.1 and v1.0, frozen"},
            {"name": "quantum", "description": "Quantum v1.0 and v1.1, frozen"},
            {"name": "compute", "description": "Nova's list of virtual interfaces, frozen"},
            {"name": "root", "description": "What belongs to no version"},
        ],
        "paths": paths,
        "components": {"schemas": {**schemas.ALL, **melange.SCHEMAS, **quantum.SCHEMAS}},
    }
