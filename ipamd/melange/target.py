"""What stands in the way in the store that is imported into.

Asked before anything is written, and again under the locks of what is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlalchemy as sa

from ipamd.db import bulk
from ipamd.db.database import Transaction
from ipamd.db.models import Interface, IpBlock, MacAddress, table_of
from ipamd.ipam.mac import format_mac
from ipamd.melange.scratch import Row, Scratch
from ipamd.operations.ip_blocks import cidr_of, overlapping

_BLOCKS = table_of(IpBlock)
_INTERFACES = table_of(Interface)
_MACS = table_of(MacAddress)

Clash = tuple[str, str, str]
"""Table, id and reason."""


def existing(tx: Transaction, table: sa.Table, ids: Iterable[str]) -> set[str]:
    """Return which rows are there already."""
    found = bulk.select_by_ids(tx, sa.select(table.c.id).where, table.c.id, list(ids))
    return {row.id for row in found}


def block_clashes(tx: Transaction, scratch: Scratch, blocks: Iterable[Row]) -> Iterator[Clash]:
    """Yield the new blocks that existing ones, not of Melange, do not tolerate."""
    for block in blocks:
        here = overlapping(cidr_of(block))
        rules = []
        if block.parent_id is None and block.type == "public":
            public = sa.and_(_BLOCKS.c.type == "public", _BLOCKS.c.parent_id.is_(None))
            rules.append((sa.and_(public, here), "overlaps public block"))
        if block.network_id is not None:
            network = _BLOCKS.c.network_id == block.network_id
            rules.append((sa.and_(network, here), "overlaps, in its network,"))
            other = sa.and_(network, _BLOCKS.c.type != block.type)
            rules.append((other, "is of another type than, in its network,"))
        for condition, what in rules:
            found = tx.execute(sa.select(_BLOCKS).where(condition)).all()
            foreign = _foreign(scratch, found)
            if foreign is not None:
                reason = f"{cidr_of(block)} {what} {cidr_of(foreign)} ({foreign.id})"
                yield "ip_blocks", block.id, f"{reason} of this store"
                break


def _foreign(scratch: Scratch, found: Iterable[Row]) -> Row | None:
    """Return the first block that does not come from Melange."""
    rows = {row.id: row for row in found}
    own = scratch.by_key(_BLOCKS, _BLOCKS.c.id, rows)
    return next((row for row_id, row in rows.items() if row_id not in own), None)


def interface_clashes(tx: Transaction, interfaces: Iterable[Row]) -> Iterator[Clash]:
    """Yield the interfaces whose id another tenant's interface has."""
    wanted = {row.id: row for row in interfaces}
    same = bulk.select_by_ids(tx, sa.select(_INTERFACES).where, _INTERFACES.c.id, list(wanted))
    for row in same:
        if row.tenant_id != wanted[row.id].tenant_id:
            reason = f"this store has it as an interface of tenant {row.tenant_id}"
            yield "interfaces", row.id, reason


def mac_clashes(tx: Transaction, macs: Iterable[Row]) -> Iterator[Clash]:
    """Yield the MAC addresses that another interface has, or whose interface has another."""
    wanted = {row.address: row for row in macs}
    used = tx.execute(sa.select(_MACS).where(_MACS.c.address.in_(list(wanted))))
    for row in used:
        if row.interface_id != wanted[row.address].interface_id:
            reason = f"interface {row.interface_id} of this store has {format_mac(row.address)}"
            yield "mac_addresses", wanted[row.address].id, reason
    owners = {row.interface_id: row for row in wanted.values()}
    having = bulk.select_by_ids(tx, sa.select(_MACS).where, _MACS.c.interface_id, list(owners))
    for row in having:
        mine = owners[row.interface_id]
        if row.address != mine.address:
            reason = f"interface {row.interface_id} has {format_mac(row.address)} in this store"
            yield "mac_addresses", mine.id, reason
