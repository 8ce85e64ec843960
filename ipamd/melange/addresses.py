"""Addresses into the scratch store; then what of each block is free.

What Melange's free lists (``allocatable_ips``) say is not asked: free is what is neither
held nor in quarantine nor reserved.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import sqlalchemy as sa

from ipamd.db.check import blocks as checked_blocks
from ipamd.db.check import macs as checked_macs
from ipamd.db.check import spaces
from ipamd.db.check.snapshots import pages
from ipamd.db.models import (
    FreeMacRange,
    FreeRange,
    Interface,
    IpAddress,
    IpBlock,
    MacAddressRange,
    table_of,
)
from ipamd.ipam.addresses import compact_address
from ipamd.ipam.intervals import Interval
from ipamd.melange import rows
from ipamd.melange.report import FREE
from ipamd.melange.rows import Refused, Values
from ipamd.melange.scratch import INTERFACE_ROWS, Row
from ipamd.melange.translate import Translation

TABLE = "ip_addresses"
_BLOCKS = table_of(IpBlock)
_ADDRESSES = table_of(IpAddress)
_INTERFACES = table_of(Interface)
_MAC_RANGES = table_of(MacAddressRange)
_CHUNK = 1000


def translate_addresses(translation: Translation) -> None:
    """Translate ``ip_addresses``: held, in quarantine, or free after all."""
    for page in translation.pages(TABLE):
        held = []
        for row in page:
            if _is_free(row):
                translation.report.count(TABLE, FREE)
                translation.scratch.refuse(TABLE, row["id"])
            else:
                held.append(row)
        _take_page(translation, held)


def _is_free(row: dict[str, Any]) -> bool:
    """Tell whether the row is one that late Melanges kept of an address nobody has."""
    allocated = row.get("allocated")
    return allocated is not None and not allocated and not row.get("marked_for_deallocation")


def _take_page(translation: Translation, page: list[dict[str, Any]]) -> None:
    scratch = translation.scratch
    blocks = scratch.by_key(_BLOCKS, _BLOCKS.c.id, {row["ip_block_id"] for row in page})
    ids = scratch.by_key(
        INTERFACE_ROWS, INTERFACE_ROWS.c.row_id, {row["interface_id"] for row in page}
    )
    interfaces = scratch.by_key(_INTERFACES, _INTERFACES.c.id, {row.id for row in ids.values()})
    by_row = {row_id: interfaces[row.id] for row_id, row in ids.items()}
    fresh: dict[tuple[str, int], Values] = {}
    given: dict[tuple[str, int], dict[str, Any]] = {}
    for row in page:
        try:
            block = translation.refer("ip_blocks", row["ip_block_id"], blocks)
            values = _read(translation, row, block, by_row)
            place = (block.id, values["address"])
            if place in fresh:
                raise Refused(f"{row['address']} is there twice")
        except Refused as refused:
            translation.refuse(TABLE, row, str(refused))
            continue
        fresh[place], given[place] = values, row
    for place in _taken(translation, list(fresh)):
        translation.refuse(TABLE, given[place], f"{given[place]['address']} is there twice")
        del fresh[place]
    scratch.insert(_ADDRESSES, list(fresh.values()))


def _read(
    translation: Translation, row: dict[str, Any], block: Row, interfaces: dict[str, Row]
) -> Values:
    value = rows.address(row)
    shown = compact_address(value)
    if not block.first <= value <= block.last:
        raise Refused(f"{shown} is not of its block {checked_blocks.cidr_of(block)}")
    if block.subnets:
        raise Refused(f"its block {checked_blocks.cidr_of(block)} has subnets")
    _check_reserved(translation, block, value, shown)
    times = rows.times(row, translation.now)
    released = None
    if row["marked_for_deallocation"]:
        released = rows.moment(row, "deallocated_at") or translation.now
    interface = interfaces.get(row["interface_id"])
    if row["interface_id"] and interface is None:
        missing = translation.missing("interfaces", row["interface_id"])
        translation.report.note(TABLE, row["id"], f"{shown} is held without interface: {missing}")
    tenant = rows.text(row, "used_by_tenant_id")
    device = rows.text(row, "used_by_device_id")
    return {
        "id": rows.own_id(row),
        "ip_block_id": block.id,
        "address": value,
        "interface_id": interface.id if interface else None,
        "used_by_tenant_id": interface.tenant_id if interface else tenant,
        "used_by_device_id": interface.device_id if interface else device,
        "deallocated_at": released,
        **times,
    }


def _check_reserved(translation: Translation, block: Row, value: int, shown: str) -> None:
    """Check that ipamd may hand the address out.

    Melange handed out IPv4 network addresses: a block where one is held may.

    Raises: Refused
    """
    if value not in checked_blocks.reserved(block):
        return
    if value == block.gateway:
        raise Refused(f"{shown} is the gateway of its block")
    if value != block.first or ":" in shown:
        raise Refused(f"{shown} is never handed out in {checked_blocks.cidr_of(block)}")
    translation.scratch.connection.execute(
        sa.update(_BLOCKS).where(_BLOCKS.c.id == block.id).values(reserve_network_address=False)
    )


def _taken(translation: Translation, places: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return those places, block and address, that earlier rows have."""
    if not places:
        return []
    pair = sa.tuple_(_ADDRESSES.c.ip_block_id, _ADDRESSES.c.address)
    found = sa.select(_ADDRESSES.c.ip_block_id, _ADDRESSES.c.address).where(pair.in_(places))
    return [
        (row.ip_block_id, row.address) for row in translation.scratch.connection.execute(found)
    ]


# --- free space -----------------------------------------------------------------------


def work_out_free_space(translation: Translation) -> None:
    """Write the free ranges and the counters of all blocks, and the ranges' free MACs."""
    connection = translation.scratch.connection
    for block in pages(connection, sa.select(_BLOCKS), _BLOCKS.c.id):
        counts: Counter[str] = Counter()
        used = heapq.merge(_addresses(connection, block, counts), checked_blocks.reserved(block))
        _write(translation, table_of(FreeRange), "ip_block_id", block, used)
        connection.execute(
            sa.update(_BLOCKS)
            .where(_BLOCKS.c.id == block.id)
            .values(allocated=counts["allocated"], quarantined=counts["quarantined"])
        )
    for found in pages(connection, sa.select(_MAC_RANGES), _MAC_RANGES.c.id):
        macs = checked_macs.in_use(connection, found)
        _write(translation, table_of(FreeMacRange), "mac_address_range_id", found, macs)
    translation.scratch.commit()


def _addresses(connection: sa.Connection, block: Row, counts: Counter[str]) -> Iterator[int]:
    mine = sa.select(_ADDRESSES.c.address, _ADDRESSES.c.deallocated_at)
    found = mine.where(_ADDRESSES.c.ip_block_id == block.id)
    for row in pages(connection, found, _ADDRESSES.c.address):
        counts["allocated" if row.deallocated_at is None else "quarantined"] += 1
        yield row.address


def _write(
    translation: Translation, table: sa.Table, owner: str, row: Row, used: Iterator[int]
) -> None:
    runs = spaces.gaps(Interval(row.first, row.last), used)
    while chunk := list(islice(runs, _CHUNK)):
        free = [{owner: row.id, "first": run.first, "last": run.last} for run in chunk]
        translation.scratch.insert(table, free)
