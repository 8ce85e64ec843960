"""IP allocation in a network: one IPv4 and one IPv6 address, or the ones asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.ipam.addresses import parse_address
from ipamd.operations import addresses_in_blocks, interface_states, ip_blocks, quarantine
from ipamd.operations.allocation import ADDRESSES, BlockAllocation
from ipamd.operations.common import Resource, Row, page_size
from ipamd.operations.fields import Fields
from ipamd.operations.interface_states import InterfaceState
from ipamd.operations.ip_blocks import BLOCKS

MAX_CHOSEN = 5000
"""Addresses that one request names at most."""


def list_network_ip_blocks(
    tx: Transaction,
    tenant_id: str,
    network_id: str,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List a tenant's blocks of a network, oldest first.

    Raises: NetworkNotFound when the tenant has none there
    """
    size = page_size(tx, limit)
    _check_network(tx, tenant_id, network_id)
    statement = _blocks(tenant_id, network_id)
    if marker is not None:
        statement = statement.where(BLOCKS.c.id > marker)
    rows = tx.execute(statement.limit(size + 1)).all()
    return {
        "ip_blocks": [ip_blocks.show(row) for row in rows[:size]],
        "next_marker": rows[size - 1].id if len(rows) > size else None,
    }


def allocate_network_ips(
    tx: Transaction,
    tenant_id: str,
    network_id: str,
    interface_id: str,
    network: Resource | None = None,
) -> Resource:
    """Allocate addresses of a tenant's network to an interface, all or nothing.

    ``network`` is ``{addresses?, mac_address?, tenant_id?, used_by_device?}``.  Without
    ``addresses``: one IPv4 and one IPv6 address, as far as the network has blocks of
    the family, each from the oldest block that is not full.  At most 5,000 are named.

    Raises: NetworkNotFound, ValidationError, NoMoreMacAddressesError, and as
        ``BlockAllocation.allocate``
    """
    fields = Fields(network, "network")
    chosen = read_addresses(fields)
    lessee = fields.text("tenant_id")
    device = fields.text("used_by_device")
    mac = fields.mac()
    fields.check()
    blocks = lock_blocks(tx, tenant_id, network_id)
    interface = interface_states.find_or_create(tx, interface_id, lessee or tenant_id, device, mac)
    return {"ip_addresses": allocate(tx, blocks, interface, chosen)}


