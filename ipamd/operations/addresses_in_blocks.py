"""Addresses as interfaces and networks show them: each with its block and its routes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from ipamd.db.database import Transaction
from ipamd.db.models import IpRoute, table_of
from ipamd.ipam.addresses import format_address, version_of
from ipamd.operations import ip_blocks
from ipamd.operations.allocation import ADDRESSES
from ipamd.operations.common import Resource, Row
from ipamd.operations.ip_blocks import BLOCKS

_ROUTES = table_of(IpRoute)
_LIVE = (
    sa.select(ADDRESSES)
    .where(
        ADDRESSES.c.interface_id.in_(sa.bindparam("interfaces", expanding=True)),
        ADDRESSES.c.deallocated_at.is_(None),
    )
    # The oldest block first, and in it the oldest address: ids grow with time.
    .order_by(ADDRESSES.c.ip_block_id, ADDRESSES.c.id)
)


def of_interfaces(tx: Transaction, interface_ids: Sequence[str]) -> dict[str, list[Resource]]:
    """Read the addresses in use of some interfaces, shown with their blocks."""
    rows = tx.execute(_LIVE, {"interfaces": list(interface_ids)}).all() if interface_ids else []
    found: dict[str, list[Resource]] = {interface_id: [] for interface_id in interface_ids}
    for row, shown in zip(rows, show(tx, rows), strict=True):
        found[row.interface_id].append(shown)
    return found


def show(tx: Transaction, rows: Sequence[Row]) -> list[Resource]:
    """Show address rows with their blocks."""
    blocks = blocks_with_routes(tx, {row.ip_block_id for row in rows})
    return [_show(row.id, row.address, row.interface_id, blocks[row.ip_block_id]) for row in rows]


def show_allocated(tx: Transaction, results: Sequence[Resource]) -> list[Resource]:
    """Show fresh results of ``BlockAllocation`` with their blocks."""
    blocks = blocks_with_routes(tx, {result["ip_block_id"] for result in results})
    return [
        {
            "id": result["id"],
            "address": result["address"],
            "version": result["version"],
            "interface_id": result["interface_id"],
            "ip_block": blocks[result["ip_block_id"]],
        }
        for result in results
    ]


def blocks_with_routes(tx: Transaction, block_ids: Iterable[str]) -> dict[str, Resource]:
    """Read blocks as they stand inside addresses, with their static routes."""
    ids = list(block_ids)
    if not ids:
        return {}
    routes: dict[str, list[Resource]] = {block_id: [] for block_id in ids}
    for row in tx.execute(
        sa.select(_ROUTES).where(_ROUTES.c.ip_block_id.in_(ids)).order_by(_ROUTES.c.id)
    ):
        routes[row.ip_block_id].append(
            {name: getattr(row, name) for name in ("id", "destination", "netmask", "gateway")}
        )
    blocks = tx.execute(sa.select(BLOCKS).where(BLOCKS.c.id.in_(ids)))
    return {row.id: ip_blocks.show_brief(row, routes[row.id]) for row in blocks}


def _show(address_id: str, address: int, interface_id: Any, block: Resource) -> Resource:
    return {
        "id": address_id,
        "address": format_address(address),
        "version": version_of(address),
        "interface_id": interface_id,
        "ip_block": block,
    }
