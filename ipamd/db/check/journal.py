"""The journal and the store: does the last event of each address say what its row is?

The journal may have lost its oldest events to ``purge``, never one in the middle.  So it
is complete for a block whose creation it tells of; of other blocks, rows may be older
than the journal.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter

import sqlalchemy as sa

from ipamd.db.check.findings import JOURNAL, Finding, Progress, shortened
from ipamd.db.check.snapshots import Row, pages
from ipamd.db.models import IpAddress, Outbox, table_of
from ipamd.ipam.addresses import SPACE_LAST, compact_address

CHUNK = 20_000
"""Events whose addresses are checked in one snapshot."""

_OUTBOX = table_of(Outbox)
_ROWS = table_of(IpAddress)
_HELD, _QUARANTINED, _GONE = "held", "in quarantine", "gone"
_SAYS = {
    "ip_address.create": _HELD,
    "ip_address.restore": _HELD,
    "ip_address.deallocate": _QUARANTINED,
    "ip_address.delete": _GONE,
}
# A row may be this much younger than an event that was stored after its own.
_SLACK = timedelta(minutes=10)


@dataclass(frozen=True)
class _Said:
    """The last event of an address in a block."""

    sequence: int
    event_type: str
    address_id: str


@dataclass(frozen=True)
class _Case:
    """An address in a block: what the journal says last, and its row."""

    address: int
    block_id: str
    said: _Said | None
    row: Row | None


@dataclass(frozen=True)
class _Blocks:
    """What the journal tells of blocks, and when its first event was."""

    created: frozenset[str]
    deleted: Mapping[str, int]
    first_event: datetime | None


def find(connection: sa.Connection, progress: Progress) -> Iterator[Finding]:
    """Compare events and rows in the order of addresses, a chunk in each snapshot."""
    with connection.begin():
        count = sa.select(sa.func.count()).where(_OUTBOX.c.address.is_not(None))
        total = connection.execute(count).scalar_one()
        blocks = _read_blocks(connection)
    done = 0
    start: int | None = 0
    while start is not None:
        progress("journal", min(done, total), total)
        with connection.begin():
            upto = _end_of_chunk(connection, start)
            yield from shortened(_of_chunk(connection, blocks, start, upto))
        done += CHUNK
        start = upto + 1 if upto < SPACE_LAST else None
    progress("journal", total, total)


def _end_of_chunk(connection: sa.Connection, start: int) -> int:
    beyond = (
        sa.select(_OUTBOX.c.address)
        .where(_OUTBOX.c.address >= start)
        .order_by(_OUTBOX.c.address, _OUTBOX.c.id)
        .offset(CHUNK)
        .limit(1)
    )
    found = connection.scalar(beyond)
    return SPACE_LAST if found is None else int(found)


def _of_chunk(
    connection: sa.Connection, blocks: _Blocks, start: int, upto: int
) -> Iterator[Finding]:
    fresh = False
    for case in _cases(connection, start, upto):
        problem = _disagreement(case, blocks)
        if problem and not fresh:
            # Blocks may have come or gone, or events been purged, since it was read.
            blocks, fresh = _read_blocks(connection), True
            problem = _disagreement(case, blocks)
        if problem:
            subject = f"{compact_address(case.address)} in ip_block {case.block_id}"
            yield Finding(JOURNAL, case.block_id, subject, problem)


def _disagreement(case: _Case, blocks: _Blocks) -> str | None:
    """Say in which way the journal contradicts the store, if it does."""
    said, row = case.said, case.row
    last_word = f"the journal's last word is {said.event_type} ({said.sequence})" if said else ""
    if row is None:
        ended = said is None or _SAYS[said.event_type] == _GONE
        if said is None or ended or blocks.deleted.get(case.block_id, 0) > said.sequence:
            return None
        return f"{last_word}, but there is no row"
    state = _HELD if row.deallocated_at is None else _QUARANTINED
    if said is None:
        changed = row.deallocated_at or row.created_at
        complete = case.block_id in blocks.created or (
            blocks.first_event is not None and changed > blocks.first_event + _SLACK
        )
        return f"{state}, but the journal does not tell of it" if complete else None
    if _SAYS[said.event_type] != state:
        return f"{state}, but {last_word}"
    if said.address_id != row.id:
        return f"{state} with id {row.id}, but {last_word} of id {said.address_id}"
    return None


def _cases(connection: sa.Connection, start: int, upto: int) -> Iterator[_Case]:
    """Yield every address of events or rows from ``start`` to ``upto``, block by block."""
    events = sa.select(*_OUTBOX.c["id", "event_type", "address", "payload"]).where(
        _OUTBOX.c.address.between(start, upto), _OUTBOX.c.event_type.in_(list(_SAYS))
    )
    rows = sa.select(
        *_ROWS.c["id", "ip_block_id", "address", "deallocated_at", "created_at"]
    ).where(_ROWS.c.address.between(start, upto))
    told = pages(connection, events, _OUTBOX.c.address, _OUTBOX.c.id)
    stored = pages(connection, rows, _ROWS.c.address, _ROWS.c.id)
    merged = heapq.merge(
        ((row.address, True, row) for row in told),
        ((row.address, False, row) for row in stored),
        key=itemgetter(0),
    )
    for address, group in groupby(merged, key=itemgetter(0)):
        said: dict[str, _Said] = {}
        held: dict[str, Row] = {}
        for _, is_event, row in group:
            if is_event:
                payload = json.loads(row.payload)
                said[payload["ip_block_id"]] = _Said(row.id, row.event_type, payload["id"])
            else:
                held[row.ip_block_id] = row
        for block_id in sorted(said.keys() | held.keys()):
            yield _Case(address, block_id, said.get(block_id), held.get(block_id))


def _read_blocks(connection: sa.Connection) -> _Blocks:
    told = sa.select(*_OUTBOX.c["id", "event_type", "payload"]).where(
        _OUTBOX.c.event_type.in_(["ip_block.create", "ip_block.delete"])
    )
    created: set[str] = set()
    deleted: dict[str, int] = {}
    for row in pages(connection, told, _OUTBOX.c.id):
        block_id = json.loads(row.payload)["id"]
        if row.event_type == "ip_block.create":
            created.add(block_id)
        else:
            deleted[block_id] = row.id
    oldest = sa.select(_OUTBOX.c.occurred_at).order_by(_OUTBOX.c.id).limit(1)
    return _Blocks(frozenset(created), deleted, connection.scalar(oldest))
