"""Subnets: blocks inside a block.  A block holds subnets or addresses, never both."""

from __future__ import annotations

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.operations import ip_blocks
from ipamd.operations.common import Resource, page
from ipamd.operations.fields import Fields
from ipamd.operations.ip_blocks import BLOCKS


def list_subnets(
    tx: Transaction,
    tenant_id: str,
    ip_block_id: str,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List the direct subnets of a block.

    Raises: IpBlockNotFound
    """
    ip_blocks.find(tx, ip_block_id, tenant_id)
    statement = sa.select(BLOCKS).where(BLOCKS.c.parent_id == ip_block_id)
    return page(tx, "subnets", statement, BLOCKS.c.id, ip_blocks.show, limit, marker)


def create_subnet(tx: Transaction, tenant_id: str, ip_block_id: str, subnet: Resource) -> Resource:
    """Create a subnet from ``{cidr, network_id?, policy_id?, tenant_id?, gateway?, …}``.

    It has its parent's type and network; its tenant and policy may be its own.

    Raises: IpBlockNotFound, ValidationError
    """
    fields = Fields(subnet, "subnet")
    parent = ip_blocks.lock(tx, ip_block_id, tenant_id)
    cidr = ip_blocks.read_cidr(fields)
    owner = fields.text("tenant_id") or parent.tenant_id
    network_id = fields.text("network_id")
    if network_id is not None and network_id != parent.network_id:
        fields.wrong("network_id", "network_id should be same as that of parent")
    policy_id = fields.text("policy_id")
    if policy_id is not None:
        ip_blocks.check_policy(tx, fields, policy_id, {owner, tenant_id})
    if cidr is not None:
        if not ip_blocks.cidr_of(parent).contains(cidr):
            fields.wrong("cidr", "cidr should be within parent block's cidr")
        sibling = tx.execute(
            sa.select(BLOCKS)
            .where(BLOCKS.c.parent_id == parent.id, ip_blocks.overlapping(cidr))
            .order_by(BLOCKS.c.id)
            .limit(1)
        ).first()
        if sibling is not None:
            text = f"cidr overlaps with sibling {ip_blocks.cidr_of(sibling)}"
            fields.wrong("cidr", text)
    if parent.allocated or parent.quarantined:
        fields.wrong("parent_id", "parent is not subnettable since it has allocated ips")
    values = {
        "tenant_id": owner,
        "type": parent.type,
        "network_id": parent.network_id,
        "parent_id": parent.id,
        "policy_id": policy_id,
        "dns1": ip_blocks.read_dns(tx, fields, "dns1"),
        "dns2": ip_blocks.read_dns(tx, fields, "dns2"),
    }
    gateway = fields.address("gateway", "Gateway is not a valid address")
    fields.check()
    if cidr is None:
        raise errors.ValidationError(fields={"cidr": ["cidr is invalid"]})
    tx.execute(
        sa.update(BLOCKS).where(BLOCKS.c.id == parent.id).values(subnets=BLOCKS.c.subnets + 1)
    )
    return ip_blocks.insert(tx, cidr, gateway, values)
