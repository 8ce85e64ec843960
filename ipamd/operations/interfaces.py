"""Interfaces: created with a MAC address and, on request, addresses of a network."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from ipamd import errors, fast_json
from ipamd.db.database import Transaction
from ipamd.db.models import MacAddress, table_of
from ipamd.db.retries import RunAgainError
from ipamd.ipam.mac import format_mac
from ipamd.operations import (
    addresses_in_blocks,
    interface_states,
    ip_blocks,
    mac_addresses,
    networks,
    quarantine,
)
from ipamd.operations.allocation import ADDRESSES
from ipamd.operations.common import Resource, Row, times
from ipamd.operations.fields import Fields
from ipamd.operations.interface_states import INTERFACES, InterfaceState

_MACS = table_of(MacAddress)
MOST_TOLD = 1000
"""Addresses that the events of an interface list at most."""
_MOST_BYTES = 2**20
ROWS = sa.select(INTERFACES, _MACS.c.address.label("mac")).select_from(
    INTERFACES.outerjoin(_MACS, _MACS.c.interface_id == INTERFACES.c.id)
)


def create_interface(tx: Transaction, interface: Resource) -> Resource:
    """Create ``{id?, tenant_id, device_id?, mac_address?, network?}``.

    ``network`` is ``{id, tenant_id, addresses?}``; its ``tenant_id`` owns the network,
    the interface's is the lessee.

    Raises: ValidationError, MissingParameters, NoMoreMacAddressesError, and as
        ``allocate_network_ips`` when a network is given
    """
    fields = Fields(interface, "interface")
    return show_states(tx, [create(tx, fields, device_id=fields.identifier("device_id"))])[0]


def get_interface(tx: Transaction, interface_id: str, tenant_id: str | None = None) -> Resource:
    """Return an interface with its addresses; with ``tenant_id`` only that tenant's.

    Raises: InterfaceNotFound
    """
    return show(tx, [find(tx, interface_id, tenant_id)])[0]


def delete_interface(tx: Transaction, interface_id: str, tenant_id: str | None = None) -> None:
    """Delete an interface: its addresses go into quarantine, its MAC address is free.

    Raises: InterfaceNotFound
    """
    find(tx, interface_id, tenant_id)
    delete(tx, [interface_id])


# --- shared with instances ----------------------------------------------------------


def create(
    tx: Transaction,
    fields: Fields,
    *,
    device_id: str | None,
    tenant_id: str | None = None,
    id_field: str = "id",
) -> InterfaceState:
    """Create the interface that a body describes, addresses included.

    Raises: as ``create_interface``
    """
    interface_id = fields.text(id_field)
    owner = tenant_id or fields.text("tenant_id", required=True)
    mac = fields.mac()
    wanted = read_network(fields)
    fields.check()
    if interface_id is not None and interface_states.find(tx, interface_id) is not None:
        raise interface_states.taken(interface_id)
    blocks = networks.lock_blocks(tx, wanted[1], wanted[0]) if wanted else []
    state = interface_states.create(tx, interface_id, str(owner), device_id, mac)
    if wanted:
        networks.allocate(tx, blocks, state, wanted[2])
    shown = show_states(tx, [state])[0]
    tx.emit("interface.create", _told(shown), tenant_id=state.tenant_id)
    return state


def read_network(fields: Fields) -> tuple[str, str, list[int]] | None:
    """Read ``network``: its id, the tenant that owns it, the addresses wanted of it.

    Raises: BadRequest, MissingParameters
    """
    body = fields.body.get("network")
    if body is None:
        return None
    network = Fields(body, "network")
    missing = [name for name in ("id", "tenant_id") if not network.body.get(name)]
    if missing:
        raise errors.MissingParameters(names=missing)
    network_id, tenant_id = network.text("id"), network.text("tenant_id")
    chosen = networks.read_addresses(network)
    network.check()
    return str(network_id), str(tenant_id), chosen


def find(tx: Transaction, interface_id: str, tenant_id: str | None = None) -> Row:
    """Read an interface and its MAC address.

    Raises: InterfaceNotFound
    """
    row = tx.execute(ROWS.where(INTERFACES.c.id == interface_id)).first()
    if row is None or (tenant_id is not None and row.tenant_id != tenant_id):
        raise errors.InterfaceNotFound()
    return row


def show(tx: Transaction, rows: Sequence[Row]) -> list[Resource]:
    """Show interface rows with their addresses."""
    addresses = addresses_in_blocks.of_interfaces(tx, [row.id for row in rows])
    return [
        {
            "id": row.id,
            "tenant_id": row.tenant_id,
            "device_id": row.device_id,
            "mac_address": None if row.mac is None else format_mac(row.mac),
            "ip_addresses": addresses[row.id],
            **times(row),
        }
        for row in rows
    ]


def show_states(tx: Transaction, states: Sequence[InterfaceState]) -> list[Resource]:
    """Show interfaces that were just made, in their order."""
    return show(tx, [find(tx, state.id) for state in states])


def delete(tx: Transaction, interface_ids: Sequence[str]) -> None:
    """Delete interfaces, release what they hold and tell of it."""
    if not interface_ids:
        return
    held = sa.select(ADDRESSES).where(
        ADDRESSES.c.interface_id.in_(interface_ids), ADDRESSES.c.deallocated_at.is_(None)
    )
    blocks = ip_blocks.lock_many(
        tx, tx.execute(held.with_only_columns(ADDRESSES.c.ip_block_id).distinct()).scalars()
    )
    # Whoever gives one of them an address refers to its row: under its lock nobody can.
    wanted = ROWS.where(INTERFACES.c.id.in_(interface_ids)).order_by(INTERFACES.c.id)
    rows = tx.execute(wanted.with_for_update(of=INTERFACES)).all()
    shown = show(tx, rows)
    addresses = tx.execute(held).all()
    if any(row.ip_block_id not in blocks for row in addresses):
        raise RunAgainError("an interface was given an address of another block meanwhile")
    for block in blocks.values():
        quarantine.release(tx, block, [row for row in addresses if row.ip_block_id == block.id])
    for row, event in zip(rows, shown, strict=True):
        mac_addresses.release(tx, row.id, row.tenant_id)
        tx.emit("interface.delete", _told(event), tenant_id=row.tenant_id)
    tx.execute(sa.delete(INTERFACES).where(INTERFACES.c.id.in_(interface_ids)))


def _told(shown: Resource) -> Resource:
    """Cut the addresses short, each of which has an event of its own.

    Some ten thousand, fewer in blocks with many static routes, make a message that a broker,
    and a row that a database refuses.
    """
    addresses = shown["ip_addresses"]
    told = addresses[:MOST_TOLD]
    while len(told) > 1 and len(fast_json.dump_bytes(told)) > _MOST_BYTES:
        told = told[: len(told) // 2]
    if len(told) == len(addresses):
        return shown
    return {
        **shown,
        "ip_addresses": told,
        "ip_addresses_left_out": len(addresses) - len(told),
    }
