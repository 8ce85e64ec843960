"""What time does: quarantine ends, old answers and old events go.

Works in small transactions.  Any number of workers may do it at the same time; what one
has done, the others find done.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa

from ipamd.context import RequestContext
from ipamd.db.database import Database, Transaction
from ipamd.db.models import DeletedIpBlock, IdempotencyKey, Outbox, table_of
from ipamd.operations import quarantine

BATCH = 200

_KEYS = table_of(IdempotencyKey)
_OUTBOX = table_of(Outbox)
_DELETED = table_of(DeletedIpBlock)


def purge(db: Database, is_stopping: Callable[[], bool] = lambda: False) -> dict[str, int]:
    """Free and delete all that is due; return how much, by kind.

    Kinds: ``ip_addresses`` (their quarantine is over), ``idempotency_keys`` and
    ``events`` of the journal.  Once ``is_stopping()``, no further batch is begun.

    Raises: Busy, Unavailable; what earlier batches did is committed.
    """
    work: dict[str, Callable[[Transaction], int]] = {
        "ip_addresses": lambda tx: quarantine.free_expired(tx, quarantine.expiry(tx), BATCH),
        "idempotency_keys": _forget_answers,
        "events": _forget_events,
    }
    return {kind: _repeat(db, batch, is_stopping) for kind, batch in work.items()}


def _repeat(
    db: Database, batch: Callable[[Transaction], int], is_stopping: Callable[[], bool]
) -> int:
    total = 0
    while not is_stopping() and (done := db.run(RequestContext(), batch)):
        total += done
    return total


def _forget_answers(tx: Transaction) -> int:
    """Delete the oldest answers to idempotency keys that need not be kept."""
    before = tx.now - timedelta(hours=tx.conf.ipam.idempotency_key_hours)
    old = (
        sa.select(_KEYS.c.tenant_id, _KEYS.c.key)
        .where(_KEYS.c.created_at < before)
        .order_by(_KEYS.c.created_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    found = [tuple(row) for row in tx.execute(old)]
    if found:
        tx.execute(sa.delete(_KEYS).where(sa.tuple_(_KEYS.c.tenant_id, _KEYS.c.key).in_(found)))
    return len(found)


def _forget_events(tx: Transaction) -> int:
    """Delete the oldest events, up to the first one that is unsent or not old enough.

    What is left of the journal is complete from its first event on: ``db check`` relies
    on it.
    """
    before = tx.now - timedelta(days=tx.conf.ipam.journal_days)
    oldest = tx.execute(
        sa.select(_OUTBOX.c.id, _OUTBOX.c.sent_at).order_by(_OUTBOX.c.id).limit(BATCH)
    )
    ids = []
    for row in oldest:
        if row.sent_at is None or row.sent_at >= before:
            break
        ids.append(row.id)
    deleted = 0
    if ids:
        # Fewer than were read where another worker has read and deleted the same ones.
        deleted = tx.execute(sa.delete(_OUTBOX).where(_OUTBOX.c.id.in_(ids))).rowcount
    tx.execute(sa.delete(_DELETED).where(_DELETED.c.deleted_at < before))
    return deleted
