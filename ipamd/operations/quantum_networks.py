"""Networks as Quantum knew them: owned by one tenant, with ports; no addressing.

A network's id is the ``network_id`` of the blocks that its addresses come from; either may
exist without the other.  Tenants are kept strictly apart: another tenant's network is not
found.  Locks: whatever changes a network or one of its ports first locks the network's row.

Source: Quantum v1 API.
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.db.models import Network, table_of
from ipamd.operations import extra_keys, port_rows
from ipamd.operations.common import Resource, Row, page, times
from ipamd.operations.fields import Fields
from ipamd.operations.port_rows import PORTS

NETWORKS = table_of(Network)

# What ipamd itself keeps of a network; a body's other keys are stored with it as they are.
OWN = frozenset(
    {"id", "tenant_id", "name", "op_status", "op-status", "ports", "created_at", "updated_at"}
)
UP = "UP"


def list_networks(
    tx: Transaction,
    tenant_id: str,
    name: str | None = None,
    op_status: str | None = None,
    port: str | None = None,
    port_state: str | None = None,
    port_op_status: str | None = None,
    has_attachment: bool | None = None,
    attachment: str | None = None,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List a tenant's networks that match every filter, in the order of their ids.

    ``port`` (an id), ``port_state``, ``port_op_status`` and ``attachment`` each ask for a
    network with some such port; ``has_attachment`` whether anything is plugged in at all.
    """
    statement = sa.select(NETWORKS).where(NETWORKS.c.tenant_id == tenant_id)
    for column, value in ((NETWORKS.c.name, name), (NETWORKS.c.op_status, op_status)):
        if value is not None:
            statement = statement.where(column == value)
    for column, value in (
        (PORTS.c.id, port),
        (PORTS.c.state, port_state),
        (PORTS.c.op_status, port_op_status),
        (PORTS.c.attachment_id, attachment),
    ):
        if value is not None:
            statement = statement.where(_has_port(column == value))
    if has_attachment is not None:
        plugged = _has_port(PORTS.c.attachment_id.is_not(None))
        statement = statement.where(plugged if has_attachment else sa.not_(plugged))
    return page(tx, "networks", statement, NETWORKS.c.id, show, limit, marker)


def get_network(tx: Transaction, tenant_id: str, network_id: str) -> Resource:
    """Return one network.

    Raises: NetworkNotFound
    """
    return show(find(tx, tenant_id, network_id))


def create_network(tx: Transaction, tenant_id: str, network: Resource) -> Resource:
    """Create a network from ``{name, …}``; names need not be unique, other keys are kept.

    Raises: ValidationError
    """
    fields = Fields(network, "network")
    name = fields.text("name", required=True)
    extra = extra_keys.read(fields, OWN)
    fields.check()
    # Random in every part: Nova names a gateway's attachment after the first 11 characters
    # of the network's id, which ids that grow with time share for 256 ms.
    network_id = str(uuid.uuid4())
    row = {
        "id": network_id,
        "tenant_id": tenant_id,
        "name": name,
        "op_status": UP,
        "extra": extra_keys.dump(extra),
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    tx.execute(sa.insert(NETWORKS), row)
    result = get_network(tx, tenant_id, network_id)
    tx.emit("network.create", result, tenant_id=tenant_id)
    return result


def update_network(
    tx: Transaction, tenant_id: str, network_id: str, network: Resource
) -> Resource:
    """Change a network's ``name`` and its extra keys, as far as they are given.

    Raises: NetworkNotFound, ValidationError
    """
    fields = Fields(network, "network")
    name = fields.text("name", required=fields.given("name"))
    known = lock(tx, tenant_id, network_id)
    extra = extra_keys.read(fields, OWN, extra_keys.load(known.extra))
    fields.check()
    values = {
        "name": known.name if name is None else name,
        "extra": extra_keys.dump(extra),
        "updated_at": tx.now,
    }
    tx.execute(sa.update(NETWORKS).where(NETWORKS.c.id == network_id).values(**values))
    result = get_network(tx, tenant_id, network_id)
    tx.emit("network.update", result, tenant_id=tenant_id)
    return result


def delete_network(tx: Transaction, tenant_id: str, network_id: str) -> None:
    """Delete a network with its ports, unless something is plugged into one of them.

    Blocks with its id as ``network_id`` stay.

    Raises: NetworkNotFound, NetworkInUse
    """
    network = lock(tx, tenant_id, network_id)
    ports = tx.execute(port_rows.of_network(network_id)).all()
    plugged = sum(port.attachment_id is not None for port in ports)
    if plugged:
        raise errors.NetworkInUse(
            f"Network {network_id} has {plugged} port(s) with an attachment; unplug them first"
        )
    for port in ports:
        tx.emit("port.delete", port_rows.show(port, tenant_id), tenant_id=tenant_id)
    tx.emit("network.delete", show(network), tenant_id=tenant_id)
    tx.execute(sa.delete(PORTS).where(PORTS.c.network_id == network_id))
    tx.execute(sa.delete(NETWORKS).where(NETWORKS.c.id == network_id))


# --- shared with ports --------------------------------------------------------------


def find(tx: Transaction, tenant_id: str, network_id: str) -> Row:
    """Read a tenant's network.

    Raises: NetworkNotFound
    """
    return _one(tx, _of(tenant_id, network_id), network_id)


def lock(tx: Transaction, tenant_id: str, network_id: str) -> Row:
    """Lock a tenant's network, and with it its ports.

    Raises: NetworkNotFound
    """
    return _one(tx, _of(tenant_id, network_id).with_for_update(), network_id)


def show(network: Row) -> Resource:
    """Return a network as RPC results and events carry it, its extra keys included."""
    return {
        **extra_keys.load(network.extra),
        "id": network.id,
        "tenant_id": network.tenant_id,
        "name": network.name,
        "op_status": network.op_status,
        **times(network),
    }


def _of(tenant_id: str, network_id: str) -> sa.Select[tuple[object, ...]]:
    return sa.select(NETWORKS).where(
        NETWORKS.c.id == network_id, NETWORKS.c.tenant_id == tenant_id
    )


def _one(tx: Transaction, statement: sa.Select[tuple[object, ...]], network_id: str) -> Row:
    row = tx.execute(statement).first()
    if row is None:
        raise errors.NetworkNotFound(f"Network {network_id} could not be found")
    return row


def _has_port(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.select(PORTS.c.id).where(PORTS.c.network_id == NETWORKS.c.id, condition).exists()
