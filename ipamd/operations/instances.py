"""Interfaces of an instance, which is the device that they name, and their addresses."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.db.models import IpBlock, table_of
from ipamd.ipam.addresses import parse_address
from ipamd.operations import (
    addresses_in_blocks,
    interface_states,
    interfaces,
    ip_blocks,
    networks,
    quarantine,
    scopes,
)
from ipamd.operations.allocation import ADDRESSES
from ipamd.operations.common import Owner, Resource, Row, read_page
from ipamd.operations.fields import Fields
from ipamd.operations.interface_states import INTERFACES, InterfaceState

_BLOCKS = table_of(IpBlock)
_ITEM_FIELDS = frozenset({"mac_address", "network", "virtual_interface_id", "tenant_id"})


def list_instance_interfaces(
    tx: Transaction,
    instance_id: str,
    tenant_id: str | None = None,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List the interfaces of an instance, or a tenant's among them; one unknown has none.

    They are ordered by id: oldest first, unless their ids were given by callers.
    """
    statement = interfaces.ROWS
    if tenant_id is not None:
        statement = statement.where(INTERFACES.c.tenant_id == tenant_id)
    within = (INTERFACES.c.device_id, instance_id)
    rows, next_marker = read_page(tx, statement, INTERFACES.c.id, limit, marker, within)
    return {"interfaces": interfaces.show(tx, rows), "next_marker": next_marker}


def get_instance_interface(
    tx: Transaction, instance_id: str, interface_id: str, tenant_id: str | None = None
) -> Resource:
    """Return one interface of an instance.

    Raises: InterfaceNotFound
    """
    return interfaces.show(tx, [_find(tx, instance_id, interface_id, tenant_id)])[0]


def create_instance_interface(tx: Transaction, instance_id: str, interface: Resource) -> Resource:
    """Add an interface, ``{tenant_id, id?, mac_address?, network?}``, to an instance.

    Raises: as ``create_interface``
    """
    fields = Fields(interface, "interface")
    state = interfaces.create(tx, fields, device_id=instance_id)
    return interfaces.show_states(tx, [state])[0]


def replace_instance_interfaces(tx: Transaction, instance_id: str, instance: Resource) -> Resource:
    """Give an instance the interfaces of ``{tenant_id, interfaces: […]}`` instead of its own.

    A request that is confined to its tenant replaces that tenant's alone.

    Addresses of the old ones go into quarantine, their MAC addresses may be used again
    at once.  One transaction: an error leaves everything as it was.

    Raises: MissingParameters, BadRequest, and as ``create_interface``
    """
    fields = Fields(instance, "instance")
    missing = [name for name in ("tenant_id", "interfaces") if fields.body.get(name) is None]
    if missing:
        raise errors.MissingParameters(names=missing)
    tenant_id = fields.text("tenant_id", required=True)
    items = _read_items(fields)
    fields.check()
    # Two at once would otherwise replace the same interfaces, each with its own.
    scopes.hold(tx, f"instance:{instance_id}")
    old = _ids(tx, instance_id, tx.context.confined_to)
    _lock_blocks(tx, old, items)
    interfaces.delete(tx, old)
    states = [
        interfaces.create(
            tx, item, device_id=instance_id, tenant_id=tenant_id, id_field="virtual_interface_id"
        )
        for item in items
    ]
    return {"interfaces": interfaces.show_states(tx, states)}


def delete_instance_interface(
    tx: Transaction, instance_id: str, interface_id: str, tenant_id: str | None = None
) -> None:
    """Delete one interface of an instance; with ``tenant_id`` only that tenant's.

    Raises: InterfaceNotFound
    """
    interfaces.delete(tx, [_find(tx, instance_id, interface_id, tenant_id).id])


def delete_instance_interfaces(
    tx: Transaction, instance_id: str, tenant_id: str | None = None
) -> None:
    """Delete all interfaces of an instance, or a tenant's among them; one unknown has none."""
    interfaces.delete(tx, _ids(tx, instance_id, tenant_id))


