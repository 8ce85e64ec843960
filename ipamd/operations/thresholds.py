"""Telling that a block has become fuller than a threshold of ``utilization_thresholds``.

Everything follows from the counters on the block's locked row, as they were and as the
transaction leaves them: nothing is read for it, and nothing kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from ipamd.db.database import Transaction
from ipamd.ipam.addresses import Cidr
from ipamd.operations.common import Row


@dataclass(frozen=True, slots=True)
class Fill:
    """How many addresses of a block are not free: reserved, held, in quarantine."""

    reserved: int
    allocated: int
    quarantined: int

    @property
    def used(self) -> int:
        """Addresses that were handed out and are not free again."""
        return self.allocated + self.quarantined


def tell_crossed(tx: Transaction, block: Row, cidr: Cidr, before: Fill, after: Fill) -> None:
    """Emit ``ip_block.utilization`` for each threshold between ``before`` and ``after``.

    Utilisation is the part of the addresses that can be handed out, which is all but the
    reserved ones, that is held or in quarantine.
    """
    usable_before, usable = cidr.size - before.reserved, cidr.size - after.reserved
    for threshold in sorted(set(tx.conf.ipam.utilization_thresholds)):
        was_below = before.used * 100 < threshold * usable_before
        if was_below and after.used * 100 >= threshold * usable:
            payload = {
                "id": block.id,
                "cidr": str(cidr),
                "threshold": threshold,
                "size": cidr.size,
                "reserved": after.reserved,
                "allocated": after.allocated,
                "quarantined": after.quarantined,
                "free": usable - after.used,
            }
            tx.emit("ip_block.utilization", payload, tenant_id=block.tenant_id)
