"""How full blocks are: from the counters on their rows, whatever they hold."""

from __future__ import annotations

from ipamd.db.database import Transaction
from ipamd.ipam.reserved import reserved_addresses
from ipamd.operations import ip_blocks
from ipamd.operations.common import Resource, Row


def get_ip_block_utilization(tx: Transaction, tenant_id: str | None, ip_block_id: str) -> Resource:
    """Return ``{size, reserved, allocated, quarantined, free}`` of a block.

    A block with subnets hands nothing out itself; its subnets have their own figures.

    Raises: IpBlockNotFound
    """
    return of_block(ip_blocks.find(tx, ip_block_id, tenant_id))


def of_block(block: Row) -> Resource:
    """Work a block's figures out of its row."""
    cidr = ip_blocks.cidr_of(block)
    reserved = len(reserved_addresses(cidr, block.gateway, block.reserve_network_address))
    return {
        "size": cidr.size,
        "reserved": reserved,
        "allocated": block.allocated,
        "quarantined": block.quarantined,
        "free": cidr.size - reserved - block.allocated - block.quarantined,
    }
