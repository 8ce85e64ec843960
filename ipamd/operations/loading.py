"""What a batch reads before it starts: PostgreSQL is asked for all of it in one round trip."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ipamd.db.database import Transaction
from ipamd.db.models import FreeRange, IpBlock, MacAddressRange, table_of
from ipamd.db.prepared import Prepared, together
from ipamd.ipam.intervals import Interval
from ipamd.operations import interface_states, ip_blocks
from ipamd.operations.allocation import ADDRESSES, BlockAllocation
from ipamd.operations.common import Row
from ipamd.operations.interface_states import (
    INTERFACES,
    STATE_COLUMNS,
    join_state,
)

if TYPE_CHECKING:
    from ipamd.operations.batch import Loaded

_BLOCKS = table_of(IpBlock)
_FREE = table_of(FreeRange)
_NEXT = _FREE.alias("following")
_RANGES = table_of(MacAddressRange)
_HAS_RANGES = sa.select(_RANGES.c.id).exists().label("has_ranges")
_ASK_FOR_RANGES = Prepared(sa.select(_HAS_RANGES))

# Locks the block as SELECT … FOR UPDATE would, and counts the address in advance.
_LOCK_AND_COUNT = Prepared(
    sa.update(_BLOCKS)
    .where(_BLOCKS.c.id == sa.bindparam("block"))
    .values(allocated=_BLOCKS.c.allocated + 1)
)
_MARIADB_LOCKS_BOTH = Prepared(
    # It locks the rows of every table that it may change.
    sa.text(
        "UPDATE ip_blocks LEFT JOIN interfaces ON interfaces.id = :interface"
        " SET ip_blocks.allocated = ip_blocks.allocated + 1,"
        " interfaces.device_id = interfaces.device_id"
        " WHERE ip_blocks.id = :block"
    ).bindparams(
        sa.bindparam("interface", type_=INTERFACES.c.id.type),
        sa.bindparam("block", type_=_BLOCKS.c.id.type),
    )
)
# The same, and then locks the interface as ``interface_states.lock`` would.
_LOCK_BOTH_AND_COUNT = {
    "sqlite": _LOCK_AND_COUNT,
    "mysql": _MARIADB_LOCKS_BOTH,
    "mariadb": _MARIADB_LOCKS_BOTH,
    "postgresql": Prepared(
        # UPDATE … RETURNING (SELECT id FROM interfaces WHERE … FOR NO KEY UPDATE)
        sa.update(_BLOCKS)
        .where(_BLOCKS.c.id == sa.bindparam("block"))
        .values(allocated=_BLOCKS.c.allocated + 1)
        .returning(
            sa.select(INTERFACES.c.id)
            .where(INTERFACES.c.id == sa.bindparam("interface"))
            .with_for_update(key_share=True)
            .scalar_subquery()
        )
    ),
}
# What ``BlockAllocation`` reads of a block.
_BLOCK_COLUMNS = (
    "id", "tenant_id", "first", "last", "prefix_length", "network_id", "policy_id", "gateway",
    "reserve_network_address", "allocation_strategy", "cursor", "subnets", "allocated",
    "quarantined",
)  # fmt: skip


def _first_free(start: Any) -> sa.ColumnElement[bool]:
    """Build the join of a block with its first free range at or after ``start``."""
    # Not min(last): PostgreSQL has none for bytes.
    nearest = sa.select(_NEXT.c.last).where(_NEXT.c.ip_block_id == _BLOCKS.c.id)
    if start is not None:
        nearest = nearest.where(_NEXT.c.last >= start)
    return sa.and_(
        _FREE.c.ip_block_id == _BLOCKS.c.id,
        _FREE.c.last
        == nearest.order_by(_NEXT.c.last).limit(1).correlate(_BLOCKS).scalar_subquery(),
    )


# SELECT b.*, f.first, f.last, (interface), EXISTS(mac ranges) FROM ip_blocks b
#   LEFT JOIN free_ranges f ON … LEFT JOIN interfaces i ON i.id = :interface …
_ONE = Prepared(
    sa.select(
        *[_BLOCKS.c[name] for name in _BLOCK_COLUMNS],
        _FREE.c.first.label("free_first"),
        _FREE.c.last.label("free_last"),
        _HAS_RANGES,
        *STATE_COLUMNS,
    )
    .select_from(
        join_state(
            _BLOCKS.outerjoin(_FREE, _first_free(sa.bindparam("start", type_=_FREE.c.last.type))),
            sa.bindparam("interface"),
        )
    )
    .where(_BLOCKS.c.id == sa.bindparam("block"))
)
_FREE_OF_MANY = Prepared(
    sa.select(_FREE)
    .select_from(_BLOCKS.join(_FREE, _first_free(None)))
    .where(_BLOCKS.c.id.in_(sa.bindparam("ids", expanding=True)))
)
_ADDRESSES = Prepared(
    sa.select(ADDRESSES).where(
        ADDRESSES.c.ip_block_id.in_(sa.bindparam("blocks", expanding=True)),
        ADDRESSES.c.address.in_(sa.bindparam("addresses", expanding=True)),
    )
)


def one(tx: Transaction, block_id: str, interface_id: str | None, chosen: int | None) -> Loaded:
    """Lock and read what a single allocation needs; nothing of a block that is gone."""
    from ipamd.operations.batch import Loaded

    locking = _LOCK_AND_COUNT if interface_id is None else _LOCK_BOTH_AND_COUNT[tx.dialect]
    start = chosen or 0
    values = {"block": block_id, "interface": interface_id, "start": start}
    _, rows = together(tx, (locking, values), (_ONE, values))
    if not rows:
        return Loaded({}, {}, mac_ranges=False)
    (row,) = rows
    block = BlockAllocation(tx, row, counted=1)
    run = None if row.free_last is None else Interval(row.free_first, row.free_last)
    block.space.preload(start, run)
    state = interface_states.from_row(row)
    interfaces = {state.id: state} if state else {}
    return Loaded({block_id: block}, interfaces, bool(row.has_ranges))


def many(
    tx: Transaction, block_ids: Collection[str], interface_ids: Collection[str], *,
    may_create: bool,
) -> Loaded:  # fmt: skip
    """Lock and read what a batch needs; blocks that are gone are left out."""
    from ipamd.operations.batch import Loaded

    if not block_ids:
        return Loaded({}, {}, mac_ranges=False)
    ids = {"ids": sorted(block_ids)}
    asked: dict[str, tuple[Prepared, Mapping[str, Any]]] = {"blocks": (ip_blocks.LOCK_MANY, ids)}
    if may_create:
        asked["free"] = _FREE_OF_MANY, ids
        asked["ranges"] = _ASK_FOR_RANGES, {}
    if interface_ids:
        these = {"ids": sorted(interface_ids)}
        if tx.dialect != "sqlite":
            asked["locked"] = interface_states.LOCK, these
        asked["states"] = interface_states.STATES, these
    found = dict(zip(asked, together(tx, *asked.values()), strict=True))
    blocks = {row.id: BlockAllocation(tx, row) for row in found["blocks"]}
    states = map(interface_states.from_row, found.get("states", ()))
    interfaces = {state.id: state for state in states if state}
    if not may_create:
        return Loaded(blocks, interfaces, mac_ranges=False)
    free = {row.ip_block_id: Interval(row.first, row.last) for row in found["free"]}
    for block_id, block in blocks.items():
        block.space.preload(0, free.get(block_id))
    return Loaded(blocks, interfaces, bool(found["ranges"][0].has_ranges))


def addresses(tx: Transaction, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Row]:
    """Read address rows of locked blocks by block and address."""
    if not wanted:
        return {}
    values = {
        "blocks": list({block_id for block_id, _ in wanted}),
        "addresses": list({address for _, address in wanted}),
    }
    rows = _ADDRESSES.fetch(tx, values)
    return {(row.ip_block_id, row.address): row for row in rows}
