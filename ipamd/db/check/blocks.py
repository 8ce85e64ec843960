"""Blocks: free space, addresses, counters, subnets; and roots that overlap."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from ipamd.db.check import spaces
from ipamd.db.check.findings import (
    ADDRESSES,
    BLOCKS,
    COUNTERS,
    FREE_SPACE,
    Finding,
    Kind,
    Progress,
    shortened,
)
from ipamd.db.check.snapshots import Row, pages
from ipamd.db.check.spaces import Run
from ipamd.db.models import FreeRange, IpAddress, IpBlock, table_of
from ipamd.ipam.addresses import Cidr, compact_address
from ipamd.ipam.intervals import Interval
from ipamd.ipam.reserved import reserved_addresses

_BLOCKS = table_of(IpBlock)
_FREE = table_of(FreeRange)
_ROWS = table_of(IpAddress)

Tick = Callable[[int], None]


def find(connection: sa.Connection, progress: Progress) -> Iterator[Finding]:
    """Check every block, each in a snapshot of its own, then how roots lie to each other."""
    with connection.begin():
        total = sum(
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (_BLOCKS, _ROWS)
        )
    done = 0

    def tick(rows: int) -> None:
        nonlocal done
        done += rows
        progress("blocks", min(done, total), total)

    after = ""
    while True:
        with connection.begin():
            block = connection.execute(
                sa.select(_BLOCKS).where(_BLOCKS.c.id > after).order_by(_BLOCKS.c.id).limit(1)
            ).first()
            if block is None:
                break
            yield from shortened(_of_block(connection, block, tick))
        tick(1)
        after = block.id
    with connection.begin():
        yield from shortened(_overlapping_roots(connection))
    progress("blocks", total, total)


def cidr_of(block: Row) -> Cidr:
    """Return a block row's CIDR."""
    return Cidr(block.first, block.last, block.prefix_length)


def reserved(block: Row) -> list[int]:
    """Return the addresses of a block row that are never handed out."""
    return reserved_addresses(cidr_of(block), block.gateway, block.reserve_network_address)


def address_rows(connection: sa.Connection, block: Row, tick: Tick | None = None) -> Iterator[Row]:
    """Yield (address, deallocated_at) of a block's rows in the order of addresses.

    Bounds that are true of nearly all rows keep planners from walking along an index of
    all blocks' addresses.
    """
    mine = sa.select(_ROWS.c.address, _ROWS.c.deallocated_at).where(
        _ROWS.c.ip_block_id == block.id
    )
    for part in (
        _ROWS.c.address < block.first,
        _ROWS.c.address.between(block.first, block.last),
        _ROWS.c.address > block.last,
    ):
        yield from pages(connection, mine.where(part), _ROWS.c.address, tick=tick)


def subject(block: Row) -> str:
    """Name a block for people."""
    return f"ip_block {block.id} ({cidr_of(block)})"


def _of_block(connection: sa.Connection, block: Row, tick: Tick) -> Iterator[Finding]:
    counts: Counter[str] = Counter()

    def finding(kind: Kind, problem: str) -> Finding:
        return Finding(kind, block.id, subject(block), problem)

    def rows() -> Iterator[Run]:
        for row in address_rows(connection, block, tick):
            held = row.deallocated_at is None
            counts["allocated" if held else "quarantined"] += 1
            yield Run(row.address, row.address, "held" if held else "in quarantine")

    free = sa.select(_FREE.c.first, _FREE.c.last).where(_FREE.c.ip_block_id == block.id)
    runs = heapq.merge(
        (Run(row.first, row.last, spaces.FREE) for row in pages(connection, free, _FREE.c.last)),
        rows(),
        (Run(address, address, "reserved") for address in reserved(block)),
    )
    for problem in spaces.problems(Interval(block.first, block.last), runs):
        kind = FREE_SPACE if problem.of_free_space else ADDRESSES
        yield finding(kind, f"{_span(problem.first, problem.last)}: {problem}")
    yield from _subnets(connection, block, counts, finding)
    for name in ("allocated", "quarantined", "subnets"):
        stated = getattr(block, name)
        if stated != counts[name]:
            yield finding(COUNTERS, f"counts {stated} {name}, there are {counts[name]}")
    if counts["subnets"] and (counts["allocated"] or counts["quarantined"]):
        yield finding(ADDRESSES, "has subnets and addresses, it may have one or the other")


def _subnets(
    connection: sa.Connection,
    block: Row,
    counts: Counter[str],
    finding: Callable[[Kind, str], Finding],
) -> Iterator[Finding]:
    children = sa.select(_BLOCKS).where(_BLOCKS.c.parent_id == block.id)
    before: Row | None = None
    for child in pages(connection, children, _BLOCKS.c.first, _BLOCKS.c.id):
        counts["subnets"] += 1
        if not (block.first <= child.first and child.last <= block.last):
            yield finding(BLOCKS, f"its subnet {cidr_of(child)} lies outside it")
        if before is not None and child.first <= before.last:
            yield finding(BLOCKS, f"its subnets {cidr_of(before)} and {cidr_of(child)} overlap")
        if before is None or child.last > before.last:
            before = child


def _overlapping_roots(connection: sa.Connection) -> Iterator[Finding]:
    roots = sa.select(_BLOCKS).where(_BLOCKS.c.parent_id.is_(None))
    place = (_BLOCKS.c.first, _BLOCKS.c.id)
    public = pages(connection, roots.where(_BLOCKS.c.type == "public"), *place)
    yield from _overlaps(public, lambda _: "among public blocks")
    in_networks = roots.where(_BLOCKS.c.network_id.is_not(None))
    yield from _overlaps(
        pages(connection, in_networks, _BLOCKS.c.network_id, *place),
        lambda block: f"in network {block.network_id}",
    )


def _overlaps(blocks: Iterator[Row], where: Callable[[Row], Any]) -> Iterator[Finding]:
    before: Row | None = None
    for block in blocks:
        if before is None or where(block) != where(before):
            before = block
            continue
        if block.first <= before.last:
            problem = f"overlaps {subject(before)} {where(block)}"
            yield Finding(BLOCKS, block.id, subject(block), problem)
        if block.last > before.last:
            before = block


def _span(first: int, last: int) -> str:
    if first == last:
        return compact_address(first)
    return f"{compact_address(first)} to {compact_address(last)}"
