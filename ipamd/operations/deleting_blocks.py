"""Deleting a block with all that is inside: subnets, and the addresses of all of them."""

from __future__ import annotations

import sqlalchemy as sa

from ipamd import errors
from ipamd.db import bulk
from ipamd.db.database import Transaction
from ipamd.db.models import DeletedIpBlock, table_of
from ipamd.operations import ip_blocks
from ipamd.operations.ip_blocks import BLOCKS

_DELETED = table_of(DeletedIpBlock)


def delete_ip_block(tx: Transaction, tenant_id: str | None, ip_block_id: str) -> None:
    """Delete a block with its subnets and all their addresses; interfaces stay.

    An ``ip_block.delete`` event, children first, stands for all that was inside.

    Raises: IpBlockNotFound, Forbidden (a request that is confined to its tenant, and another
        tenant's subnet is inside)
    """
    top = ip_blocks.find(tx, ip_block_id, tenant_id)
    levels = [[top.id]]
    while True:
        below = _children(tx, levels[-1])
        if below:
            levels.append(below)
            continue
        ids = {block_id for level in levels for block_id in level}
        parents = {top.parent_id} if top.parent_id else set()
        locked = ip_blocks.lock_many(tx, ids | parents)
        if ip_block_id not in locked:
            raise errors.IpBlockNotFound()
        # A subnet that came meanwhile hangs below a block that is locked by now.
        levels.append([new for new in _children(tx, list(ids)) if new not in ids])
        if not levels[-1]:
            break
    tenant = tx.context.confined_to
    if tenant is not None and any(locked[i].tenant_id != tenant for i in ids if i in locked):
        raise errors.Forbidden("The block has subnets of other tenants")
    for level in reversed(levels[:-1]):
        for block_id in level:
            if block_id in locked:
                shown = ip_blocks.show(locked[block_id])
                tx.emit("ip_block.delete", shown, tenant_id=locked[block_id].tenant_id)
        bulk.by_ids(tx, sa.delete(BLOCKS).where, BLOCKS.c.id, level)
    deleted = [{"id": block_id, "deleted_at": tx.now} for block_id in locked if block_id in ids]
    bulk.insert(tx, _DELETED, deleted)
    if top.parent_id:
        tx.execute(
            sa.update(BLOCKS)
            .where(BLOCKS.c.id == top.parent_id)
            .values(subnets=BLOCKS.c.subnets - 1)
        )


def _children(tx: Transaction, ids: list[str]) -> list[str]:
    below = sa.select(BLOCKS.c.id)
    return sorted(row.id for row in bulk.select_by_ids(tx, below.where, BLOCKS.c.parent_id, ids))
