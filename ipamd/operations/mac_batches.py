"""MAC addresses for many new interfaces of one transaction, as ``mac_addresses`` gives one.

An address is offered, and taken only when its interface is made after all.  Those that
callers give are written before ranges are looked for: see ``create_mac_address_range``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ipamd import errors
from ipamd.db import bulk
from ipamd.db.database import Transaction
from ipamd.ids import new_id
from ipamd.ipam.intervals import Interval
from ipamd.ipam.mac import format_mac
from ipamd.operations import free_space
from ipamd.operations.common import Row
from ipamd.operations.free_space import MAC, StoredSpace
from ipamd.operations.mac_addresses import LOCK_RANGES, MACS, event


@dataclass(frozen=True)
class Offer:
    """A MAC address that is to be had: the one given, or the next of a range."""

    id: str
    address: int
    range_id: str | None

    def tell(self, tx: Transaction, interface_id: str, tenant_id: str) -> None:
        """Emit ``mac_address.create``."""
        payload = event(self.id, self.address, interface_id)
        tx.emit("mac_address.create", payload, tenant_id=tenant_id)


class MacBatch:
    """The ranges, locked, and the MAC addresses that were taken."""

    def __init__(self, tx: Transaction, given: Sequence[int | None]) -> None:
        """Lock the ranges, and look which of the addresses given are in use.

        ``given``: one for each interface that may be made, None where it gets the next.
        """
        self._tx = tx
        self._ranges = self._lock_ranges() if given else []
        wanted = [mac for mac in given if mac is not None]
        in_use = (
            sa.select(MACS.c.address).where(MACS.c.address.in_(portion))
            for portion in bulk.portions(tx, wanted)
        )
        self._in_use = {mac for statement in in_use for mac in tx.execute(statement).scalars()}
        self._rows: list[dict[str, Any]] = []

    def offer(self, given: int | None) -> Offer | None:
        """Return the MAC address given, or the next one; None where there are no ranges.

        Raises: ValidationError when it is in use, NoMoreMacAddressesError
        """
        if given is not None:
            if given in self._in_use:
                text = f"mac_address {format_mac(given)} is in use already"
                raise errors.ValidationError(fields={"mac_address": [text]})
            return Offer(new_id(), given, None)
        for row, space in self._ranges:
            address = space.next_free()
            if address is not None:
                return Offer(new_id(), address, row.id)
        if self._ranges:
            raise errors.NoMoreMacAddressesError()
        return None

    def take(self, offer: Offer, interface_id: str) -> None:
        """Give an offered address to an interface."""
        self._in_use.add(offer.address)
        self._take_from_ranges([offer.address])
        self._rows.append(
            {
                "id": offer.id,
                "address": offer.address,
                "interface_id": interface_id,
                "mac_address_range_id": offer.range_id,
                "created_at": self._tx.now,
                "updated_at": self._tx.now,
            }
        )

    def flush(self) -> None:
        """Write the addresses, and take them from the ranges that they lie in."""
        if not self._rows:
            return
        bulk.insert(self._tx, MACS, self._rows)
        if not self._ranges:
            self._tx.flush()
            self._ranges = self._lock_ranges()
            self._take_from_ranges([row["address"] for row in self._rows])
        free_space.flush(self._tx, MAC, [space for _, space in self._ranges])

    def _take_from_ranges(self, addresses: Sequence[int]) -> None:
        for row, space in self._ranges:
            inside = [mac for mac in addresses if row.first <= mac <= row.last]
            taken = set(space.taken(inside))
            for mac in inside:
                if mac not in taken:
                    space.take(mac)

    def _lock_ranges(self) -> list[tuple[Row, StoredSpace]]:
        rows = self._tx.execute(LOCK_RANGES).all()
        return [(r, StoredSpace(self._tx, MAC, r.id, Interval(r.first, r.last))) for r in rows]
