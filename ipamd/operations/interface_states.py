"""Interfaces as allocations see them: looked up, or made on the fly, by the vif id."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db import bulk
from ipamd.db.database import Transaction
from ipamd.db.models import Interface, IpAddress, IpBlock, MacAddress, Port, table_of
from ipamd.db.outbox import timestamp
from ipamd.db.prepared import Prepared
from ipamd.db.types import Time
from ipamd.db.walks import along
from ipamd.ids import new_id
from ipamd.ipam.mac import format_mac
from ipamd.operations import mac_addresses, quotas
from ipamd.operations.common import Resource, Row

INTERFACES = table_of(Interface)
_MACS = table_of(MacAddress)
_CANDIDATE = table_of(IpAddress).alias("candidate")
_NEVER = sa.literal(datetime(9999, 12, 31, tzinfo=UTC), Time)
# By interface and id, as the index has them: told to order by id alone, PostgreSQL may walk
# along the primary key, past everybody's addresses.
_BLOCK_OF_OLDEST = (
    sa.select(_CANDIDATE.c.ip_block_id)
    .where(
        along(_CANDIDATE.c.interface_id, INTERFACES.c.id),
        # Not "IS NULL": PostgreSQL without statistics would look all of them up for it.  Of
        # an inequality it expects a third of the rows, and walks; of a CASE, hardly one.
        sa.func.coalesce(_CANDIDATE.c.deallocated_at, _NEVER) >= _NEVER,
    )
    .order_by(_CANDIDATE.c.interface_id, _CANDIDATE.c.id)
    .limit(1)
    .correlate(INTERFACES)
    .scalar_subquery()
)
_NETWORK = table_of(IpBlock).alias("bound_block")
# Looked up, not joined: PostgreSQL would read all blocks there are to join a few of them.
_NETWORK_OF_OLDEST = (
    sa.select(_NETWORK.c.network_id).where(_NETWORK.c.id == _BLOCK_OF_OLDEST).scalar_subquery()
)
_PLUGGED = table_of(Port).alias("plugged")

STATE_COLUMNS = (
    INTERFACES.c.id.label("interface_id"),
    INTERFACES.c.tenant_id.label("interface_tenant_id"),
    INTERFACES.c.device_id,
    _MACS.c.address.label("mac"),
    _BLOCK_OF_OLDEST.label("bound_block_id"),
    _NETWORK_OF_OLDEST.label("bound_network_id"),
    _PLUGGED.c.network_id.label("plugged_network_id"),
)


def _with_mac_and_port(interfaces: sa.FromClause) -> sa.Join:
    """Join interfaces with their MAC address and port."""
    return sa.outerjoin(interfaces, _MACS, _MACS.c.interface_id == INTERFACES.c.id).outerjoin(
        _PLUGGED, _PLUGGED.c.attachment_id == INTERFACES.c.id
    )


def join_state(left: sa.FromClause, interface_id: sa.BindParameter[str]) -> sa.Join:
    """Join ``left`` with the state of one interface, which may not exist."""
    return _with_mac_and_port(sa.outerjoin(left, INTERFACES, INTERFACES.c.id == interface_id))


STATES = Prepared(
    sa.select(*STATE_COLUMNS)
    .select_from(_with_mac_and_port(INTERFACES))
    .where(INTERFACES.c.id.in_(sa.bindparam("ids", expanding=True)))
)
# Not FOR UPDATE on PostgreSQL: a row that refers to an interface may be written meanwhile.
LOCK = Prepared(
    sa.select(INTERFACES.c.id)
    .where(INTERFACES.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(INTERFACES.c.id)
    .with_for_update(key_share=True)
)


@dataclass
class InterfaceState:
    """An interface, its MAC address and the network that its port or addresses bind it to."""

    id: str
    tenant_id: str
    device_id: str | None
    mac: int | None
    bound: bool
    network_id: str | None

    def check_network(self, network_id: str | None) -> None:
        """Check that the interface may get an address of the network.

        Raises: InterfaceOnAnotherNetwork
        """
        if self.bound and self.network_id != network_id:
            raise errors.InterfaceOnAnotherNetwork(
                f"Interface {self.id} is configured on another network"
            )

    def join(self, network_id: str | None) -> None:
        """Bind the interface to the network of a block that it gets an address from."""
        self.bound, self.network_id = True, network_id

    def show_new(self, tx: Transaction) -> Resource:
        """Return an interface made on the fly as its event tells of it: no address yet."""
        moment = timestamp(tx.now)
        return {
            "id": self.id,
            "tenant_id": self.tenant_id,
            "device_id": self.device_id,
            "mac_address": None if self.mac is None else format_mac(self.mac),
            "ip_addresses": [],
            "created_at": moment,
            "updated_at": moment,
        }


def find(tx: Transaction, interface_id: str) -> InterfaceState | None:
    """Look an interface up by its id, whoever's it is."""
    return find_many(tx, [interface_id]).get(interface_id)


