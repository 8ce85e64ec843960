"""Keys of a network or port that ipamd has no use for: kept, and given back.

Callers hang what they need onto these resources (Nova: ``nova_id``, ``vm_id``); Quantum
passed it on to its plugins, here it is stored as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from ipamd.operations.fields import Fields

MAX_BYTES = 65535


def read(
    fields: Fields, own: Collection[str], known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return ``known`` with the keys of a body that are not among the resource's ``own``.

    Notes a problem when they cannot be stored: together at most 65535 bytes of JSON.
    """
    extra = {**(known or {}), **{k: v for k, v in fields.body.items() if k not in own}}
    try:
        size = len(dump(extra))
    except (ValueError, RecursionError):
        fields.wrong("extra keys", "extra keys should be JSON values")
        return {}
    if size > MAX_BYTES:
        fields.wrong("extra keys", f"extra keys are too long (maximum {MAX_BYTES} bytes)")
    return extra


def dump(extra: Mapping[str, Any]) -> str:
    """Return extra keys as they are stored: ASCII, so that any text survives any database.

    Raises: ValueError for NaN and infinities.
    """
    return json.dumps(extra, separators=(",", ":"), allow_nan=False)


def load(stored: str) -> dict[str, Any]:
    """Return stored extra keys."""
    found: dict[str, Any] = json.loads(stored)
    return found
