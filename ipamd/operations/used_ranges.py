"""The addresses of a block that are in use, as runs that one holder has."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.ipam.addresses import format_address, parse_address
from ipamd.operations import ip_blocks, kinds
from ipamd.operations.allocation import ADDRESSES
from ipamd.operations.block_maps import read_part
from ipamd.operations.common import Resource, Row, read_page

_ALIKE = ("status", "interface_id", "used_by_tenant", "used_by_device")


def list_used_ranges(
    tx: Transaction,
    tenant_id: str | None,
    ip_block_id: str,
    cidr: str | None = None,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List what is held or in quarantine, in the order of addresses.

    Each is ``{first, last, size, status, interface_id, used_by_tenant, used_by_device,
    since}``: neighbours that differ in nothing but the address are one range.  ``limit``
    counts addresses, the marker is the last address of the page before; ``cidr`` is a
    prefix of the block.

    Raises: IpBlockNotFound, ValidationError
    """
    block = ip_blocks.find(tx, ip_block_id, tenant_id)
    statement = sa.select(ADDRESSES)
    behind = None
    if cidr is not None:
        part = read_part(block, cidr)
        statement = statement.where(ADDRESSES.c.address <= part.last)
        behind = part.first - 1 if part.first else None
    if marker is not None:
        behind = max(_read_marker(marker), behind or 0)
    within = (ADDRESSES.c.ip_block_id, block.id)
    rows, following = read_page(tx, statement, ADDRESSES.c.address, limit, behind, within)
    return {
        "used_ranges": _ranges(rows),
        "next_marker": None if following is None else format_address(rows[-1].address),
    }


def _read_marker(marker: str) -> int:
    try:
        return parse_address(marker)
    except ValueError:
        raise errors.ValidationError(fields={"marker": ["marker is invalid"]}) from None


def _ranges(rows: Iterable[Row]) -> list[Resource]:
    found: list[Resource] = []
    following = None
    for row in rows:
        shown = kinds.show_address(row)
        alike = {name: shown[name] for name in _ALIKE}
        if row.address == following and all(found[-1][name] == alike[name] for name in _ALIKE):
            found[-1]["last"] = shown["address"]
            found[-1]["size"] += 1
        else:
            since = shown["deallocated_at"] or shown["created_at"]
            ends = {"first": shown["address"], "last": shown["address"], "size": 1}
            found.append({**ends, **alike, "since": since})
        following = row.address + 1
    return found
