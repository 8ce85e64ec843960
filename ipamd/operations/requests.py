"""What became of a request that was cast: read from the rows that idempotency keeps.

The facade casts with an id of its own as the idempotency key.  Done: an answer is
stored under it.  Failed: the error is.  Neither: it is still on its way, which is only
believed of an id that carries a time not long ago.
"""

from __future__ import annotations

import hashlib
import time
import uuid

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.db.idempotency import MAX_LENGTH, Keyed, find
from ipamd.operations.common import Resource

# No key that a caller may give begins so: it is not printable.
_FAILED = "\x1afailed:"


def failure_key(key: str) -> str:
    """Return what the failure of the request ``key``, any text, is stored under."""
    if key.isprintable() and len(_FAILED + key) <= MAX_LENGTH:
        return _FAILED + key
    return _FAILED + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def get_request(tx: Transaction, request_id: str) -> Resource:
    """Return ``{id, status, result, error}`` of a request the context's tenant has cast.

    ``status`` is ``queued``, ``done`` (then ``result``) or ``failed`` (then ``error``,
    ``{code, message, details}``).

    Raises: RequestNotFound for an id that is none, or too old to be known
    """
    moment = _made_at(request_id)
    hours: int = tx.conf.ipam.idempotency_key_hours
    if moment is None or not -60 < time.time() - moment < hours * 3600:
        raise errors.RequestNotFound()
    tenant = tx.context.tenant
    keys = [Keyed(tenant, key, "", "") for key in (request_id, failure_key(request_id))]
    stored = find(tx, keys)
    answered = stored.get((tenant, request_id))
    reported = stored.get((tenant, failure_key(request_id)))
    refusal = answered.refusal() if answered else None
    if answered is not None and refusal is None:
        return {"id": request_id, "status": "done", "result": answered.answer(), "error": None}
    error = refusal.to_dict() if refusal else reported.answer() if reported else None
    status = "failed" if error else "queued"
    return {"id": request_id, "status": status, "result": None, "error": error}


def _made_at(request_id: str) -> float | None:
    """Return when a version 7 UUID was made, in seconds since 1970; None for other ids."""
    try:
        value = uuid.UUID(request_id)
    except ValueError:
        return None
    return (value.int >> 80) / 1000 if value.version == 7 else None
