"""IP addresses of a block: allocated, listed, released and restored."""

from __future__ import annotations

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.ipam.addresses import parse_address
from ipamd.operations import interface_states, ip_blocks, quarantine
from ipamd.operations.allocation import ADDRESSES, BlockAllocation, show
from ipamd.operations.common import Resource, Row, page
from ipamd.operations.fields import Fields

MAX_COUNT = 65_536


def list_ip_addresses(
    tx: Transaction,
    tenant_id: str | None,
    ip_block_id: str,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List the addresses of a block, held and in quarantine.

    Raises: IpBlockNotFound
    """
    ip_blocks.find(tx, ip_block_id, tenant_id)
    within = (ADDRESSES.c.ip_block_id, ip_block_id)
    statement = sa.select(ADDRESSES)
    return page(tx, "ip_addresses", statement, ADDRESSES.c.id, show, limit, marker, within)


def list_allocated_ip_addresses(
    tx: Transaction,
    tenant_id: str | None = None,
    used_by_device: str | None = None,
    address: str | None = None,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List addresses in use: those leased to a tenant, used by a device, or one address."""
    statement = sa.select(ADDRESSES).where(ADDRESSES.c.deallocated_at.is_(None))
    within = None
    if address is not None:
        # There are few of them, in blocks that overlap.
        if used_by_device is not None:
            statement = statement.where(ADDRESSES.c.used_by_device_id == used_by_device)
        if tenant_id is not None:
            statement = statement.where(ADDRESSES.c.used_by_tenant_id == tenant_id)
    elif used_by_device is not None:
        within = (ADDRESSES.c.used_by_device_id, used_by_device)
        if tenant_id is not None:
            statement = statement.where(ADDRESSES.c.used_by_tenant_id == tenant_id)
    elif tenant_id is not None:
        within = (ADDRESSES.c.used_by_tenant_id, tenant_id)
    if address is not None:
        try:
            statement = statement.where(ADDRESSES.c.address == parse_address(address))
        except ValueError:
            return {"ip_addresses": [], "next_marker": None}
    return page(tx, "ip_addresses", statement, ADDRESSES.c.id, show, limit, marker, within)


def get_ip_address(
    tx: Transaction, tenant_id: str | None, ip_block_id: str, address: str
) -> Resource:
    """Return one address of a block, held or in quarantine.

    Raises: IpBlockNotFound, IpAddressNotFound
    """
    return show(find_in(tx, ip_blocks.find(tx, ip_block_id, tenant_id), address))


def allocate_ip_address(
    tx: Transaction, tenant_id: str | None, ip_block_id: str, ip_address: Resource | None = None
) -> Resource:
    """Allocate an address: the one given, else the lowest free one.

    ``ip_address`` is ``{address?, interface_id?, tenant_id?, used_by_device?,
    mac_address?}``; ``tenant_id`` in it is the lessee, by default the block's owner.

    Raises: IpBlockNotFound, ValidationError, NoMoreMacAddressesError, and as
        ``BlockAllocation.allocate``
    """
    fields = Fields(ip_address, "ip_address")
    chosen = fields.address("address", "address is not a valid address")
    interface_id, lessee, device, mac = holder(fields)
    block = ip_blocks.lock(tx, ip_block_id, tenant_id)
    interface = interface_states.find_or_create(
        tx, interface_id, lessee or block.tenant_id, device, mac
    )
    allocation = BlockAllocation(tx, block)
    result = allocation.allocate(interface, chosen)
    allocation.flush()
    return result


def allocate_ip_addresses(
    tx: Transaction,
    tenant_id: str | None,
    ip_block_id: str,
    count: int,
    ip_address: Resource | None = None,
) -> Resource:
    """Allocate ``count`` addresses to one interface, all or nothing.

    They are contiguous where the block's free space has such a run.

    Raises: as ``allocate_ip_address``
    """
    fields = Fields(ip_address, "ip_address")
    if not 1 <= count <= MAX_COUNT:
        fields.wrong("count", f"count should be between 1 and {MAX_COUNT}")
    if fields.body.get("address"):
        fields.wrong("address", "address can not be chosen together with count")
    interface_id, lessee, device, mac = holder(fields)
    block = ip_blocks.lock(tx, ip_block_id, tenant_id)
    if count > block.last - block.first + 1:
        raise errors.NoMoreAddressesError("IpBlock has fewer addresses than count")
    interface = interface_states.find_or_create(
        tx, interface_id, lessee or block.tenant_id, device, mac
    )
    allocation = BlockAllocation(tx, block)
    results = allocation.allocate_many(interface, count)
    allocation.flush()
    return {"ip_addresses": results}


def deallocate_ip_address(
    tx: Transaction, tenant_id: str | None, ip_block_id: str, address: str
) -> None:
    """Put an address into quarantine; doing it again changes nothing.

    Raises: IpBlockNotFound, IpAddressNotFound
    """
    block = ip_blocks.lock(tx, ip_block_id, tenant_id)
    quarantine.release(tx, block, [find_in(tx, block, address)])


def restore_ip_address(
    tx: Transaction, tenant_id: str | None, ip_block_id: str, address: str
) -> Resource:
    """Take an address out of quarantine; it goes back to its interface, if that exists.

    Raises: IpBlockNotFound, IpAddressNotFound, InterfaceOnAnotherNetwork, QuotaExceeded,
        Forbidden (a lessee may not take back what the block's owner may have ended)
    """
    block = ip_blocks.lock(tx, ip_block_id, tenant_id)
    row = find_in(tx, block, address)
    if tx.context.confined_to not in (None, block.tenant_id):
        raise errors.Forbidden("Only the owner of its block restores an address")
    quarantine.restore(tx, block, row)
    return show(find(tx, block, address))


def find_in(tx: Transaction, block: Row, address: str) -> Row:
    """Read an address that the request reaches: of its own block, or leased of another's.

    Raises: IpAddressNotFound; IpBlockNotFound where it reaches nothing in the block
    """
    tenant = tx.context.confined_to
    if tenant in (None, block.tenant_id):
        return find(tx, block, address)
    try:
        row = find(tx, block, address)
    except errors.IpAddressNotFound:
        raise errors.IpBlockNotFound() from None
    if row.used_by_tenant_id != tenant:
        raise errors.IpBlockNotFound()
    return row


def find(tx: Transaction, block: Row, address: str) -> Row:
    """Read the row of an address given as text.

    Raises: IpAddressNotFound, also for text that is no address
    """
    try:
        value = parse_address(address)
    except ValueError:
        raise errors.IpAddressNotFound() from None
    return quarantine.locked_row(tx, block, value)


def holder(fields: Fields) -> tuple[str | None, str | None, str | None, int | None]:
    """Read who is to hold an address: interface, lessee, device and MAC address.

    Raises: ValidationError
    """
    found = (
        fields.text("interface_id"),
        fields.text("tenant_id"),
        fields.text("used_by_device"),
        fields.mac(),
    )
    fields.check()
    return found