def list_interface_ip_addresses(
    tx: Transaction,
    instance_id: str,
    interface_id: str,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List the addresses in use of an instance's interface, with their blocks.

    Raises: InterfaceNotFound
    """
    row = _find(tx, instance_id, interface_id, tx.context.confined_to)
    return _page(tx, (ADDRESSES.c.interface_id, row.id), limit, marker)


def list_instance_ip_addresses(
    tx: Transaction, instance_id: str, limit: int | None = None, marker: str | None = None
) -> Resource:
    """List the addresses in use of an instance's interfaces, with their blocks."""
    # An address has the device and the tenant of its interface, as long as that exists.
    within = (ADDRESSES.c.used_by_device_id, instance_id)
    return _page(tx, within, limit, marker, tx.context.confined_to)


def add_interface_ip_addresses(
    tx: Transaction, instance_id: str, interface_id: str, network: Resource
) -> Resource:
    """Allocate more addresses, of ``{id, tenant_id, addresses?}``, to an interface.

    Raises: InterfaceNotFound, MissingParameters, and as ``allocate_network_ips``
    """
    _state(tx, instance_id, interface_id)
    wanted = interfaces.read_network(Fields({"network": network}, "network"))
    if wanted is None:
        raise errors.MissingParameters(names=["id", "tenant_id"])
    network_id, owner, chosen = wanted
    blocks = networks.lock_blocks(tx, owner, network_id)
    interface_states.lock(tx, [interface_id])
    state = _state(tx, instance_id, interface_id)
    return {"ip_addresses": networks.allocate(tx, blocks, state, chosen)}


def remove_interface_ip_address(
    tx: Transaction, instance_id: str, interface_id: str, address: str
) -> None:
    """Put one address of an instance's interface into quarantine.

    Raises: InterfaceNotFound, IpAddressNotFound
    """
    state = _state(tx, instance_id, interface_id)
    if not state.bound:
        raise errors.IpAddressNotFound()
    wanted = {"address": address, "interface_id": state.id}
    message = f"IpAddress with {wanted} for network {state.network_id} not found"
    try:
        value = parse_address(address)
    except ValueError:
        raise errors.IpAddressNotFound(message) from None
    held = sa.select(ADDRESSES).where(
        ADDRESSES.c.interface_id == state.id,
        ADDRESSES.c.address == value,
        ADDRESSES.c.deallocated_at.is_(None),
    )
    row = tx.execute(held).first()
    if row is None:
        raise errors.IpAddressNotFound(message)
    block = ip_blocks.lock(tx, row.ip_block_id, None)
    # What has been released meanwhile is left alone, and so is the same address of a
    # block that overlaps this one.
    mine = held.where(ADDRESSES.c.ip_block_id == block.id)
    quarantine.release(tx, block, tx.execute(mine).all())


def _read_items(fields: Fields) -> list[Fields]:
    wanted = fields.body["interfaces"]
    if not isinstance(wanted, list) or not all(isinstance(item, Mapping) for item in wanted):
        fields.wrong("interfaces", "interfaces should be a list of objects")
        return []
    items = [Fields(item, "interfaces") for item in wanted]
    for item in items:
        unknown = sorted(str(name) for name in set(item.body) - _ITEM_FIELDS)
        if unknown:
            fields.wrong("interfaces", f"interfaces have no field {unknown[0][:80]}")
    return items


def _lock_blocks(tx: Transaction, old: list[str], items: list[Fields]) -> None:
    """Lock every block that the old or the new interfaces touch, in the order of ids."""
    held = sa.select(ADDRESSES.c.ip_block_id).where(
        ADDRESSES.c.interface_id.in_(old), ADDRESSES.c.deallocated_at.is_(None)
    )
    ids: set[str] = set(tx.execute(held.distinct()).scalars()) if old else set()
    for item in items:
        wanted = interfaces.read_network(item)
        if wanted is not None:
            network_id, tenant_id, _ = wanted
            blocks = sa.select(_BLOCKS.c.id).where(
                _BLOCKS.c.network_id == network_id, _BLOCKS.c.tenant_id == tenant_id
            )
            ids.update(tx.execute(blocks).scalars())
    ip_blocks.lock_many(tx, ids)


def _ids(tx: Transaction, instance_id: str, tenant_id: str | None = None) -> list[str]:
    statement = sa.select(INTERFACES.c.id).where(INTERFACES.c.device_id == instance_id)
    if tenant_id is not None:
        statement = statement.where(INTERFACES.c.tenant_id == tenant_id)
    return list(tx.execute(statement.order_by(INTERFACES.c.id)).scalars())


def _find(
    tx: Transaction, instance_id: str, interface_id: str, tenant_id: str | None = None
) -> Row:
    row = interfaces.find(tx, interface_id, tenant_id)
    if row.device_id != instance_id:
        raise errors.InterfaceNotFound()
    return row


def _state(tx: Transaction, instance_id: str, interface_id: str) -> InterfaceState:
    state = interface_states.find(tx, interface_id)
    if state is None or state.device_id != instance_id:
        raise errors.InterfaceNotFound()
    if tx.context.confined_to not in (None, state.tenant_id):
        raise errors.InterfaceNotFound()
    return state


def _page(
    tx: Transaction,
    within: Owner,
    limit: int | None,
    marker: str | None,
    tenant_id: str | None = None,
) -> Resource:
    statement = sa.select(ADDRESSES).where(
        ADDRESSES.c.interface_id.is_not(None), ADDRESSES.c.deallocated_at.is_(None)
    )
    if tenant_id is not None:
        statement = statement.where(ADDRESSES.c.used_by_tenant_id == tenant_id)
    rows, next_marker = read_page(tx, statement, ADDRESSES.c.id, limit, marker, within)
    return {"ip_addresses": addresses_in_blocks.show(tx, rows), "next_marker": next_marker}