def list_network_ips(
    tx: Transaction,
    tenant_id: str,
    network_id: str,
    interface_id: str,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List the addresses in use that an interface has in a tenant's network.

    They are ordered by the age of their blocks, then by their own, as Melange's were;
    ``marker`` is ``<ip_block_id>,<id>``, since the order has both.

    Raises: NetworkNotFound, InterfaceNotFound
    """
    size = page_size(tx, limit)
    _check_network(tx, tenant_id, network_id)
    _find_holder(tx, tenant_id, network_id, interface_id)
    statement = _held(tenant_id, network_id).where(ADDRESSES.c.interface_id == interface_id)
    if marker is not None:
        block_id, _, address_id = marker.partition(",")
        statement = statement.where(
            sa.or_(
                ADDRESSES.c.ip_block_id > block_id,
                sa.and_(ADDRESSES.c.ip_block_id == block_id, ADDRESSES.c.id > address_id),
            )
        )
    ordered = statement.order_by(ADDRESSES.c.ip_block_id, ADDRESSES.c.id)
    rows = tx.execute(ordered.limit(size + 1)).all()
    last = rows[size - 1] if len(rows) > size else None
    return {
        "ip_addresses": addresses_in_blocks.show(tx, rows[:size]),
        "next_marker": None if last is None else f"{last.ip_block_id},{last.id}",
    }


def deallocate_network_ips(
    tx: Transaction, tenant_id: str, network_id: str, interface_id: str
) -> None:
    """Release the addresses that an interface has in a tenant's network.

    They go into quarantine, or are free at once with ``keep_deallocated_ips`` off.

    Raises: NetworkNotFound, InterfaceNotFound
    """
    blocks = lock_blocks(tx, tenant_id, network_id, create=False)
    _find_holder(tx, tenant_id, network_id, interface_id)
    of_it = _held(tenant_id, network_id).where(ADDRESSES.c.interface_id == interface_id)
    rows = tx.execute(of_it.order_by(ADDRESSES.c.id)).all()
    for block in blocks:
        mine = [row for row in rows if row.ip_block_id == block.id]
        if tx.conf.ipam.keep_deallocated_ips:
            quarantine.release(tx, block, mine)
        else:
            quarantine.free(tx, block, mine)


# --- shared with interfaces ---------------------------------------------------------


def read_addresses(fields: Fields) -> list[int]:
    """Read ``addresses``, a list of IP addresses; null and the empty list are none."""
    value = fields.body.get("addresses")
    if value is None:
        return []
    if not isinstance(value, list):
        fields.wrong("addresses", "addresses should be a list")
        return []
    if len(value) > MAX_CHOSEN:
        fields.wrong("addresses", f"addresses should be a list of at most {MAX_CHOSEN} entries")
        return []
    found = []
    for text in value:
        try:
            found.append(parse_address(text))
        except ValueError:
            fields.wrong("addresses", "addresses has an entry that is not a valid address")
            return []
    return found


def lock_blocks(
    tx: Transaction, tenant_id: str, network_id: str, *, create: bool = True
) -> list[Row]:
    """Lock a tenant's blocks of a network, oldest first.

    A network without blocks gets a private one of ``default_cidr``, where that is set.

    Raises: NetworkNotFound, ValidationError (the default block overlaps another's)
    """
    if tx.context.confined_to not in (None, tenant_id):
        raise not_found(network_id)  # nobody takes addresses of another's network
    found = tx.execute(_blocks(tenant_id, network_id)).all()
    if not found:
        cidr = tx.conf.ipam.default_cidr
        if not create or not cidr:
            raise not_found(network_id)
        block = {"cidr": cidr, "network_id": network_id, "type": "private"}
        made = ip_blocks.create_ip_block(tx, tenant_id, block)
        return [ip_blocks.lock(tx, made["id"], tenant_id)]
    locked = ip_blocks.lock_many(tx, [row.id for row in found])
    # Ids that were imported are in no order of time.
    return sorted(locked.values(), key=lambda block: (block.created_at, block.id))


def allocate(
    tx: Transaction,
    blocks: Sequence[Row],
    interface: InterfaceState,
    chosen: Sequence[int],
) -> list[Resource]:
    """Allocate ``chosen``, or one address of each family, from locked blocks of a network.

    Raises: as ``allocate_network_ips``
    """
    open_blocks = [BlockAllocation(tx, block) for block in blocks if not block.subnets]
    if not open_blocks:
        raise errors.BlockHasSubnets()
    if chosen:
        results = [_allocate_chosen(open_blocks, interface, address) for address in chosen]
    else:
        families = [
            [block for block in open_blocks if block.cidr.version == version] for version in (4, 6)
        ]
        results = [_allocate_next(family, interface) for family in families if family]
    for block in open_blocks:
        block.flush()
    return addresses_in_blocks.show_allocated(tx, results)


def _allocate_chosen(
    blocks: Sequence[BlockAllocation], interface: InterfaceState, address: int
) -> Resource:
    for block in blocks:
        if block.cidr.contains(address):
            return block.allocate(interface, address)
    raise errors.AddressNotInBlock()


def _allocate_next(blocks: Sequence[BlockAllocation], interface: InterfaceState) -> Resource:
    refusal: errors.NoMoreAddressesError | None = None
    for block in blocks:
        try:
            return block.allocate(interface, None)
        except errors.NoMoreAddressesError as full:
            refusal = refusal or full
    raise refusal or errors.NoMoreAddressesError()


def _blocks(tenant_id: str, network_id: str) -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(BLOCKS)
        .where(BLOCKS.c.network_id == network_id, BLOCKS.c.tenant_id == tenant_id)
        .order_by(BLOCKS.c.id)
    )


def _check_network(tx: Transaction, tenant_id: str, network_id: str) -> None:
    if tx.execute(_blocks(tenant_id, network_id).limit(1)).first() is None:
        raise not_found(network_id)


def not_found(network_id: str) -> errors.NetworkNotFound:
    """Build the error for a network in which the tenant has no blocks."""
    return errors.NetworkNotFound(f"Network {network_id} not found")


def _find_holder(tx: Transaction, tenant_id: str, network_id: str, interface_id: str) -> None:
    interface = interface_states.find(tx, interface_id)
    if interface is None:
        raise errors.InterfaceNotFound()
    # Another's interface is known by what it leases here, else not at all.
    if tx.context.confined_to not in (None, interface.tenant_id):
        of_it = _held(tenant_id, network_id).where(ADDRESSES.c.interface_id == interface_id)
        if tx.execute(of_it.limit(1)).first() is None:
            raise errors.InterfaceNotFound()


def _held(tenant_id: str, network_id: str) -> sa.Select[Any]:
    # Looked up for each address: a join may be begun at the blocks, and end with a sort.
    network_of_it = (
        sa.select(BLOCKS.c.network_id)
        .where(BLOCKS.c.id == ADDRESSES.c.ip_block_id, BLOCKS.c.tenant_id == tenant_id)
        .correlate(ADDRESSES)
        .scalar_subquery()
    )
    return sa.select(ADDRESSES).where(
        network_of_it == network_id, ADDRESSES.c.deallocated_at.is_(None)
    )
