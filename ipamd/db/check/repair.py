"""Rebuilding free space and counters.  The rows of addresses are the truth."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice

import sqlalchemy as sa

from ipamd.context import RequestContext
from ipamd.db import bulk
from ipamd.db.check import blocks, macs, spaces
from ipamd.db.check.findings import COUNTERS, FREE_SPACE, MACS, Finding
from ipamd.db.check.snapshots import Row
from ipamd.db.database import Database, Transaction
from ipamd.db.models import FreeMacRange, FreeRange, IpBlock, MacAddressRange, table_of
from ipamd.ipam.intervals import Interval

_BLOCKS = table_of(IpBlock)
_RANGES = table_of(MacAddressRange)
_CHUNK = 1000


def repair(db: Database, findings: Iterable[Finding]) -> list[str]:
    """Rebuild what the findings say is off and rows can tell; say what was done.

    Each block is rebuilt under its lock, from what its rows are then.

    Raises: Busy, Unavailable; what was rebuilt before is committed.
    """
    wanted = {
        (finding.kind == MACS, finding.owner_id): None
        for finding in findings
        if finding.kind in (FREE_SPACE, COUNTERS, MACS)
    }
    done = []
    for is_mac, owner_id in wanted:
        rebuild = _rebuild_range if is_mac else _rebuild_block
        done.append(db.run(RequestContext(), partial(rebuild, owner_id=owner_id)))
    return [text for text in done if text]


def _rebuild_block(tx: Transaction, owner_id: str) -> str | None:
    block = _lock(tx, _BLOCKS, owner_id)
    if block is None:
        return None
    counts: Counter[str] = Counter()

    def held() -> Iterator[int]:
        for row in blocks.address_rows(tx.connection, block):
            counts["allocated" if row.deallocated_at is None else "quarantined"] += 1
            yield row.address

    used = heapq.merge(held(), blocks.reserved(block))
    ranges = _replace(tx, table_of(FreeRange), "ip_block_id", block, used)
    children = sa.select(sa.func.count()).where(_BLOCKS.c.parent_id == owner_id)
    counts["subnets"] = tx.execute(children).scalar_one()
    names = ("allocated", "quarantined", "subnets")
    tx.execute(
        sa.update(_BLOCKS)
        .where(_BLOCKS.c.id == owner_id)
        .values({name: counts[name] for name in names})
    )
    changes = [
        f"{name} {getattr(block, name)} → {counts[name]}"
        for name in names
        if getattr(block, name) != counts[name]
    ]
    return f"{blocks.subject(block)}: " + ", ".join([ranges, *changes])


def _rebuild_range(tx: Transaction, owner_id: str) -> str | None:
    row = _lock(tx, _RANGES, owner_id)
    if row is None:
        return None
    used = macs.in_use(tx.connection, row)
    ranges = _replace(tx, table_of(FreeMacRange), "mac_address_range_id", row, used)
    return f"{macs.subject(row)}: {ranges}"


def _lock(tx: Transaction, table: sa.Table, row_id: str) -> Row | None:
    return tx.execute(sa.select(table).where(table.c.id == row_id).with_for_update()).first()


def _replace(tx: Transaction, table: sa.Table, owner: str, row: Row, used: Iterable[int]) -> str:
    """Write the free ranges of a locked block or range anew, in chunks."""
    before = tx.execute(sa.delete(table).where(table.c[owner] == row.id)).rowcount
    free = (
        {owner: row.id, "first": run.first, "last": run.last}
        for run in spaces.gaps(Interval(row.first, row.last), used)
    )
    after = 0
    while chunk := list(islice(free, _CHUNK)):
        bulk.insert(tx, table, chunk)
        after += len(chunk)
    return f"free ranges rebuilt from the rows (were {before}, are {after})"
