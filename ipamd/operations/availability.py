"""What is free in a block, and whether something would fit: nothing is taken."""

from __future__ import annotations

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.db.models import FreeRange, table_of
from ipamd.ipam.addresses import format_address, parse_address
from ipamd.ipam.intervals import Interval
from ipamd.operations import ip_blocks, subnets
from ipamd.operations.common import Resource, Row, page_size
from ipamd.operations.free_space import IP, StoredSpace

_FREE = table_of(FreeRange)


def list_available(
    tx: Transaction,
    tenant_id: str | None,
    ip_block_id: str,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List a block's free ranges: ``{first, last, size}``; the marker is a last address.

    Raises: IpBlockNotFound, ValidationError
    """
    size = page_size(tx, limit)
    block = ip_blocks.find(tx, ip_block_id, tenant_id)
    statement = sa.select(_FREE).where(_FREE.c.ip_block_id == block.id)
    if marker is not None:
        try:
            statement = statement.where(_FREE.c.last > parse_address(marker))
        except ValueError:
            raise errors.ValidationError(fields={"marker": ["marker is invalid"]}) from None
    if block.subnets:
        return {"available": [], "next_marker": None}
    rows = tx.execute(statement.order_by(_FREE.c.last).limit(size + 1))
    runs = [Interval(row.first, row.last) for row in rows]
    return {
        "available": [
            {
                "first": format_address(run.first),
                "last": format_address(run.last),
                "size": run.size,
            }
            for run in runs[:size]
        ],
        "next_marker": format_address(runs[size - 1].last) if len(runs) > size else None,
    }


def fit_in_ip_block(
    tx: Transaction,
    tenant_id: str | None,
    ip_block_id: str,
    count: int | None = None,
    prefix_length: int | None = None,
) -> Resource:
    """Tell where ``count`` addresses, or a prefix, would fit: ``{fits, first, last}``.

    Raises: IpBlockNotFound, ValidationError unless exactly one of the two is given
    """
    if (count is None) == (prefix_length is None):
        text = "either count or prefix_length should be given"
        raise errors.ValidationError(fields={"count": [text]})
    block = ip_blocks.find(tx, ip_block_id, tenant_id)
    found = _run(tx, block, count) if count is not None else _prefix(tx, block, prefix_length)
    if found is None:
        return {"fits": False, "first": None, "last": None}
    first, last = format_address(found.first), format_address(found.last)
    return {"fits": True, "first": first, "last": last}


def _run(tx: Transaction, block: Row, count: int) -> Interval | None:
    if count < 1:
        raise errors.ValidationError(fields={"count": ["count should be a positive integer"]})
    if block.subnets or count > block.last - block.first + 1:
        return None
    found = StoredSpace(tx, IP, block.id, Interval(block.first, block.last)).lowest(count)
    enough = sum(run.size for run in found) == count
    return Interval(found[0].first, found[-1].last) if enough else None


def _prefix(tx: Transaction, block: Row, length: int | None) -> Interval | None:
    cidr = ip_blocks.cidr_of(block)
    longest = 32 if cidr.version == 4 else 128
    if length is None or not cidr.prefix_length <= length <= longest:
        text = f"prefix_length should be between {cidr.prefix_length} and {longest}"
        raise errors.ValidationError(fields={"prefix_length": [text]})
    if block.allocated or block.quarantined:
        return None
    found = subnets.next_free_prefix(tx, block, length)
    return Interval(found.first, found.last) if found else None
