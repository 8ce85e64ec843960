"""Allowed IPs: addresses of other interfaces that an interface may use as well."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.db.models import AllowedIp, IpBlock, table_of
from ipamd.ids import new_id
from ipamd.ipam.addresses import parse_address
from ipamd.operations import interface_states, networks
from ipamd.operations.allocation import ADDRESSES, show
from ipamd.operations.common import Resource, Row, of_owner, page_size
from ipamd.operations.fields import Fields
from ipamd.operations.interface_states import InterfaceState

_ALLOWED = table_of(AllowedIp)
_BLOCKS = table_of(IpBlock)
_IN_USE = sa.select(ADDRESSES).where(ADDRESSES.c.deallocated_at.is_(None))
_PERMITTED = sa.select(ADDRESSES).join(_ALLOWED, _ALLOWED.c.ip_address_id == ADDRESSES.c.id)
# Own addresses come first, then the allowed ones; the marker is "<group>,<id>".
_OWN, _OTHER = "0", "1"


def list_allowed_ips(
    tx: Transaction,
    tenant_id: str,
    interface_id: str,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List the addresses an interface may use: its own, then the allowed ones.

    Raises: InterfaceNotFound
    """
    size = page_size(tx, limit)
    interface = _interface(tx, tenant_id, interface_id)
    group, _, after = (marker or "").partition(",")
    rows: list[tuple[str, Row]] = []
    for name, statement, key, owner in (
        (_OWN, _IN_USE, ADDRESSES.c.id, ADDRESSES.c.interface_id),
        (_OTHER, _PERMITTED, _ALLOWED.c.ip_address_id, _ALLOWED.c.interface_id),
    ):
        if name < group:
            continue
        left = size + 1 - len(rows)
        if left > 0:
            begin = after if name == group else None
            walk = of_owner(tx.dialect, statement, key, begin, owner, interface.id)
            rows += [(name, row) for row in tx.execute(walk.order_by(key).limit(left))]
    last = rows[size - 1] if len(rows) > size else None
    return {
        "ip_addresses": [show(row) for _, row in rows[:size]],
        "next_marker": f"{last[0]},{last[1].id}" if last else None,
    }


def get_allowed_ip(tx: Transaction, tenant_id: str, interface_id: str, address: str) -> Resource:
    """Return an address that an interface may use.

    Raises: InterfaceNotFound, AllowedIpNotFound
    """
    interface = _interface(tx, tenant_id, interface_id)
    for statement in (_own(interface), _others(interface)):
        row = _with_address(tx, statement, address)
        if row is not None:
            return show(row)
    raise _not_allowed(interface, address)


def add_allowed_ip(
    tx: Transaction, tenant_id: str, interface_id: str, allowed_ip: Resource
) -> Resource:
    """Let an interface use ``{network_id, ip_address}``, an address in use by its tenant.

    Its own addresses it may use anyway.

    Raises: InterfaceNotFound, NetworkNotFound, IpAddressNotFound, ValidationError,
        Unprocessable (the interface is not on the address's network)
    """
    fields = Fields(allowed_ip, "allowed_ip")
    missing = [name for name in ("network_id", "ip_address") if not fields.body.get(name)]
    if missing:
        raise errors.MissingParameters(names=missing)
    network_id = str(fields.text("network_id"))
    wanted = fields.address("ip_address", "ip_address is not a valid address")
    text = fields.body["ip_address"]
    fields.check()
    interface = _interface(tx, tenant_id, interface_id)
    row = _in_network(tx, tenant_id, network_id, wanted, text)
    if not interface.bound or interface.network_id != network_id:
        raise errors.Unprocessable(
            f"Ip {text} cannot be allowed on interface {interface.id} as interface is not "
            "configured for ip's network"
        )
    if row.interface_id == interface.id:
        return show(row)
    if _with_address(tx, _others(interface), text) is not None:
        message = f"ip_address {text} is allowed on interface {interface.id} already"
        raise errors.ValidationError(fields={"ip_address": [message]})
    values = {
        "id": new_id(),
        "interface_id": interface.id,
        "ip_address_id": row.id,
        "created_at": tx.now,
    }
    tx.execute(sa.insert(_ALLOWED), values)
    _tell(tx, "allowed_ip.create", interface, row)
    return show(row)


