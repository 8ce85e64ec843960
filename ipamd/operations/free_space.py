"""The free space of one locked block or MAC range, read as far as it is needed.

Rows are read on demand: the first ones for "next free", the one around an address for a
chosen address.  Nothing is written before ``flush()``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ipamd.db import bulk
from ipamd.db.database import Transaction
from ipamd.db.models import FreeMacRange, FreeRange, IpAddress, table_of
from ipamd.db.prepared import Prepared
from ipamd.ipam.exclusions import Exclusions
from ipamd.ipam.intervals import Changes, FreeSpace, Interval


@dataclass(frozen=True)
class _Statements:
    """The statements on one table of free ranges, built once."""

    table: sa.Table
    owner: str
    read: Prepared
    update: Prepared


def _statements(table: sa.Table, owner: str) -> _Statements:
    mine = table.c[owner] == sa.bindparam("owner")
    key = sa.and_(mine, table.c.last == sa.bindparam("key"))
    return _Statements(
        table,
        owner,
        Prepared(
            sa.select(table.c.first, table.c.last)
            .where(mine, table.c.last >= sa.bindparam("start"))
            .order_by(table.c.last)
            .limit(sa.bindparam("row_limit"))
        ),
        Prepared(sa.update(table).where(key).values(first=sa.bindparam("new_first"))),
    )


IP = _statements(table_of(FreeRange), "ip_block_id")
MAC = _statements(table_of(FreeMacRange), "mac_address_range_id")
MANY = 512
# Rows read at once around chosen addresses.
_AHEAD = 128

# The free ranges below and above addresses that have rows, found by the key of free_ranges.
_FREE = table_of(FreeRange)
_NEAR = _FREE.alias("near")
_ROWS = table_of(IpAddress)


def _beside(condition: sa.ColumnElement[bool], order: sa.ColumnElement[Any]) -> sa.Select[Any]:
    key = (
        sa.select(_NEAR.c.last)
        .where(_NEAR.c.ip_block_id == _ROWS.c.ip_block_id, condition)
        .order_by(order)
        .limit(1)
        .correlate(_ROWS)
        .scalar_subquery()
    )
    return sa.select(_ROWS.c.ip_block_id, key.label("last"))


_BELOW = _beside(_NEAR.c.last < _ROWS.c.address, _NEAR.c.last.desc())
_ABOVE = _beside(_NEAR.c.last > _ROWS.c.address, _NEAR.c.last)


class StoredSpace:
    """Free addresses of one owner, a block or MAC range this transaction has locked."""

    def __init__(
        self,
        tx: Transaction,
        statements: _Statements,
        owner_id: str,
        bounds: Interval,
        exclusions: Exclusions | None = None,
    ) -> None:
        self._tx = tx
        self._statements = statements
        self._owner_id = owner_id
        self._bounds = bounds
        self._exclusions = exclusions
        self._space = FreeSpace([])
        # Stretches of the block of which every free range has been read.
        self._known: list[tuple[int, int]] = []

    def preload(self, start: int, run: Interval | None) -> None:
        """Take over what the caller has read: the first free range from ``start`` on."""
        self._space.load([run] if run else [])
        self._known.append((start, run.last if run else self._bounds.last))

    def preload_neighbours(self, runs: Iterable[Interval]) -> None:
        """Take over what ``neighbours`` has read: enough to give addresses back."""
        self._space.load(sorted(runs))
        self._known.append(self._bounds)

    def next_free(self, start: int | None = None) -> int | None:
        """Return the first free address at or after ``start`` that the policy allows.

        Reads one row; only where the policy excludes whole runs of free addresses are
        more rows read, in chunks that grow.
        """
        position = self._bounds.first if start is None else start
        rows = 1
        while True:
            upto = self._read(position, rows)
            found = self._space.first_at_or_after(position, self._exclusions)
            if found is not None and found <= upto:
                return found
            following = self._following(upto)
            if following is None:
                return None
            position, rows = following, min(rows * 8, MANY)

    def is_free(self, address: int) -> bool:
        """Tell whether ``address`` is free; the policy is not asked."""
        self._read(address, 1)
        return self._space.contains(address)

    def taken(self, addresses: Iterable[int]) -> list[int]:
        """Return those of the addresses, all of this owner's, that are not free.

        Reads many rows at a time: neighbours among the addresses need no read of their own.
        """
        found = []
        upto = -1
        for address in sorted(addresses):
            if not self._bounds.first <= address <= self._bounds.last:
                continue
            if address > upto:
                upto = self._read(address, _AHEAD)
            if not self._space.contains(address):
                found.append(address)
        return found

    def allows(self, address: int) -> bool:
        """Tell whether the block's policy lets ``address`` be handed out."""
        return self._exclusions is None or self._exclusions.allows(address)

    def lowest(self, count: int) -> list[Interval]:
        """Return the free addresses to take for ``count``, or all when there are fewer.

        One contiguous run when the block has one among the ranges that had to be read.
        The caller compares the sizes of the answer with ``count``.
        """
        position, rows = self._bounds.first, MANY
        while True:
            upto = self._read(position, rows)
            run = self._space.longest_run(count, self._exclusions)
            if run is not None:
                return [Interval(run, run + count - 1)]
            found = self._space.lowest(count, self._exclusions)
            enough = sum(interval.size for interval in found) == count
            if enough or upto >= self._bounds.last:
                return found
            # Twice as many each time: what was read is looked through again.
            position, rows = upto + 1, rows * 2

    def take(self, first: int, last: int | None = None) -> None:
        """Take addresses that ``next_free``, ``is_free`` or ``lowest`` have found free."""
        self._space.take(first, last)

    def give(self, first: int, last: int | None = None) -> None:
        """Give addresses back; neighbouring free ranges grow together."""
        end = first if last is None else last
        for neighbour in (first - 1, end + 1):
            if self._bounds.first <= neighbour <= self._bounds.last:
                self._read(neighbour, 1)
        self._space.give(first, end)

    def _following(self, upto: int) -> int | None:
        if upto >= self._bounds.last:
            return None
        return upto + 1 if self._exclusions is None else self._exclusions.next_allowed(upto + 1)

    def _read(self, start: int, rows: int) -> int:
        """Read free ranges from ``start`` on; return up to where the space is known."""
        for first, last in self._known:
            if first <= start <= last:
                return last
        values = {"owner": self._owner_id, "start": start, "row_limit": rows}
        found = self._statements.read.fetch(self._tx, values)
        self._space.load([Interval(row.first, row.last) for row in found])
        upto = found[-1].last if len(found) == rows else self._bounds.last
        self._known.append((start, upto))
        return int(upto)

    def flush(self) -> None:
        """Write what has changed."""
        flush(self._tx, self._statements, [self])

    def drain(self) -> tuple[str, Changes]:
        """Return the owner and the changes to write, and forget what was read."""
        changes = self._space.changes()
        self._space = FreeSpace([])
        self._known = []
        return self._owner_id, changes


