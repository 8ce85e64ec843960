"""A block's gateway: an address of the block that is never handed out."""

from __future__ import annotations

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.ipam.addresses import Cidr
from ipamd.ipam.intervals import Interval
from ipamd.ipam.reserved import reserved_addresses
from ipamd.operations.common import Row
from ipamd.operations.free_space import IP, StoredSpace
from ipamd.operations.thresholds import Fill, tell_crossed


def change(tx: Transaction, block: Row, gateway: int | None) -> None:
    """Make ``gateway`` the reserved one of the locked ``block`` instead of its present one.

    Raises: AddressAlreadyAllocated when the new gateway is held or in quarantine.
    """
    cidr = Cidr(block.first, block.last, block.prefix_length)
    before = set(reserved_addresses(cidr, block.gateway, block.reserve_network_address))
    after = set(reserved_addresses(cidr, gateway, block.reserve_network_address))
    space = StoredSpace(tx, IP, block.id, Interval(block.first, block.last))
    for address in before - after:
        space.give(address)
    for address in after - before:
        if not space.is_free(address):
            raise errors.AddressAlreadyAllocated("The gateway is already allocated")
        space.take(address)
    space.flush()
    counts = block.allocated, block.quarantined
    tell_crossed(tx, block, cidr, Fill(len(before), *counts), Fill(len(after), *counts))
