"""MAC address ranges: where interfaces without a MAC address get theirs from."""

from __future__ import annotations

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.db.models import FreeMacRange, table_of
from ipamd.ids import new_id
from ipamd.ipam.intervals import Interval
from ipamd.ipam.mac import parse_mac_range
from ipamd.operations.common import Resource, Row, page, times
from ipamd.operations.fields import Fields
from ipamd.operations.mac_addresses import LOCK_RANGES, MACS, RANGES

_FREE = table_of(FreeMacRange)


def list_mac_address_ranges(
    tx: Transaction, limit: int | None = None, marker: str | None = None
) -> Resource:
    """List the MAC address ranges, oldest first."""
    statement = sa.select(RANGES)
    return page(tx, "mac_address_ranges", statement, RANGES.c.id, _show, limit, marker)


def get_mac_address_range(tx: Transaction, mac_address_range_id: str) -> Resource:
    """Return one MAC address range.

    Raises: MacAddressRangeNotFound
    """
    return _show(_find(tx, mac_address_range_id))


def create_mac_address_range(tx: Transaction, mac_address_range: Resource) -> Resource:
    """Create a range from ``{cidr}``, such as ``BC-76-4E-00-00-00/24``.

    MAC addresses inside it that are in use already are left out of its free space.

    Raises: ValidationError
    """
    fields = Fields(mac_address_range, "mac_address_range")
    text = fields.text("cidr")
    try:
        bounds = parse_mac_range(text)
    except ValueError:
        fields.problems.clear()
        fields.wrong("cidr", "cidr is invalid")
        fields.check()
        raise
    row = {
        "id": new_id(),
        "cidr": text,
        "first": bounds.first,
        "last": bounds.last,
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    lock(tx)
    tx.execute(sa.insert(RANGES), row)
    insert_free(tx, str(row["id"]), Interval(bounds.first, bounds.last))
    return get_mac_address_range(tx, str(row["id"]))


def insert_free(tx: Transaction, range_id: str, bounds: Interval) -> None:
    """Write what is free of a new range: all but the MAC addresses in use."""
    in_use = tx.execute(
        sa.select(MACS.c.address)
        .where(MACS.c.address.between(bounds.first, bounds.last))
        .order_by(MACS.c.address)
        .with_for_update(read=True)
    ).scalars()
    start = bounds.first
    free = []
    for mac in in_use:
        if mac > start:
            free.append({"first": start, "last": mac - 1})
        start = mac + 1
    if start <= bounds.last:
        free.append({"first": start, "last": bounds.last})
    if free:
        tx.execute(sa.insert(_FREE), [{"mac_address_range_id": range_id, **run} for run in free])


def lock(tx: Transaction) -> None:
    """Keep MAC addresses from coming and going unseen while a range is made.

    They are written before ranges are looked for, the range before MAC addresses are:
    one of the two finds the other's row, on MariaDB by waiting for its commit.
    PostgreSQL passes over rows that are not committed, so there the look has to wait.
    """
    if tx.dialect == "postgresql":
        tx.execute(sa.text("LOCK TABLE mac_address_ranges IN EXCLUSIVE MODE"))
    tx.execute(LOCK_RANGES)


def delete_mac_address_range(tx: Transaction, mac_address_range_id: str) -> None:
    """Delete a range; MAC addresses that came from it stay with their interfaces.

    Raises: MacAddressRangeNotFound
    """
    row = _find(tx, mac_address_range_id)
    tx.execute(sa.delete(RANGES).where(RANGES.c.id == row.id))


def _find(tx: Transaction, mac_address_range_id: str) -> Row:
    row = tx.execute(sa.select(RANGES).where(RANGES.c.id == mac_address_range_id)).first()
    if row is None:
        raise errors.MacAddressRangeNotFound()
    return row


def _show(row: Row) -> Resource:
    return {"id": row.id, "cidr": row.cidr, **times(row)}
