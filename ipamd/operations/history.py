"""Who held an address when: read from the journal of events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ipamd import errors, fast_json
from ipamd.db.database import Transaction
from ipamd.db.models import DeletedIpBlock, IpBlock, Outbox, table_of
from ipamd.db.outbox import timestamp
from ipamd.ipam.addresses import parse_address
from ipamd.operations.common import Resource, page_size
from ipamd.operations.filters import parse_moment

_OUTBOX = table_of(Outbox)
_BLOCKS = table_of(IpBlock)
_DELETED = table_of(DeletedIpBlock)
_BEGINS = ("ip_address.create", "ip_address.restore")


def list_ip_address_history(
    tx: Transaction,
    address: str,
    tenant_id: str | None = None,
    at: str | None = None,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List the holdings of an address, in all blocks, oldest first.

    Each is ``{ip_block_id, interface_id, used_by_tenant, used_by_device, from, until,
    request_id}``; ``until`` null means: still held.  With ``tenant_id`` only what that
    tenant held; ``at`` (ISO 8601) keeps the holdings of that moment.

    The journal reaches back ``[ipam] journal_days``.

    Raises: ValidationError
    """
    size = page_size(tx, limit)
    holdings = _holdings(tx, _parse(address))
    if tx.context.confined_to is not None:
        holdings = _known_to(tx, tx.context.confined_to, holdings)
    if tenant_id is not None:
        holdings = [held for held in holdings if held["used_by_tenant"] == tenant_id]
    if at is not None:
        moment = timestamp(_read_moment(at))
        holdings = [
            held
            for held in holdings
            if held["from"] <= moment and (held["until"] is None or moment < held["until"])
        ]
    start = _position(marker)
    following = start + size
    return {
        "history": holdings[start:following],
        "next_marker": str(following) if len(holdings) > following else None,
    }


def _holdings(tx: Transaction, address: int) -> list[Resource]:
    rows = tx.execute(
        sa.select(_OUTBOX.c.event_type, _OUTBOX.c.payload)
        .where(_OUTBOX.c.address == address)
        .order_by(_OUTBOX.c.id)
    ).all()
    open_in: dict[str, Resource] = {}
    holdings: list[Resource] = []
    for row in rows:
        event: dict[str, Any] = fast_json.loads(row.payload)
        block_id = event["ip_block_id"]
        ended = open_in.pop(block_id, None)
        if ended is not None:
            ended["until"] = event["occurred_at"]
        if row.event_type in _BEGINS:
            open_in[block_id] = {
                "ip_block_id": block_id,
                "interface_id": event["interface_id"],
                "used_by_tenant": event["used_by_tenant"],
                "used_by_device": event["used_by_device"],
                "from": event["occurred_at"],
                "until": None,
                "request_id": event["request_id"],
            }
            holdings.append(open_in[block_id])
    _end_with_their_blocks(tx, open_in)
    return holdings


def _end_with_their_blocks(tx: Transaction, open_in: dict[str, Resource]) -> None:
    if not open_in:
        return
    gone = tx.execute(sa.select(_DELETED).where(_DELETED.c.id.in_(list(open_in))))
    for row in gone:
        open_in[row.id]["until"] = timestamp(row.deleted_at)


def _known_to(tx: Transaction, tenant: str, holdings: list[Resource]) -> list[Resource]:
    """Keep what the tenant held itself, and what others held of its blocks."""
    ids = {held["ip_block_id"] for held in holdings}
    mine = sa.select(_BLOCKS.c.id).where(_BLOCKS.c.id.in_(ids), _BLOCKS.c.tenant_id == tenant)
    own = set(tx.execute(mine).scalars()) if ids else set()
    return [h for h in holdings if h["used_by_tenant"] == tenant or h["ip_block_id"] in own]


def _parse(address: str) -> int:
    try:
        return parse_address(address)
    except ValueError:
        text = "address is not a valid address"
        raise errors.ValidationError(fields={"address": [text]}) from None


def _read_moment(text: str) -> datetime:
    try:
        return parse_moment(text)
    except (ValueError, OverflowError):
        message = "at should be a time in ISO 8601"
        raise errors.ValidationError(fields={"at": [message]}) from None


def _position(marker: str | None) -> int:
    if marker is None:
        return 0
    if not (marker.isascii() and marker.isdigit() and len(marker) < 10):
        raise errors.ValidationError(fields={"marker": ["marker is invalid"]})
    return int(marker)