def remove_allowed_ip(tx: Transaction, tenant_id: str, interface_id: str, address: str) -> None:
    """Take an allowed address back; an interface's own address stays, without an error.

    Raises: InterfaceNotFound, AllowedIpNotFound
    """
    interface = _interface(tx, tenant_id, interface_id)
    row = _with_address(tx, _others(interface), address)
    if row is None:
        if _with_address(tx, _own(interface), address) is None:
            raise _not_allowed(interface, address)
        return
    removed = tx.execute(
        sa.delete(_ALLOWED).where(
            _ALLOWED.c.interface_id == interface.id, _ALLOWED.c.ip_address_id == row.id
        )
    )
    if not removed.rowcount:
        raise _not_allowed(interface, address)  # another request was faster
    _tell(tx, "allowed_ip.delete", interface, row)


def _interface(tx: Transaction, tenant_id: str, interface_id: str) -> InterfaceState:
    interface = interface_states.find(tx, interface_id)
    if interface is None or interface.tenant_id != tenant_id:
        raise errors.InterfaceNotFound()
    return interface


def _own(interface: InterfaceState) -> sa.Select[tuple[object, ...]]:
    return _IN_USE.where(ADDRESSES.c.interface_id == interface.id)


def _others(interface: InterfaceState) -> sa.Select[tuple[object, ...]]:
    return _PERMITTED.where(_ALLOWED.c.interface_id == interface.id)


def _with_address(
    tx: Transaction, statement: sa.Select[tuple[object, ...]], address: str
) -> Row | None:
    try:
        value = parse_address(address)
    except ValueError:
        return None
    return tx.execute(statement.where(ADDRESSES.c.address == value)).first()


def _in_network(
    tx: Transaction, tenant_id: str, network_id: str, address: int | None, text: str
) -> Row:
    blocks = sa.select(_BLOCKS.c.id).where(_BLOCKS.c.network_id == network_id)
    if tx.execute(_known_to(tx, blocks).limit(1)).first() is None:
        raise networks.not_found(network_id)
    row = tx.execute(
        sa.select(ADDRESSES).where(
            ADDRESSES.c.address == address,
            ADDRESSES.c.ip_block_id.in_(blocks),
            ADDRESSES.c.used_by_tenant_id == tenant_id,
            ADDRESSES.c.deallocated_at.is_(None),
        )
    ).first()
    if row is None:
        wanted = {"used_by_tenant_id": tenant_id, "address": text}
        message = f"IpAddress with {wanted} for network {network_id} not found"
        raise errors.IpAddressNotFound(message)
    return row


def _known_to(tx: Transaction, blocks: sa.Select[Any]) -> sa.Select[Any]:
    """Keep the blocks that the request knows of: its own, and those it leases addresses of."""
    tenant = tx.context.confined_to
    if tenant is None:
        return blocks
    leases = sa.exists().where(
        ADDRESSES.c.ip_block_id == _BLOCKS.c.id, ADDRESSES.c.used_by_tenant_id == tenant
    )
    return blocks.where(sa.or_(_BLOCKS.c.tenant_id == tenant, leases))


def _not_allowed(interface: InterfaceState, address: str) -> errors.AllowedIpNotFound:
    return errors.AllowedIpNotFound(
        f"Ip Address {address} hasnt been allowed on interface {interface.id}"
    )


def _tell(tx: Transaction, event_type: str, interface: InterfaceState, row: Row) -> None:
    payload = {"interface_id": interface.id, "ip_address": show(row)}
    tx.emit(event_type, payload, tenant_id=interface.tenant_id)
