"""The fullest blocks of a store of any size, at a cost that does not depend on it.

Each reading looks at one page of the table, along its primary key, and again at what it
has found to be fullest so far.  A block that fills up is noticed when the walk comes by:
with ``PAGE`` blocks or fewer at once.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from ipamd.db.database import Transaction
from ipamd.db.models import IpBlock, table_of
from ipamd.operations.common import Row
from ipamd.operations.ip_blocks import cidr_of
from ipamd.operations.utilization import of_block

PAGE = 2000

_BLOCKS = table_of(IpBlock)
_COLUMNS = [
    _BLOCKS.c[name]
    for name in (
        "id", "first", "last", "prefix_length", "gateway", "reserve_network_address",
        "allocated", "quarantined",
    )
]  # fmt: skip
_PAGE = (
    sa.select(*_COLUMNS)
    .where(_BLOCKS.c.id > sa.bindparam("behind"))
    .order_by(_BLOCKS.c.id)
    .limit(PAGE)
)
_THESE = sa.select(*_COLUMNS).where(_BLOCKS.c.id.in_(sa.bindparam("ids", expanding=True)))


@dataclass(frozen=True)
class FullBlock:
    """A block and the part of its addresses that is held or in quarantine, 0 to 1."""

    id: str
    cidr: str
    utilization: float


class Fullest:
    """Remembers the ``count`` fullest blocks that it has seen, and where it is."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._behind = ""
        # Of the round before and of this one, so that none is lost at the turn.
        self._before: dict[str, float] = {}
        self._found: dict[str, float] = {}

    def read(self, tx: Transaction) -> list[FullBlock]:
        """Look at the next page; return the fullest blocks, the fullest first."""
        if not self._count:
            return []
        rows = tx.execute(_PAGE, {"behind": self._behind}).all()
        shares = {row.id: _utilization(row) for row in rows if row.allocated or row.quarantined}
        self._found = self._best({**self._found, **shares})
        fullest = self._read_again(tx, {*self._before, *self._found})
        if len(rows) < PAGE:
            self._before, self._found, self._behind = self._found, {}, ""
        else:
            self._behind = rows[-1].id
        return fullest

    def _read_again(self, tx: Transaction, ids: Collection[str]) -> list[FullBlock]:
        """Read how full these are now; those that are gone are left out."""
        if not ids:
            return []
        rows = tx.execute(_THESE, {"ids": list(ids)})
        blocks = [FullBlock(row.id, str(cidr_of(row)), _utilization(row)) for row in rows]
        return heapq.nlargest(self._count, blocks, key=lambda block: block.utilization)

    def _best(self, found: Mapping[str, float]) -> dict[str, float]:
        return dict(heapq.nlargest(self._count, found.items(), key=lambda each: each[1]))


def _utilization(row: Row) -> float:
    figures = of_block(row)
    usable = figures["size"] - figures["reserved"]
    return (row.allocated + row.quarantined) / usable if usable > 0 else 1.0
