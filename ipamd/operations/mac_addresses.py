"""MAC addresses: unique over everything; those inside a range leave its free space.

Invariant: the free space of a range is the range without the MAC addresses in use, be
they given by a caller or picked from this or an overlapping range.
"""

from __future__ import annotations

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.db.models import MacAddress, MacAddressRange, table_of
from ipamd.ids import new_id
from ipamd.ipam.intervals import Interval
from ipamd.ipam.mac import format_mac
from ipamd.operations.common import Resource, Row
from ipamd.operations.free_space import MAC, StoredSpace

MACS = table_of(MacAddress)
RANGES = table_of(MacAddressRange)

_CONTAINING = (
    sa.select(RANGES)
    .where(RANGES.c.first <= sa.bindparam("mac"), RANGES.c.last >= sa.bindparam("mac"))
    .order_by(RANGES.c.id)
    .with_for_update()
)
_ANY_RANGE = sa.select(RANGES.c.id).limit(1)
LOCK_RANGES = sa.select(RANGES).order_by(RANGES.c.id).with_for_update()


def assign(tx: Transaction, interface_id: str, tenant_id: str, mac: int | None) -> int | None:
    """Give an interface the MAC address ``mac``, or the next free one of the ranges.

    Returns None when none was given and no ranges exist.

    Raises: ValidationError when the address is in use, NoMoreMacAddressesError
    """
    if mac is None:
        if tx.execute(_ANY_RANGE).first() is None:
            return None
        spaces = [(row, _space(tx, row)) for row in tx.execute(LOCK_RANGES).all()]
        found = ((row.id, free) for row, space in spaces if (free := space.next_free()))
        source, mac = next(found, (None, None))
        if mac is None:
            raise errors.NoMoreMacAddressesError()
        mac_id = _insert(tx, mac, interface_id, source)
    else:
        known = tx.execute(sa.select(MACS.c.id).where(MACS.c.address == mac)).first()
        if known is not None:
            text = f"mac_address {format_mac(mac)} is in use already"
            raise errors.ValidationError(fields={"mac_address": [text]})
        # First the row, then the look for ranges: see create_mac_address_range.
        mac_id = _insert(tx, mac, interface_id, None)
        spaces = [(row, _space(tx, row)) for row in tx.execute(_CONTAINING, {"mac": mac}).all()]
    for row, space in spaces:
        if row.first <= mac <= row.last and space.is_free(mac):
            space.take(mac)
            space.flush()
    tx.emit("mac_address.create", event(mac_id, mac, interface_id), tenant_id=tenant_id)
    return mac


def release(tx: Transaction, interface_id: str, tenant_id: str) -> None:
    """Take an interface's MAC address away and give it back to the ranges around it."""
    known = tx.execute(sa.select(MACS).where(MACS.c.interface_id == interface_id)).first()
    if known is None:
        return
    tx.execute(sa.delete(MACS).where(MACS.c.id == known.id))
    for row in tx.execute(_CONTAINING, {"mac": known.address}).all():
        space = _space(tx, row)
        if not space.is_free(known.address):
            space.give(known.address)
            space.flush()
    payload = event(known.id, known.address, interface_id)
    tx.emit("mac_address.delete", payload, tenant_id=tenant_id)


def _insert(tx: Transaction, mac: int, interface_id: str, source: str | None) -> str:
    """Insert a MAC address that was picked from the range ``source``, or given by a caller."""
    mac_id = new_id()
    values = {
        "id": mac_id,
        "address": mac,
        "interface_id": interface_id,
        "mac_address_range_id": source,
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    tx.execute(sa.insert(MACS), values)
    return mac_id


def _space(tx: Transaction, row: Row) -> StoredSpace:
    return StoredSpace(tx, MAC, row.id, Interval(row.first, row.last))


def event(mac_id: str, mac: int, interface_id: str) -> Resource:
    """Return what events tell of an interface's MAC address."""
    return {"id": mac_id, "address": format_mac(mac), "interface_id": interface_id}