def neighbours(tx: Transaction, address_ids: Sequence[str]) -> dict[str, list[Interval]]:
    """Read the free ranges next to addresses that still have rows, by block."""

    def statement(these: sa.ColumnElement[bool]) -> sa.Select[Any]:
        keys = sa.union(_BELOW.where(these), _ABOVE.where(these)).subquery("beside")
        mine = sa.and_(_FREE.c.ip_block_id == keys.c.ip_block_id, _FREE.c.last == keys.c.last)
        return sa.select(_FREE).join(keys, mine)

    found: dict[str, set[Interval]] = {}
    for row in bulk.select_by_ids(tx, statement, _ROWS.c.id, address_ids):
        found.setdefault(row.ip_block_id, set()).add(Interval(row.first, row.last))
    return {block_id: list(runs) for block_id, runs in found.items()}


def flush(tx: Transaction, statements: _Statements, spaces: Iterable[StoredSpace]) -> None:
    """Write the changes of several spaces: one statement to delete, one to upsert."""
    deletes: list[dict[str, Any]] = []
    upserts: list[dict[str, Any]] = []
    updates = 0
    for space in spaces:
        owner_id, changes = space.drain()
        deletes += [{statements.owner: owner_id, "last": last} for last in changes.deletes]
        runs = [Interval(first, last) for last, first in changes.updates] + changes.inserts
        updates += len(changes.updates)
        upserts += [
            {statements.owner: owner_id, "first": run.first, "last": run.last} for run in runs
        ]
    bulk.delete(tx, statements.table, deletes)
    if len(upserts) == updates == 1:
        row = upserts[0]
        values = {"owner": row[statements.owner], "key": row["last"], "new_first": row["first"]}
        statements.update.put_off(tx, statements.table, values)
    else:
        bulk.upsert(tx, statements.table, upserts, "first")
