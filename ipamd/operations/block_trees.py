"""Blocks as a tree, one level at a time, each with what lies below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from ipamd.db.database import Transaction
from ipamd.operations import ip_blocks, kinds
from ipamd.operations.common import Resource, Row, page_size
from ipamd.operations.filters import wrong
from ipamd.operations.ip_blocks import BLOCKS

_PARENTS = BLOCKS.alias("parent")


def list_ip_block_tree(
    tx: Transaction,
    tenant_id: str | None = None,
    parent_id: str | None = None,
    network_id: str | None = None,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List the subnets right below ``parent_id``, or the blocks at the top, by address.

    At the top ``network_id`` keeps the blocks of a network.

    A block is shown whole, with ``subnets`` (how many are right below it) and ``below``:
    ``{subnets, size, allocated, quarantined}`` of all below it, ``size`` being what the
    subnets right below cover; null where there are none.  A request that is confined to a
    tenant sees and counts that tenant's subnets alone.  At the top of a tenant's tree
    are its blocks that lie in no other block of its own.

    Raises: IpBlockNotFound (the parent), ValidationError
    """
    size = page_size(tx, limit)
    statement = sa.select(BLOCKS)
    if parent_id is not None:
        statement = statement.where(BLOCKS.c.parent_id == parent_id, seen(tx, BLOCKS))
        ip_blocks.find(tx, parent_id, tenant_id)
    elif tenant_id is None:
        statement = statement.where(BLOCKS.c.parent_id.is_(None))
    else:
        statement = statement.outerjoin(_PARENTS, _PARENTS.c.id == BLOCKS.c.parent_id).where(
            BLOCKS.c.tenant_id == tenant_id,
            sa.or_(_PARENTS.c.id.is_(None), _PARENTS.c.tenant_id != tenant_id),
        )
    if network_id is not None:
        statement = statement.where(BLOCKS.c.network_id == network_id)
    if marker is not None:
        statement = statement.where(_behind(tx, marker))
    order = (BLOCKS.c.first, BLOCKS.c.prefix_length, BLOCKS.c.id)
    rows = tx.execute(statement.order_by(*order).limit(size + 1)).all()
    shown = rows[:size]
    return {
        "ip_blocks": show(tx, shown),
        "next_marker": shown[-1].id if len(rows) > size else None,
    }


def seen(tx: Transaction, blocks: sa.FromClause) -> sa.ColumnElement[bool]:
    """Build the condition that the request may see the subnets of its blocks."""
    tenant = tx.context.confined_to
    return sa.true() if tenant is None else blocks.c.tenant_id == tenant


def show(tx: Transaction, rows: Sequence[Row]) -> list[Resource]:
    """Show blocks with what lies below each."""
    sums = below(tx, [row for row in rows if row.subnets])
    return [_show(row, sums.get(row.id)) for row in rows]


def _show(row: Row, found: Below | None) -> Resource:
    count = found.direct if found else 0
    return {
        **kinds.show_block(row),
        "subnets": count,
        "below": found.sums if found and count else None,
    }


@dataclass
class Below:
    """What lies below a block: how many subnets right below it, and the sums of all."""

    direct: int = 0
    sums: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("subnets", "size", "allocated", "quarantined"), 0)
    )


def _behind(tx: Transaction, marker: str) -> sa.ColumnElement[bool]:
    last = tx.execute(
        sa.select(BLOCKS.c.first, BLOCKS.c.prefix_length).where(BLOCKS.c.id == marker)
    ).first()
    if last is None:
        raise wrong("marker", "marker is gone")
    same = BLOCKS.c.first == last.first
    return sa.or_(
        BLOCKS.c.first > last.first,
        sa.and_(same, BLOCKS.c.prefix_length > last.prefix_length),
        sa.and_(same, BLOCKS.c.prefix_length == last.prefix_length, BLOCKS.c.id > marker),
    )


def below(tx: Transaction, tops: Sequence[Row]) -> dict[str, Below]:
    """Add up what lies below some blocks, all of it in one statement.

    WITH RECURSIVE below AS (SELECT parent_id AS top, 1 AS depth, … FROM ip_blocks WHERE
    parent_id IN (…) UNION ALL SELECT top, depth + 1, … FROM below JOIN ip_blocks ON
    parent_id = below.id) SELECT top, depth, prefix_length, count(*), … GROUP BY 1, 2, 3
    """
    if not tops:
        return {}
    width = {top.id: 32 if ip_blocks.cidr_of(top).version == 4 else 128 for top in tops}
    names = ("id", "prefix_length", "allocated", "quarantined")
    columns: list[Any] = [BLOCKS.c[name] for name in names]
    tree = (
        sa.select(BLOCKS.c.parent_id.label("top"), sa.literal(1).label("depth"), *columns)
        .where(BLOCKS.c.parent_id.in_(list(width)), seen(tx, BLOCKS))
        .cte("below", recursive=True)
    )
    deeper = sa.select(tree.c.top, tree.c.depth + 1, *columns)
    tree = tree.union_all(deeper.where(BLOCKS.c.parent_id == tree.c.id, seen(tx, BLOCKS)))
    groups = (tree.c.top, tree.c.depth, tree.c.prefix_length)
    sums = sa.select(
        *groups,
        sa.func.count().label("subnets"),
        sa.func.sum(tree.c.allocated).label("allocated"),
        sa.func.sum(tree.c.quarantined).label("quarantined"),
    ).group_by(*groups)
    found = {top: Below() for top in width}
    for row in tx.execute(sums):
        total = found[row.top]
        for name in ("subnets", "allocated", "quarantined"):
            total.sums[name] += int(row._mapping[name])
        if row.depth == 1:
            total.direct += row.subnets
            total.sums["size"] += row.subnets << (width[row.top] - row.prefix_length)
    return found
