"""The outbox: events stored in the transaction they tell of, and claimed by the relay.

An event exists if and only if its change was committed.  One relay at a time holds the
lease, so events leave in the order of their ids, which for one block is the order of
its changes.  Sent rows stay as the journal.

Invariant of the journal: whatever is added to it stands, by (``sent_at``, ``id``), behind
everything that is there.  Ids alone do not say so: they are given before the commit, and
a lower one may become visible after a higher one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from ipamd import fast_json
from ipamd.db import bulk
from ipamd.db.models import Lease, Outbox, table_of
from ipamd.db.prepared import Prepared, together
from ipamd.ids import new_ids

if TYPE_CHECKING:
    from ipamd.db.database import Transaction

LEASE = "relay"
MOST_COUNTED = 10_000
"""So many waiting events are counted; there may be more."""

_OUTBOX = table_of(Outbox)
_LEASES = table_of(Lease)
_CLAIM = Prepared(
    sa.select(*_OUTBOX.c["id", "event_id", "event_type", "priority", "payload"])
    .where(_OUTBOX.c.sent_at.is_(None))
    .order_by(_OUTBOX.c.id)
    .limit(sa.bindparam("row_limit"))
)
_WAITING = (
    sa.select(_OUTBOX.c.occurred_at)
    .where(_OUTBOX.c.sent_at.is_(None))
    .order_by(_OUTBOX.c.id)
    .limit(MOST_COUNTED)
)
_OLDEST = _WAITING.subquery().c.occurred_at
_BACKLOG = sa.select(sa.func.count(_OLDEST).label("events"), sa.func.min(_OLDEST).label("oldest"))
_MARK = Prepared(
    sa.update(_OUTBOX)
    .where(_OUTBOX.c.id.in_(sa.bindparam("ids", expanding=True)))
    .values(sent_at=sa.bindparam("sent_at"))
)
# Locks the lease's row as SELECT … FOR UPDATE would: whoever adds to the journal has a turn.
_LOCK_LEASE = Prepared(
    sa.update(_LEASES).where(_LEASES.c.name == LEASE).values(owner=_LEASES.c.owner)
)
_NEWEST = Prepared(sa.select(sa.func.max(_OUTBOX.c.sent_at).label("sent_at")))
_UNSENT = (
    sa.select(_OUTBOX.c.id)
    .where(_OUTBOX.c.sent_at.is_(None))
    .order_by(_OUTBOX.c.id)
    .limit(sa.bindparam("row_limit"))
)
_TICK = timedelta(microseconds=1)
_TAKE_LEASE = Prepared(
    sa.update(_LEASES)
    .where(
        _LEASES.c.name == LEASE,
        sa.or_(_LEASES.c.owner == sa.bindparam("me"), _LEASES.c.expires_at < sa.bindparam("now")),
    )
    .values(owner=sa.bindparam("me"), expires_at=sa.bindparam("until"))
)


class Event(NamedTuple):
    """A change to be told: type, the resource, and what it is filed under."""

    event_type: str
    payload: dict[str, Any]
    tenant_id: str | None
    address: int | None
    priority: str
    request_id: str | None
    idempotency_key: str | None


@dataclass(frozen=True)
class OutboxEvent:
    """A stored event as the relay publishes it; its payload is complete."""

    id: int
    event_id: str
    event_type: str
    priority: str
    payload_json: str

    @cached_property
    def payload(self) -> dict[str, Any]:
        """The payload as an object."""
        found: dict[str, Any] = fast_json.loads(self.payload_json)
        return found


@dataclass(frozen=True)
class Backlog:
    """Events that wait to be sent: how many, and when the one that waits longest occurred."""

    events: int
    oldest: datetime | None

    def age(self, now: datetime) -> float:
        """Return for how many seconds the oldest one has waited; 0 when none does."""
        return 0.0 if self.oldest is None else max(0.0, (now - self.oldest).total_seconds())


def store(tx: Transaction, events: Sequence[Event]) -> None:
    """Insert ``events`` in their order, as one multi-row statement."""
    sent_at = _behind_the_journal(tx) if tx.journal_only else None
    bulk.insert(
        tx,
        _OUTBOX,
        [
            _row(tx, event, event_id, sent_at)
            for event, event_id in zip(events, new_ids(len(events)), strict=True)
        ],
    )


def _row(tx: Transaction, event: Event, event_id: str, sent_at: datetime | None) -> dict[str, Any]:
    payload = {
        **event.payload,
        "event_id": event_id,
        "occurred_at": tx.moment,
        "request_id": event.request_id,
        "tenant_id": event.tenant_id,
        "idempotency_key": event.idempotency_key,
    }
    return {
        "event_id": event_id,
        "event_type": event.event_type,
        "priority": event.priority,
        "tenant_id": event.tenant_id,
        "address": event.address,
        "payload": fast_json.dumps(payload),
        "occurred_at": tx.now,
        "sent_at": sent_at,
    }


def _behind_the_journal(tx: Transaction) -> datetime:
    """Return the moment to file new events under, later than all that are filed.

    It is now, unless the clock went back or another machine's is ahead.  The caller is
    the only one who files anything until it commits.
    """
    return _behind(tx, _NEWEST.fetch(tx, {}))


def _behind(tx: Transaction, found: Sequence[Any]) -> datetime:
    (newest,) = found
    return tx.now if newest.sent_at is None else max(tx.now, newest.sent_at + _TICK)


def acquire_lease(tx: Transaction, owner: str, seconds: float) -> bool:
    """Take or prolong the relay's lease; False while another relay holds it."""
    values = {"me": owner, "now": tx.now, "until": tx.now + timedelta(seconds=seconds)}
    if _TAKE_LEASE.apply(tx, values):
        return True
    known = tx.execute(sa.select(_LEASES.c.owner).where(_LEASES.c.name == LEASE)).first()
    if known is None:
        # Two relays that start together collide here; the loser's transaction runs again.
        tx.execute(
            sa.insert(_LEASES), {"name": LEASE, "owner": owner, "expires_at": values["until"]}
        )
        return True
    return bool(known.owner == owner)