def find_many(tx: Transaction, interface_ids: Collection[str]) -> dict[str, InterfaceState]:
    """Look interfaces up by their ids; those that do not exist are left out."""
    states = (from_row(row) for row in STATES.fetch(tx, {"ids": list(interface_ids)}))
    return {state.id: state for state in states if state}


def lock(tx: Transaction, interface_ids: Collection[str]) -> None:
    """Lock the interfaces that exist, in the order of their ids, until the transaction ends.

    Whoever binds an interface to a network, by an address or a port, holds its lock from
    before the look at what it is bound to.  Blocks and ports are locked first.  SQLite has
    one writer, which is lock enough.
    """
    if interface_ids and tx.dialect != "sqlite":
        LOCK.fetch(tx, {"ids": sorted(interface_ids)})


def find_locked(tx: Transaction, interface_id: str) -> InterfaceState | None:
    """Lock an interface, and look it up as its last writer left it."""
    lock(tx, [interface_id])
    return find(tx, interface_id)


def from_row(row: Row) -> InterfaceState | None:
    """Make a state of a row with ``STATE_COLUMNS``; None where no interface was joined."""
    if row.interface_id is None:
        return None
    plugged = row.plugged_network_id is not None
    return InterfaceState(
        row.interface_id,
        row.interface_tenant_id,
        row.device_id,
        row.mac,
        plugged or row.bound_block_id is not None,
        row.plugged_network_id if plugged else row.bound_network_id,
    )


def find_or_create(
    tx: Transaction,
    interface_id: str | None,
    tenant_id: str,
    device_id: str | None,
    mac: int | None,
) -> InterfaceState:
    """Return the tenant's interface, locked; make one when there is none, or no id was given.

    What an existing interface has, device and MAC address, stays as it is.

    Raises: ValidationError when the id is another tenant's interface.
    """
    if interface_id is not None:
        known = find_locked(tx, interface_id)
        if known is not None:
            if not may_use(tx.context, known, tenant_id):
                raise taken(interface_id)
            return known
    made = create(tx, interface_id, tenant_id, device_id, mac)
    tx.emit("interface.create", made.show_new(tx), tenant_id=tenant_id)
    return made


def create(
    tx: Transaction,
    interface_id: str | None,
    tenant_id: str,
    device_id: str | None,
    mac: int | None,
) -> InterfaceState:
    """Insert an interface, with the MAC address given or, if there are ranges, the next one.

    Raises: QuotaExceeded, ValidationError (MAC address in use), NoMoreMacAddressesError,
        InstanceNotFound (the device is another tenant's)
    """
    check_device(tx, device_id)
    quotas.take(tx, "interfaces", tenant_id)
    state = InterfaceState(interface_id or new_id(), tenant_id, device_id, None, False, None)
    tx.execute(
        sa.insert(INTERFACES),
        {
            "id": state.id,
            "tenant_id": tenant_id,
            "device_id": device_id,
            "created_at": tx.now,
            "updated_at": tx.now,
        },
    )
    state.mac = mac_addresses.assign(tx, state.id, tenant_id, mac)
    return state


def check_device(tx: Transaction, device_id: str | None) -> None:
    """Check that a confined request adds no interface to another tenant's device.

    Whoever lists a device's interfaces to plug them in would plug that one in as well.

    Raises: InstanceNotFound
    """
    if device_id is not None and foreign_devices(tx, [device_id]):
        raise not_mine(device_id)


def foreign_devices(tx: Transaction, device_ids: Collection[str]) -> set[str]:
    """Return those of the devices that a confined request must not add interfaces to."""
    tenant = tx.context.confined_to
    if tenant is None:
        return set()
    others = sa.select(INTERFACES.c.device_id).distinct().where(INTERFACES.c.tenant_id != tenant)
    return {
        device
        for portion in bulk.portions(tx, sorted(device_ids))
        for device in tx.execute(others.where(INTERFACES.c.device_id.in_(portion))).scalars()
    }


def not_mine(device_id: str) -> errors.InstanceNotFound:
    """Build the error for another tenant's device."""
    return errors.InstanceNotFound(f"Instance {device_id} could not be found.")


def may_use(context: RequestContext, interface: InterfaceState, tenant_id: str) -> bool:
    """Tell whether a request may give addresses, leased to a tenant, to an interface.

    To another tenant's an owner leases addresses, but not by adding them to what is there.
    """
    return interface.tenant_id == tenant_id and context.confined_to in (None, tenant_id)


def taken(interface_id: str) -> errors.ValidationError:
    """Build the error for an interface id that another tenant uses."""
    text = f"Virtual Interface {interface_id} already exists"
    return errors.ValidationError(fields={"virtual_interface_id": [text]})
