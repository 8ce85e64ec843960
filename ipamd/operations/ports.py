"""Ports of Quantum networks, and what is plugged into them.

An attachment's id is an interface's id, or any other text (Nova plugs in gateways that are
no interfaces).  It is plugged into one port at most, of whichever tenant.  An interface that
is plugged in belongs to the port's network: one that holds addresses of another network is
refused, and once plugged in it gets addresses of that network only.

Source: Quantum v1 API.
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.operations import extra_keys, interface_states, quantum_networks
from ipamd.operations.common import Resource, Row, page
from ipamd.operations.fields import Fields
from ipamd.operations.port_rows import PORTS, of_network, show, show_attachment

STATES = ("ACTIVE", "DOWN")
DEFAULT_STATE = "DOWN"
# What ipamd itself keeps of a port; a body's other keys are stored with it as they are.
OWN = frozenset(
    {
        "id",
        "tenant_id",
        "network_id",
        "state",
        "op_status",
        "op-status",
        "attachment",
        "created_at",
        "updated_at",
    }
)


def list_ports(
    tx: Transaction,
    tenant_id: str,
    network_id: str,
    state: str | None = None,
    op_status: str | None = None,
    has_attachment: bool | None = None,
    attachment: str | None = None,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List the ports of a tenant's network that match every filter, ordered by id.

    Raises: NetworkNotFound
    """
    quantum_networks.find(tx, tenant_id, network_id)
    statement = sa.select(PORTS).where(PORTS.c.network_id == network_id)
    for column, value in (
        (PORTS.c.state, state),
        (PORTS.c.op_status, op_status),
        (PORTS.c.attachment_id, attachment),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if has_attachment is not None:
        empty = PORTS.c.attachment_id.is_(None)
        statement = statement.where(sa.not_(empty) if has_attachment else empty)

    def show_one(port: Row) -> Resource:
        return show(port, tenant_id)

    return page(tx, "ports", statement, PORTS.c.id, show_one, limit, marker)


def get_port(tx: Transaction, tenant_id: str, network_id: str, port_id: str) -> Resource:
    """Return one port.

    Raises: NetworkNotFound, PortNotFound
    """
    return show(_find(tx, tenant_id, network_id, port_id), tenant_id)


def create_port(
    tx: Transaction, tenant_id: str, network_id: str, port: Resource | None = None
) -> Resource:
    """Create a port from ``{state?, …}``, ``DOWN`` by default; other keys are kept.

    Raises: NetworkNotFound, PortStateInvalid, ValidationError
    """
    fields = Fields(port, "port")
    extra = extra_keys.read(fields, OWN)
    quantum_networks.lock(tx, tenant_id, network_id)
    state = _read_state(fields) or DEFAULT_STATE
    fields.check()
    port_id = str(uuid.uuid4())
    row = {
        "id": port_id,
        "network_id": network_id,
        "state": state,
        "op_status": quantum_networks.UP,
        "attachment_id": None,
        "extra": extra_keys.dump(extra),
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    tx.execute(sa.insert(PORTS), row)
    result = get_port(tx, tenant_id, network_id, port_id)
    tx.emit("port.create", result, tenant_id=tenant_id)
    return result


def update_port(
    tx: Transaction, tenant_id: str, network_id: str, port_id: str, port: Resource
) -> Resource:
    """Change a port's ``state`` and its extra keys, as far as they are given.

    Raises: NetworkNotFound, PortNotFound, PortStateInvalid, ValidationError
    """
    fields = Fields(port, "port")
    known = _lock(tx, tenant_id, network_id, port_id)
    extra = extra_keys.read(fields, OWN, extra_keys.load(known.extra))
    state = _read_state(fields) or known.state
    fields.check()
    return _change(tx, tenant_id, known, state=state, extra=extra_keys.dump(extra))


def delete_port(tx: Transaction, tenant_id: str, network_id: str, port_id: str) -> None:
    """Delete a port that nothing is plugged into.

    Raises: NetworkNotFound, PortNotFound, PortInUse
    """
    port = _lock(tx, tenant_id, network_id, port_id)
    _check_empty(port)
    tx.emit("port.delete", show(port, tenant_id), tenant_id=tenant_id)
    tx.execute(sa.delete(PORTS).where(PORTS.c.id == port_id))


def get_port_attachment(
    tx: Transaction, tenant_id: str, network_id: str, port_id: str
) -> Resource:
    """Return what is plugged into a port: ``{"id": …}``, or ``{}``.

    Raises: NetworkNotFound, PortNotFound
    """
    return show_attachment(_find(tx, tenant_id, network_id, port_id))


def set_port_attachment(
    tx: Transaction, tenant_id: str, network_id: str, port_id: str, attachment: Resource
) -> Resource:
    """Plug ``{id}`` into an empty port.

    Raises: NetworkNotFound, PortNotFound, ValidationError, PortInUse (be it by the same id),
        AlreadyAttached, InterfaceOnAnotherNetwork, InterfaceNotFound (it is another tenant's)
    """
    fields = Fields(attachment, "attachment")
    attachment_id = fields.text("id", required=True)
    fields.check()
    port = _lock(tx, tenant_id, network_id, port_id)
    _check_empty(port)
    # Of two that plug the same id in at once, one fails on the unique key and runs again.
    elsewhere = tx.execute(
        sa.select(PORTS.c.id).where(PORTS.c.attachment_id == attachment_id)
    ).first()
    if elsewhere is not None:
        raise errors.AlreadyAttached(f"{attachment_id} is plugged into another port")
    interface = interface_states.find_locked(tx, str(attachment_id))
    if interface is not None and tx.context.confined_to not in (None, interface.tenant_id):
        raise errors.InterfaceNotFound()
    if interface is not None and interface.network_id is not None:
        interface.check_network(network_id)
    return dict(_change(tx, tenant_id, port, attachment_id=attachment_id)["attachment"])


def delete_port_attachment(tx: Transaction, tenant_id: str, network_id: str, port_id: str) -> None:
    """Unplug what is plugged into a port, if anything is.

    Raises: NetworkNotFound, PortNotFound
    """
    port = _lock(tx, tenant_id, network_id, port_id)
    if port.attachment_id is not None:
        _change(tx, tenant_id, port, attachment_id=None)


def _find(tx: Transaction, tenant_id: str, network_id: str, port_id: str) -> Row:
    quantum_networks.find(tx, tenant_id, network_id)
    return _read(tx, network_id, port_id)


def _lock(tx: Transaction, tenant_id: str, network_id: str, port_id: str) -> Row:
    quantum_networks.lock(tx, tenant_id, network_id)
    return _read(tx, network_id, port_id)


def _read(tx: Transaction, network_id: str, port_id: str) -> Row:
    row = tx.execute(of_network(network_id).where(PORTS.c.id == port_id)).first()
    if row is None:
        raise errors.PortNotFound(f"Port {port_id} could not be found on network {network_id}")
    return row


def _change(tx: Transaction, tenant_id: str, port: Row, **values: str | None) -> Resource:
    """Write new values into a locked port and tell of it."""
    tx.execute(sa.update(PORTS).where(PORTS.c.id == port.id).values(**values, updated_at=tx.now))
    result = show(_read(tx, port.network_id, port.id), tenant_id)
    tx.emit("port.update", result, tenant_id=tenant_id)
    return result


def _check_empty(port: Row) -> None:
    if port.attachment_id is not None:
        raise errors.PortInUse(f"{port.attachment_id} is plugged into port {port.id}")


def _read_state(fields: Fields) -> str | None:
    """Read ``state``; None, "" and the like are none.

    Raises: PortStateInvalid
    """
    state = fields.body.get("state")
    if not state:
        return None
    if not isinstance(state, str) or state not in STATES:
        shown = str(state)[:40]
        raise errors.PortStateInvalid(f"{shown} is no state of a port, {' and '.join(STATES)} are")
    return state
