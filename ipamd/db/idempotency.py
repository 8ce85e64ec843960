"""Idempotency keys: the answer to a request, committed together with its effects.

A refusal is an answer too: a copy of a refused request that comes late must not be done
after all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeGuard

import sqlalchemy as sa

from ipamd import errors, fast_json
from ipamd.db import bulk
from ipamd.db.database import Transaction
from ipamd.db.models import IdempotencyKey, table_of

MAX_LENGTH = 255
LONG = 65_536
COMPRESSED = "zlib:"
REFUSED = "refused:"
# What is stored for a day is compared with what later versions make of the same request.
_canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode

_KEYS = table_of(IdempotencyKey)
_FIND = sa.select(_KEYS).where(
    _KEYS.c.tenant_id.in_(sa.bindparam("tenants", expanding=True)),
    _KEYS.c.key.in_(sa.bindparam("keys", expanding=True)),
)


class Keyed(NamedTuple):
    """A mutating request under its key: what must be the same when it comes again."""

    tenant_id: str
    key: str
    method: str
    fingerprint: str

    @property
    def scoped_key(self) -> tuple[str, str]:
        """The key with the tenant it belongs to."""
        return self.tenant_id, self.key


def keyed(
    tenant_id: str, key: object, method: str, args: Mapping[str, Any], confined: bool = False
) -> Keyed:
    """Describe a request under ``key``; arguments are compared as canonical JSON.

    A request that is confined to its tenant is another than one that is not: what an admin
    was answered, a member is not.

    Raises: BadRequest when the key is not printable text of 1 to 255 characters.
    """
    if not is_key(key):
        raise errors.BadRequest(
            f"idempotency_key must be printable text of 1 to {MAX_LENGTH} characters"
        )
    try:
        canonical = _canonical_json(args)
    except RecursionError:
        raise errors.BadRequest("The arguments are nested too deeply") from None
    if confined:
        canonical = f"confined {canonical}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return Keyed(tenant_id, key, method, digest)


def is_key(key: object) -> TypeGuard[str]:
    """Tell whether ``key`` may be an idempotency key: printable, 1 to 255 characters."""
    return isinstance(key, str) and 1 <= len(key) <= MAX_LENGTH and key.isprintable()


@dataclass(frozen=True)
class Stored:
    """What is stored under a key: the request that it was, and its answer."""

    request: Keyed
    answer_json: str

    def answer_to(self, request: Keyed) -> Any:
        """Return the answer, if it was given to the same request.

        Raises: IdempotencyKeyReused; the error that the request was refused with
        """
        if request != self.request:
            raise errors.IdempotencyKeyReused()
        refusal = self.refusal()
        if refusal is not None:
            raise refusal
        return self.answer()

    def refusal(self) -> errors.IpamError | None:
        """Return the error that was the answer; None when the request was done."""
        if not self.answer_json.startswith(REFUSED):
            return None
        return errors.from_dict(fast_json.loads(self.answer_json[len(REFUSED) :]))

    def answer(self) -> Any:
        """Return the answer, whatever was asked."""
        return _unpack(self.answer_json)


def find(tx: Transaction, requests: Sequence[Keyed]) -> dict[tuple[str, str], Stored]:
    """Read what is stored under the keys of ``requests``, by tenant and key."""
    values = {
        "tenants": list({request.tenant_id for request in requests}),
        "keys": [request.key for request in requests],
    }
    return {
        (row.tenant_id, row.key): Stored(
            Keyed(row.tenant_id, row.key, row.method, row.fingerprint), row.answer
        )
        for row in tx.execute(_FIND, values)
    }


def is_final(error: Exception) -> bool:
    """Tell whether an error is a request's answer: the request was looked at, and refused.

    What may succeed when it is sent again is none, nor what the server is to blame for,
    nor a key that belongs to another request.
    """
    return (
        isinstance(error, errors.IpamError)
        and not error.retryable
        and error.http_status < 500
        and not isinstance(error, errors.IdempotencyKeyReused)
    )


def store(tx: Transaction, answers: list[tuple[Keyed, Any]]) -> None:
    """Store answers; a key that exists by now makes the whole transaction run again.

    An ``IpamError`` is what a request was refused with.
    """
    rows = [
        {
            "tenant_id": request.tenant_id,
            "key": request.key,
            "method": request.method,
            "fingerprint": request.fingerprint,
            "answer": _pack(answer),
            "created_at": tx.now,
        }
        for request, answer in answers
    ]
    bulk.insert(tx, _KEYS, rows)


def _pack(answer: Any) -> str:
    """Write an answer as JSON; a long one, as bulk allocation gives, compressed.

    65,536 addresses are 20 MB of JSON, more than MariaDB takes in one packet by default.
    """
    if isinstance(answer, errors.IpamError):
        return REFUSED + fast_json.dumps(answer.to_dict())
    text = fast_json.dumps(answer)
    if len(text) < LONG:
        return text
    return COMPRESSED + base64.b64encode(zlib.compress(text.encode(), 1)).decode()


def _unpack(text: str) -> Any:
    if text.startswith(COMPRESSED):
        return fast_json.loads(zlib.decompress(base64.b64decode(text[len(COMPRESSED) :])))
    return fast_json.loads(text)
