"""Idempotency keys: the answer to a request, committed together with its effects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.db.models import IdempotencyKey, table_of

MAX_LENGTH = 255

_KEYS = table_of(IdempotencyKey)
_FIND = sa.select(_KEYS.c.method, _KEYS.c.fingerprint, _KEYS.c.answer).where(
    _KEYS.c.tenant_id == sa.bindparam("tenant"), _KEYS.c.key == sa.bindparam("key")
)
_INSERT = sa.insert(_KEYS)


@dataclass(frozen=True)
class Keyed:
    """A mutating request under its key: what must be the same when it comes again."""

    tenant_id: str
    key: str
    method: str
    fingerprint: str


def keyed(tenant_id: str, key: object, method: str, args: Mapping[str, Any]) -> Keyed:
    """Describe a request under ``key``; arguments are compared as canonical JSON.

    Raises: BadRequest when the key is not text of 1 to 255 characters.
    """
    if not isinstance(key, str) or not 1 <= len(key) <= MAX_LENGTH or "\0" in key:
        raise errors.BadRequest(f"idempotency_key must be text of 1 to {MAX_LENGTH} characters")
    canonical = json.dumps(args, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return Keyed(tenant_id, key, method, digest)


def find(tx: Transaction, request: Keyed) -> tuple[Any] | None:
    """Return the stored answer, in a tuple, when this request was done before.

    Raises: IdempotencyKeyReused when the key belongs to another request.
    """
    row = tx.execute(_FIND, {"tenant": request.tenant_id, "key": request.key}).first()
    if row is None:
        return None
    if (row.method, row.fingerprint) != (request.method, request.fingerprint):
        raise errors.IdempotencyKeyReused()
    return (json.loads(row.answer),)


def store(tx: Transaction, answers: list[tuple[Keyed, Any]]) -> None:
    """Store answers; a key that exists by now makes the whole transaction run again."""
    rows = [
        {
            "tenant_id": request.tenant_id,
            "key": request.key,
            "method": request.method,
            "fingerprint": request.fingerprint,
            "answer": json.dumps(answer, separators=(",", ":")),
            "created_at": tx.now,
        }
        for request, answer in answers
    ]
    tx.execute(_INSERT, rows)