def release_lease(tx: Transaction, owner: str) -> None:
    """Give the lease back, so that another relay need not wait for it to expire."""
    tx.execute(
        sa.update(_LEASES)
        .where(_LEASES.c.name == LEASE, _LEASES.c.owner == owner)
        .values(expires_at=tx.now)
    )


def claim(tx: Transaction, limit: int) -> list[OutboxEvent]:
    """Read the oldest unsent events.  The caller holds the lease."""
    rows = _CLAIM.fetch(tx, {"row_limit": limit})
    return [
        OutboxEvent(
            row.id,
            row.event_id,
            row.event_type,
            row.priority,
            f'{row.payload[:-1]},"sequence":{row.id}}}',
        )
        for row in rows
    ]


def backlog(tx: Transaction) -> Backlog:
    """Count the events that wait to be sent, at most ``MOST_COUNTED`` of them."""
    row = tx.execute(_BACKLOG).one()
    return Backlog(row.events, row.oldest)


def mark_sent(tx: Transaction, ids: Iterable[int]) -> None:
    """Move events to the journal once the broker has confirmed them.

    The caller has or had the lease: its row is the lock.
    """
    _, newest = together(tx, (_LOCK_LEASE, {}), (_NEWEST, {}))
    _MARK.put_off(tx, _OUTBOX, {"ids": list(ids), "sent_at": _behind(tx, newest)})


def mark_oldest(tx: Transaction, limit: int) -> int:
    """Move the oldest events to the journal unsent, where nobody is to be sent them.

    The caller holds the lease.  Returns how many there were, at most ``limit``.
    """
    ids = tx.execute(_UNSENT, {"row_limit": limit}).scalars().all()
    if ids:
        mark_sent(tx, ids)
    return len(ids)


def timestamp(moment: datetime) -> str:
    """Format a moment as RPC results and events carry it: ISO 8601, UTC, microseconds."""
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
