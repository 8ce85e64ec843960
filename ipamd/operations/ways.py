"""Lists of what a tenant owns or leases, each way in which that may be by its own index.

For ``a OR b``, and for ``a ORDER BY id``, planners may walk along the primary key, past
everybody's rows.  What is walked here is as long as the page, however much others have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ipamd.operations.common import of_owner
from ipamd.operations.ip_blocks import BLOCKS
from ipamd.operations.kinds import Kind

_OWN = BLOCKS.alias("own_blocks")


@dataclass(frozen=True)
class Ways:
    """One page of a list: its order, and where it begins if it is ordered by the key alone."""

    dialect: str
    kind: Kind
    columns: Sequence[sa.ColumnElement[Any]]
    marker: str | None
    limit: int
    is_by_key: bool

    def keep(self, statement: sa.Select[Any], tenant_id: str) -> sa.Select[Any]:
        """Keep what the tenant owns or leases."""
        key = self.kind.key
        ids = statement.with_only_columns(key.label("id"))
        ways: list[sa.FromClause] = [
            *[self._page(ids, owner, tenant_id).subquery() for owner in self.kind.owners],
            *[self._inside(ids, block, tenant_id) for block in self.kind.blocks],
        ]
        either = sa.union(*[sa.select(way.c.id) for way in ways]).subquery()
        return statement.where(key.in_(sa.select(either.c.id)))

    def _inside(
        self, ids: sa.Select[Any], block: sa.ColumnElement[Any], tenant_id: str
    ) -> sa.FromClause:
        """Walk along what lies in the tenant's blocks.

        PostgreSQL is told to go block by block; the others find that out.
        """
        own = sa.select(_OWN.c.id).where(_OWN.c.tenant_id == tenant_id)
        if self.dialect != "postgresql":
            return ids.where(block.in_(own)).order_by(*self.columns).limit(self.limit).subquery()
        blocks = own.subquery()
        found = self._page(ids, block, blocks.c.id).correlate(blocks).lateral()
        return sa.select(found.c.id).select_from(blocks.join(found, sa.true())).subquery()

    def _page(
        self,
        ids: sa.Select[Any],
        column: sa.ColumnElement[Any],
        owner: str | sa.ColumnElement[Any],
    ) -> sa.Select[Any]:
        """Walk along what has ``owner`` in a column, as far as the page goes."""
        if self.is_by_key:
            walk = of_owner(self.dialect, ids, self.kind.key, self.marker, column, owner)
        else:
            walk = ids.where(column == owner)
        return walk.order_by(*self.columns).limit(self.limit)
