"""NAT: which global addresses stand for a local one, as floating IPs need it.

An association has two ends and is the same seen from either: a global of the local
address is a local of the global one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ipamd import errors
from ipamd.db import bulk
from ipamd.db.database import Transaction
from ipamd.db.models import IpNat, table_of
from ipamd.ids import new_id
from ipamd.ipam.addresses import format_address, parse_address
from ipamd.operations import ip_addresses, ip_blocks
from ipamd.operations.allocation import ADDRESSES, show
from ipamd.operations.common import Resource, Row, read_page
from ipamd.operations.fields import Fields

_NATS = table_of(IpNat)
_NAT_ID = _NATS.c.id.label("nat_id")


@dataclass(frozen=True)
class _Side:
    """From which end an association is looked at."""

    near: sa.Column[Any]
    far: sa.Column[Any]
    # Orders the far ends; an index, or the constraint, has it behind ``near``.
    key: sa.Column[Any]


_GLOBALS = _Side(
    _NATS.c.inside_local_address_id,
    _NATS.c.inside_global_address_id,
    key=_NATS.c.inside_global_address_id,
)
_LOCALS = _Side(_NATS.c.inside_global_address_id, _NATS.c.inside_local_address_id, key=_NATS.c.id)


def list_inside_globals(
    tx: Transaction,
    ip_block_id: str,
    address: str,
    tenant_id: str | None = None,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List the global addresses of a local one.

    Raises: IpBlockNotFound, IpAddressNotFound
    """
    return _list(tx, _GLOBALS, _address(tx, ip_block_id, address, tenant_id), limit, marker)


def add_inside_globals(
    tx: Transaction,
    ip_block_id: str,
    address: str,
    ip_addresses: list[Any],
    tenant_id: str | None = None,
) -> None:
    """Let global addresses, ``[{ip_block_id, ip_address}]``, stand for a local one.

    Raises: IpBlockNotFound, IpAddressNotFound, AddressLocked (one is in quarantine),
        MissingParameters, BadRequest
    """
    _add(tx, _GLOBALS, _address(tx, ip_block_id, address, tenant_id), ip_addresses, tenant_id)


def remove_inside_globals(
    tx: Transaction,
    ip_block_id: str,
    address: str,
    inside_address: str | None = None,
    tenant_id: str | None = None,
    inside_block_id: str | None = None,
) -> None:
    """Remove one global address of a local one, or all; what is not there is no error.

    ``inside_block_id`` tells which one where blocks with that address overlap.

    Raises: IpBlockNotFound, IpAddressNotFound
    """
    near = _address(tx, ip_block_id, address, tenant_id)
    _remove(tx, _GLOBALS, near, inside_address, inside_block_id)


def list_inside_locals(
    tx: Transaction,
    ip_block_id: str,
    address: str,
    tenant_id: str | None = None,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List the local addresses that a global one stands for.

    Raises: IpBlockNotFound, IpAddressNotFound
    """
    return _list(tx, _LOCALS, _address(tx, ip_block_id, address, tenant_id), limit, marker)


def add_inside_locals(
    tx: Transaction,
    ip_block_id: str,
    address: str,
    ip_addresses: list[Any],
    tenant_id: str | None = None,
) -> None:
    """Let a global address stand for local ones, ``[{ip_block_id, ip_address}]``.

    Raises: as ``add_inside_globals``
    """
    _add(tx, _LOCALS, _address(tx, ip_block_id, address, tenant_id), ip_addresses, tenant_id)


def remove_inside_locals(
    tx: Transaction,
    ip_block_id: str,
    address: str,
    inside_address: str | None = None,
    tenant_id: str | None = None,
    inside_block_id: str | None = None,
) -> None:
    """Remove one local address of a global one, or all; what is not there is no error.

    ``inside_block_id`` tells which one where blocks with that address overlap.

    Raises: IpBlockNotFound, IpAddressNotFound
    """
    near = _address(tx, ip_block_id, address, tenant_id)
    _remove(tx, _LOCALS, near, inside_address, inside_block_id)


def _list(
    tx: Transaction, side: _Side, near: Row, limit: int | None, marker: str | None
) -> Resource:
    key = side.key.label("position")
    within = (side.near, near.id)
    rows, next_marker = read_page(tx, _far_ends(key, side), key, limit, marker, within)
    return {"ip_addresses": [show(row) for row in rows], "next_marker": next_marker}


def _inside(side: _Side, near: Row) -> sa.Select[Any]:
    """Select the addresses at the far ends of the associations of ``near``."""
    return _far_ends(_NAT_ID, side).where(side.near == near.id)


def _far_ends(more: sa.ColumnElement[Any], side: _Side) -> sa.Select[Any]:
    return sa.select(ADDRESSES, more).join(_NATS, side.far == ADDRESSES.c.id)


def _add(
    tx: Transaction, side: _Side, near: Row, wanted: list[Any], tenant_id: str | None
) -> None:
    far = [_read(tx, entry, tenant_id) for entry in wanted]
    if any(row.deallocated_at is not None for row in (near, *far)):
        raise errors.AddressLocked()
    known = set(tx.execute(sa.select(side.far).where(side.near == near.id)).scalars())
    new = {row.id: row for row in far if row.id not in known}
    rows = []
    for row in new.values():
        rows.append(
            {
                "id": new_id(),
                side.near.name: near.id,
                side.far.name: row.id,
                "created_at": tx.now,
            }
        )
        _tell(tx, "ip_nat.create", side, near, row)
    bulk.insert(tx, _NATS, rows)


def _remove(
    tx: Transaction,
    side: _Side,
    near: Row,
    inside_address: str | None,
    inside_block_id: str | None,
) -> None:
    statement = _inside(side, near)
    if inside_block_id is not None:
        statement = statement.where(ADDRESSES.c.ip_block_id == inside_block_id)
    if inside_address is not None:
        try:
            statement = statement.where(ADDRESSES.c.address == parse_address(inside_address))
        except ValueError:
            return
    # The lock leaves out what another request has removed meanwhile: each is told of once.
    rows = tx.execute(statement.order_by(_NAT_ID).with_for_update(of=_NATS)).all()
    bulk.by_ids(
        tx,
        lambda these: sa.delete(_NATS).where(these),
        _NATS.c.id,
        [row.nat_id for row in rows],
    )
    for row in rows:
        _tell(tx, "ip_nat.delete", side, near, row)


def _read(tx: Transaction, entry: object, tenant_id: str | None) -> Row:
    if not isinstance(entry, Mapping):
        raise errors.BadRequest("ip_addresses should be a list of objects")
    fields = Fields(entry, "ip_addresses")
    missing = [name for name in ("ip_block_id", "ip_address") if not fields.body.get(name)]
    if missing:
        raise errors.MissingParameters(names=missing)
    block_id, address = fields.text("ip_block_id"), fields.text("ip_address")
    fields.check()
    return _address(tx, str(block_id), str(address), tenant_id)


def _address(tx: Transaction, ip_block_id: str, address: str, tenant_id: str | None) -> Row:
    return ip_addresses.find_in(tx, ip_blocks.find(tx, ip_block_id, tenant_id), address)


def _tell(tx: Transaction, event_type: str, side: _Side, near: Row, far: Row) -> None:
    local, outer = (near, far) if side is _GLOBALS else (far, near)
    payload = {
        "inside_local": {"id": local.id, "address": format_address(local.address)},
        "inside_global": {"id": outer.id, "address": format_address(outer.address)},
    }
    tx.emit(event_type, payload, tenant_id=local.used_by_tenant_id)
