"""Subnets: blocks inside a block.  A block holds subnets or addresses, never both."""

from __future__ import annotations

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.ipam.addresses import Cidr
from ipamd.operations import ip_blocks
from ipamd.operations.common import Resource, Row, page
from ipamd.operations.fields import Fields
from ipamd.operations.ip_blocks import BLOCKS


def list_subnets(
    tx: Transaction,
    tenant_id: str | None,
    ip_block_id: str,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List the direct subnets of a block; to a request confined to its tenant, its own.

    Raises: IpBlockNotFound
    """
    ip_blocks.find(tx, ip_block_id, tenant_id)
    within = (BLOCKS.c.parent_id, ip_block_id)
    statement = sa.select(BLOCKS)
    if tx.context.confined_to is not None:
        statement = statement.where(BLOCKS.c.tenant_id == tx.context.confined_to)
    return page(tx, "subnets", statement, BLOCKS.c.id, ip_blocks.show, limit, marker, within)


def create_subnet(
    tx: Transaction, tenant_id: str | None, ip_block_id: str, subnet: Resource
) -> Resource:
    """Create a subnet from ``{cidr, network_id?, policy_id?, tenant_id?, gateway?, …}``.

    With ``prefix_length`` instead of ``cidr`` it is the lowest prefix of that length in
    which no other subnet lies.  It has its parent's type and network; its tenant and
    policy may be its own.

    Raises: IpBlockNotFound, ValidationError, QuotaExceeded, NoMoreAddressesError (no such
        prefix is free)
    """
    fields = Fields(subnet, "subnet")
    parent = ip_blocks.lock(tx, ip_block_id, tenant_id)
    if fields.body.get("prefix_length") is not None and not fields.body.get("cidr"):
        cidr = _next_prefix(tx, fields, parent)
    else:
        cidr = ip_blocks.read_cidr(fields)
    owner = fields.text("tenant_id") or parent.tenant_id
    network_id = fields.text("network_id")
    if network_id is not None and network_id != parent.network_id:
        fields.wrong("network_id", "network_id should be same as that of parent")
    policy_id = fields.text("policy_id")
    if policy_id is not None:
        ip_blocks.check_policy(tx, fields, policy_id, {owner, parent.tenant_id})
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
        "allocation_strategy": ip_blocks.read_strategy(fields) or parent.allocation_strategy,
    }
    gateway = fields.address("gateway", "Gateway is not a valid address")
    fields.check()
    if cidr is None:
        raise errors.ValidationError(fields={"cidr": ["cidr is invalid"]})
    tx.execute(
        sa.update(BLOCKS).where(BLOCKS.c.id == parent.id).values(subnets=BLOCKS.c.subnets + 1)
    )
    return ip_blocks.insert(tx, cidr, gateway, values)


def _next_prefix(tx: Transaction, fields: Fields, parent: Row) -> Cidr | None:
    whole = ip_blocks.cidr_of(parent)
    length = read_prefix_length(fields, whole)
    if length is None:
        return None
    found = next_free_prefix(tx, parent, length)
    if found is None:
        raise errors.NoMoreAddressesError(f"IpBlock has no free prefix of length {length}")
    return found


def read_prefix_length(fields: Fields, whole: Cidr) -> int | None:
    """Read the mandatory ``prefix_length`` of a prefix inside ``whole``."""
    low, high = whole.prefix_length, 32 if whole.version == 4 else 128
    text = f"prefix_length should be an integer between {low} and {high}"
    return fields.integer("prefix_length", text, low=low, high=high, required=True)


def next_free_prefix(tx: Transaction, parent: Row, length: int) -> Cidr | None:
    """Find the lowest prefix of ``length`` bits in ``parent`` that no subnet overlaps."""
    whole = ip_blocks.cidr_of(parent)
    size = whole.size >> (length - whole.prefix_length)
    candidate = whole.first
    taken = sa.select(BLOCKS.c.first, BLOCKS.c.last).where(BLOCKS.c.parent_id == parent.id)
    for row in tx.execute(taken.order_by(BLOCKS.c.first)):
        if candidate + size - 1 < row.first:
            break
        candidate = max(candidate, -(-(row.last + 1) // size) * size)
    if candidate + size - 1 > whole.last:
        return None
    return Cidr(candidate, candidate + size - 1, length)
