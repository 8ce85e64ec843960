"""Virtual interfaces of an instance, as Nova's os-virtual-interfaces lists them."""

from __future__ import annotations

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.ipam.mac import format_mac
from ipamd.operations import interface_states
from ipamd.operations.common import Resource, Row, page
from ipamd.operations.interface_states import INTERFACES


def list_virtual_interfaces(
    tx: Transaction,
    instance_id: str,
    tenant_id: str | None = None,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List ``{id, mac_address, net_id}`` of an instance's interfaces, ordered by id.

    ``net_id`` is the network of the port that the interface is plugged into, else of its
    addresses, else null.  With ``tenant_id`` other tenants' interfaces are left out.

    Raises: InstanceNotFound when the instance has no interface
    """
    statement = sa.select(INTERFACES.c.id)
    if tenant_id is not None:
        statement = statement.where(INTERFACES.c.tenant_id == tenant_id)
    within = (INTERFACES.c.device_id, instance_id)
    key = INTERFACES.c.id
    found = page(tx, "virtual_interfaces", statement, key, _id_of, limit, marker, within)
    ids = [interface["id"] for interface in found["virtual_interfaces"]]
    any_of_it = statement.where(INTERFACES.c.device_id == instance_id).limit(1)
    if not ids and tx.execute(any_of_it).first() is None:
        raise errors.InstanceNotFound(f"Instance {instance_id} could not be found.")
    states = interface_states.find_many(tx, ids) if ids else {}
    shown = [
        {
            "id": state.id,
            "mac_address": None if state.mac is None else format_mac(state.mac),
            "net_id": state.network_id,
        }
        # One that was deleted a moment ago has an id here, and no state any more.
        for state in (states[interface_id] for interface_id in ids if interface_id in states)
    ]
    return {**found, "virtual_interfaces": shown}


def _id_of(row: Row) -> Resource:
    return {"id": row.id}
