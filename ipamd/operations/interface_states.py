"""Interfaces as allocations see them: looked up, or made on the fly, by the vif id."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.db.ids import new_id
from ipamd.db.models import Interface, IpAddress, IpBlock, MacAddress, table_of
from ipamd.db.outbox import timestamp
from ipamd.ipam.mac import format_mac
from ipamd.operations import mac_addresses
from ipamd.operations.common import Resource

INTERFACES = table_of(Interface)
_MACS = table_of(MacAddress)
_LIVE = table_of(IpAddress).alias("live")
_BLOCKS = table_of(IpBlock)

_FIRST_LIVE = table_of(IpAddress).alias("candidate")
# SELECT i.*, m.address, live.id, b.network_id FROM interfaces i
#   LEFT JOIN mac_addresses m ON m.interface_id = i.id
#   LEFT JOIN ip_addresses live ON live.id = (the oldest address of i not in quarantine)
#   LEFT JOIN ip_blocks b ON b.id = live.ip_block_id
_STATE = (
    sa.select(
        INTERFACES,
        _MACS.c.address.label("mac"),
        _LIVE.c.id.label("live_id"),
        _BLOCKS.c.network_id.label("network_id"),
    )
    .select_from(
        INTERFACES.outerjoin(_MACS, _MACS.c.interface_id == INTERFACES.c.id)
        .outerjoin(
            _LIVE,
            _LIVE.c.id
            == sa.select(_FIRST_LIVE.c.id)
            .where(
                _FIRST_LIVE.c.interface_id == INTERFACES.c.id,
                _FIRST_LIVE.c.deallocated_at.is_(None),
            )
            .order_by(_FIRST_LIVE.c.id)
            .limit(1)
            .correlate(INTERFACES)
            .scalar_subquery(),
        )
        .outerjoin(_BLOCKS, _BLOCKS.c.id == _LIVE.c.ip_block_id)
    )
    .where(INTERFACES.c.id == sa.bindparam("interface_id"))
)


@dataclass
class InterfaceState:
    """An interface, its MAC address and the network it is bound to by its addresses."""

    id: str
    tenant_id: str
    device_id: str | None
    mac: int | None
    bound: bool
    network_id: str | None

    def join(self, network_id: str | None) -> None:
        """Bind the interface to the network of a block that it gets an address from.

        Raises: InterfaceOnAnotherNetwork
        """
        if self.bound and self.network_id != network_id:
            raise errors.InterfaceOnAnotherNetwork(
                f"Interface {self.id} is configured on another network"
            )
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
    row = tx.execute(_STATE, {"interface_id": interface_id}).first()
    if row is None:
        return None
    return InterfaceState(
        row.id, row.tenant_id, row.device_id, row.mac, row.live_id is not None, row.network_id
    )


def find_or_create(
    tx: Transaction,
    interface_id: str | None,
    tenant_id: str,
    device_id: str | None,
    mac: int | None,
) -> InterfaceState:
    """Return the tenant's interface; make one when there is none, or no id was given.

    What an existing interface has, device and MAC address, stays as it is.

    Raises: ValidationError when the id is another tenant's interface.
    """
    if interface_id is not None:
        known = find(tx, interface_id)
        if known is not None:
            if known.tenant_id != tenant_id:
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

    Raises: ValidationError (MAC address in use), NoMoreMacAddressesError
    """
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


def taken(interface_id: str) -> errors.ValidationError:
    """Build the error for an interface id that another tenant uses."""
    text = f"Virtual Interface {interface_id} already exists"
    return errors.ValidationError(fields={"virtual_interface_id": [text]})
