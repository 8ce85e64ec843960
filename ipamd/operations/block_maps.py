"""What a block looks like from above: single addresses, or how full its parts are.

The cost is bounded whatever the block holds: by ``BUDGET`` rows, or ``SAMPLES`` rows for
each of ``SAMPLED_CELLS`` cells where the free space is in more pieces than that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from ipamd.db.database import Transaction
from ipamd.db.models import FreeRange, table_of
from ipamd.ipam.addresses import Cidr, format_address, network_of, parse_cidr
from ipamd.ipam.exclusions import Exclusions
from ipamd.ipam.intervals import Interval
from ipamd.ipam.reserved import reserved_addresses
from ipamd.operations import allocation, block_trees, ip_blocks, kinds
from ipamd.operations.allocation import ADDRESSES
from ipamd.operations.common import Resource, Row
from ipamd.operations.filters import wrong
from ipamd.operations.ip_blocks import BLOCKS

ADDRESSES_SHOWN = 1024
CELLS = 1024
SAMPLED_CELLS = 256
SUBNETS_SHOWN = 1000
BUDGET = 20_000
SAMPLES = 8
# SQLite takes 500 SELECTs in a UNION at most; the text of a statement has to stay readable.
_PORTION = 64

_FREE = table_of(FreeRange)
_AFTER = _FREE.alias("after")


def get_ip_block_map(
    tx: Transaction, tenant_id: str | None, ip_block_id: str, cidr: str | None = None
) -> Resource:
    """Show a block, or the prefix ``cidr`` of it: ``{ip_block_id, cidr, scale, …}``.

    ``scale`` is ``subnets`` for a block that has some, with ``subnets`` in the form of
    ``list_ip_block_tree`` (1000 at most, then ``complete`` is false) and ``below``, the
    same sums of the whole block; ``addresses`` for 1024 addresses or fewer, with ``addresses``
    (those in use), ``reserved`` and ``excluded`` (``[{first, last}]``, by the policy);
    else ``cells``, with ``cells`` of equal size in the order of their addresses: each
    ``{free, used, quarantined}``.  ``used`` counts the quarantined; ``quarantined`` is
    null where more than 20,000 addresses are.  ``exact`` false: ``free`` was estimated.

    Raises: IpBlockNotFound, ValidationError
    """
    block = ip_blocks.find(tx, ip_block_id, tenant_id)
    part = ip_blocks.cidr_of(block) if cidr is None else read_part(block, cidr)
    known = {"ip_block_id": block.id, "cidr": str(part)}
    if block.subnets:
        return {**known, "scale": "subnets", **_subnets(tx, block, part)}
    if part.size <= ADDRESSES_SHOWN:
        return {**known, "scale": "addresses", **_addresses(tx, block, part)}
    return {**known, "scale": "cells", **_cells(tx, block, part)}


def read_part(block: Row, cidr: str) -> Cidr:
    """Read a prefix inside a block.

    Raises: ValidationError
    """
    try:
        part = parse_cidr(cidr)
    except ValueError:
        raise wrong("cidr", "cidr is invalid") from None
    if not ip_blocks.cidr_of(block).contains(part):
        raise wrong("cidr", "cidr should be within the block's cidr")
    return part


def _subnets(tx: Transaction, block: Row, part: Cidr) -> Resource:
    inside = sa.select(BLOCKS).where(
        BLOCKS.c.parent_id == block.id,
        ip_blocks.overlapping(part),
        block_trees.seen(tx, BLOCKS),
    )
    rows = tx.execute(inside.order_by(BLOCKS.c.first).limit(SUBNETS_SHOWN + 1)).all()
    return {
        "subnets": block_trees.show(tx, rows[:SUBNETS_SHOWN]),
        "below": block_trees.below(tx, [block])[block.id].sums,
        "complete": len(rows) <= SUBNETS_SHOWN,
    }


def _addresses(tx: Transaction, block: Row, part: Cidr) -> Resource:
    rows = tx.execute(
        sa.select(ADDRESSES)
        .where(
            ADDRESSES.c.ip_block_id == block.id,
            ADDRESSES.c.address.between(part.first, part.last),
        )
        .order_by(ADDRESSES.c.address)
    )
    exclusions = allocation.exclusions_of(tx, block, ip_blocks.cidr_of(block))
    excluded = _excluded(exclusions, part) if exclusions else []
    return {
        "addresses": [kinds.show_address(row) for row in rows],
        "reserved": [format_address(address) for address in _reserved(block, part)],
        "excluded": [
            {"first": format_address(run.first), "last": format_address(run.last)}
            for run in excluded
        ],
    }


def _excluded(exclusions: Exclusions, part: Cidr) -> list[Interval]:
    runs = []
    start = exclusions.next_excluded(part.first)
    while start is not None and start <= part.last:
        stop = exclusions.next_allowed(start)
        end = part.last if stop is None else min(stop - 1, part.last)
        runs.append(Interval(start, end))
        start = exclusions.next_excluded(end + 1)
    return runs


def _reserved(block: Row, part: Cidr) -> list[int]:
    cidr = ip_blocks.cidr_of(block)
    all_of_them = reserved_addresses(cidr, block.gateway, block.reserve_network_address)
    return [address for address in all_of_them if part.contains(address)]


# --- cells --------------------------------------------------------------------------


def _cells(tx: Transaction, block: Row, part: Cidr) -> Resource:
    mine = sa.and_(_FREE.c.ip_block_id == block.id, _FREE.c.last >= part.first)
    # Behind the part's end there is one range at most that reaches into it.
    beyond = sa.select(_AFTER.c.last).where(
        _AFTER.c.ip_block_id == block.id, _AFTER.c.last >= part.last
    )
    end = beyond.order_by(_AFTER.c.last).limit(1).scalar_subquery()
    last_address = sa.literal(part.last, _FREE.c.last.type)
    ranges = (
        sa.select(_FREE.c.first, _FREE.c.last)
        .where(mine, _FREE.c.last <= sa.func.coalesce(end, last_address))
        .order_by(_FREE.c.last)
    )
    exact = tx.execute(ranges.offset(BUDGET).limit(1)).first() is None
    if exact:
        runs = _inside(part, tx.execute(ranges))
        size = part.size // CELLS
        free = _spread(runs, part.first, size, CELLS)
    else:
        size = part.size // SAMPLED_CELLS
        free = _estimate(tx, block.id, _split(part, SAMPLED_CELLS))
    count = part.size // size
    reserved = [0] * count
    for address in _reserved(block, part):
        reserved[(address - part.first) // size] += 1
    quarantined = _quarantined(tx, block, part, size, count)
    return {
        "exact": exact,
        "cells": [
            {
                "free": free[n],
                "used": size - free[n] - reserved[n],
                "quarantined": None if quarantined is None else quarantined[n],
            }
            for n in range(count)
        ],
    }


def _inside(part: Cidr, runs: Iterable[Any]) -> list[Interval]:
    """Cut runs of addresses to what lies inside a part."""
    cut = [Interval(max(run.first, part.first), min(run.last, part.last)) for run in runs]
    return [run for run in cut if run.size > 0]


def _split(part: Cidr, count: int) -> list[Cidr]:
    length = part.prefix_length + count.bit_length() - 1
    size = part.size // count
    return [network_of(part.first + n * size, length) for n in range(count)]


def _spread(runs: Iterable[Interval], start: int, size: int, count: int) -> list[int]:
    """Count the addresses of ascending runs in each of ``count`` cells from ``start`` on."""
    found = [0] * count
    for first, last in runs:
        begin, end = (first - start) // size, (last - start) // size
        if begin == end:
            found[begin] += last - first + 1
            continue
        found[begin] += start + (begin + 1) * size - first
        for cell in range(begin + 1, end):
            found[cell] = size
        found[end] += last - start - end * size + 1
    return found


def _estimate(tx: Transaction, block_id: str, cells: Sequence[Cidr]) -> list[int]:
    """Estimate what is free in each cell from its first free ranges."""
    found = []
    for start in range(0, len(cells), _PORTION):
        portion = cells[start : start + _PORTION]
        runs: list[list[Interval]] = [[] for _ in portion]
        for row in tx.execute(_samples(block_id, portion)):
            runs[row.cell].append(Interval(row.first, row.last))
        found += [_density(cell, sorted(mine)) for cell, mine in zip(portion, runs, strict=True)]
    return found


def _samples(block_id: str, cells: Sequence[Cidr]) -> sa.CompoundSelect[tuple[int, int, int]]:
    """Build the statement that reads the first free ranges from each cell's start on.

    SELECT * FROM (SELECT 0 AS cell, first, last FROM free_ranges WHERE ip_block_id = …
    AND last >= … ORDER BY last LIMIT 8) UNION ALL …
    """
    parts = []
    for number, cell in enumerate(cells):
        near = (
            sa.select(sa.literal(number).label("cell"), _FREE.c.first, _FREE.c.last)
            .where(_FREE.c.ip_block_id == block_id, _FREE.c.last >= cell.first)
            .order_by(_FREE.c.last)
            .limit(SAMPLES)
            .subquery(f"cell_{number}")
        )
        parts.append(sa.select(near.c.cell, near.c.first, near.c.last))
    return sa.union_all(*parts)


def _density(cell: Cidr, runs: Sequence[Interval]) -> int:
    inside = _inside(cell, runs)
    free = sum(run.size for run in inside)
    if len(inside) < SAMPLES:  # all that there are
        return free
    seen = inside[-1].last - cell.first + 1
    return free * cell.size // seen


def _quarantined(
    tx: Transaction, block: Row, part: Cidr, size: int, count: int
) -> list[int] | None:
    if block.quarantined > BUDGET:
        return None
    rows = tx.execute(
        sa.select(ADDRESSES.c.address).where(
            ADDRESSES.c.ip_block_id == block.id, ADDRESSES.c.deallocated_at.is_not(None)
        )
    )
    found = [0] * count
    for row in rows:
        if part.contains(row.address):
            found[(row.address - part.first) // size] += 1
    return found
