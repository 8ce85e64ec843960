"""Releasing addresses: into quarantine, back out of it, and free at last.

An address in quarantine has ``deallocated_at`` set.  It can be restored; it is handed
out again only after it was freed, by the reaper or, in a full block, by the next request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from ipamd import errors
from ipamd.db import bulk
from ipamd.db.database import Transaction
from ipamd.db.prepared import Prepared
from ipamd.ipam.intervals import Interval
from ipamd.operations import allocation, free_space, interface_states, ip_blocks, quotas
from ipamd.operations.allocation import ADDRESSES, show
from ipamd.operations.common import Row
from ipamd.operations.free_space import IP, StoredSpace

_BATCH = 1000
_RELEASE = Prepared(
    sa.update(ADDRESSES)
    .where(ADDRESSES.c.id.in_(sa.bindparam("ids", expanding=True)))
    .values(deallocated_at=sa.bindparam("now"), updated_at=sa.bindparam("now"))
)


def release(tx: Transaction, block: Row, rows: Sequence[Row]) -> None:
    """Put held addresses of the locked ``block`` into quarantine."""
    held = [row for row in rows if row.deallocated_at is None]
    if not held:
        return
    mark_released(tx, [row.id for row in held])
    allocation.count(tx, block.id, held=-len(held), released=len(held))
    for row in held:
        tell_released(tx, row)


def mark_released(tx: Transaction, address_ids: Sequence[str]) -> None:
    """Set ``deallocated_at`` of address rows; the caller counts and tells."""
    for ids in bulk.portions(tx, address_ids):
        _RELEASE.put_off(tx, ADDRESSES, {"ids": ids, "now": tx.now})


def tell_released(tx: Transaction, row: Row) -> None:
    """Emit ``ip_address.deallocate``; it tells who held the address until now."""
    tx.emit(
        "ip_address.deallocate", show(row), tenant_id=row.used_by_tenant_id, address=row.address
    )


def restore(tx: Transaction, block: Row, row: Row) -> None:
    """Take an address out of quarantine; it goes back to its interface, if that exists.

    Raises: QuotaExceeded; InterfaceOnAnotherNetwork when the interface has got there
        meanwhile, or the block has been moved to another network
    """
    if row.deallocated_at is None:
        return
    if row.interface_id is not None:
        interface = interface_states.find_locked(tx, row.interface_id)
        if interface is not None:
            interface.check_network(block.network_id)
    quotas.take_back(tx, "ip_addresses", row.used_by_tenant_id)
    tx.execute(
        sa.update(ADDRESSES)
        .where(ADDRESSES.c.id == row.id)
        .values(deallocated_at=None, updated_at=tx.now)
    )
    allocation.count(tx, block.id, held=1, released=-1)
    restored = tx.execute(sa.select(ADDRESSES).where(ADDRESSES.c.id == row.id)).one()
    tx.emit(
        "ip_address.restore",
        show(restored),
        tenant_id=restored.used_by_tenant_id,
        address=restored.address,
    )


def free(tx: Transaction, block: Row, rows: Sequence[Row]) -> None:
    """Give addresses of the locked ``block`` back to its free space."""
    free_many(tx, {block.id: block}, rows)


def free_many(tx: Transaction, blocks: Mapping[str, Row], rows: Sequence[Row]) -> None:
    """Give addresses of locked ``blocks`` back to the free space of each.

    A handful of statements, however many addresses and blocks there are.
    """
    if not rows:
        return
    by_block: dict[str, list[Row]] = {}
    for row in rows:
        by_block.setdefault(row.ip_block_id, []).append(row)
    neighbours = free_space.neighbours(tx, [row.id for row in rows])
    spaces = []
    changes = []
    for block_id, mine in by_block.items():
        block = blocks[block_id]
        space = StoredSpace(tx, IP, block_id, Interval(block.first, block.last))
        space.preload_neighbours(neighbours.get(block_id, []))
        for run in _runs(sorted(row.address for row in mine)):
            space.give(run.first, run.last)
        spaces.append(space)
        held = sum(row.deallocated_at is None for row in mine)
        changes.append((block_id, -held, held - len(mine)))
    free_space.flush(tx, IP, spaces)
    allocation.free(tx, rows)
    allocation.count_many(tx, changes)


def free_expired(tx: Transaction, older_than: datetime, limit: int = _BATCH) -> int:
    """Free up to ``limit`` addresses that went into quarantine before ``older_than``.

    Returns how many were freed.  Safe to run from many workers: the rows are read again
    under their blocks' locks.
    """
    expired = sa.select(ADDRESSES.c.ip_block_id, ADDRESSES.c.id).where(
        ADDRESSES.c.deallocated_at < older_than
    )
    found = tx.execute(expired.order_by(ADDRESSES.c.deallocated_at).limit(limit)).all()
    blocks = ip_blocks.lock_many(tx, {row.ip_block_id for row in found})
    still = sa.select(ADDRESSES).where(
        ADDRESSES.c.deallocated_at < older_than, ADDRESSES.c.ip_block_id.in_(list(blocks))
    )
    rows = bulk.select_by_ids(tx, still.where, ADDRESSES.c.id, [row.id for row in found])
    free_many(tx, blocks, rows)
    return len(rows)


def expiry(tx: Transaction) -> datetime:
    """Return the moment before which quarantine is over."""
    days: float = tx.conf.ipam.keep_deallocated_ips_for_days
    return tx.now - timedelta(days=days)


def locked_row(tx: Transaction, block: Row, address: int) -> Row:
    """Read an address of the locked ``block``, held or in quarantine.

    Raises: IpAddressNotFound
    """
    row = tx.execute(
        sa.select(ADDRESSES).where(
            ADDRESSES.c.ip_block_id == block.id, ADDRESSES.c.address == address
        )
    ).first()
    if row is None:
        raise errors.IpAddressNotFound()
    return row


def _runs(addresses: Sequence[int]) -> list[Interval]:
    runs: list[Interval] = []
    for address in addresses:
        if runs and runs[-1].last + 1 == address:
            runs[-1] = Interval(runs[-1].first, address)
        else:
            runs.append(Interval(address, address))
    return runs
