"""Ports as they are stored and shown; what networks and ports have in common."""

from __future__ import annotations

import sqlalchemy as sa

from ipamd.db.models import Port, table_of
from ipamd.operations import extra_keys
from ipamd.operations.common import Resource, Row, times

PORTS = table_of(Port)


def of_network(network_id: str) -> sa.Select[tuple[object, ...]]:
    """Build the statement that reads a network's ports in the order of their ids."""
    return sa.select(PORTS).where(PORTS.c.network_id == network_id).order_by(PORTS.c.id)


def show(port: Row, tenant_id: str) -> Resource:
    """Return a port as RPC results and events carry it, its extra keys included.

    ``attachment`` is ``{"id": …}``, and ``{}`` with nothing plugged in, as in Quantum.
    """
    return {
        **extra_keys.load(port.extra),
        "id": port.id,
        "tenant_id": tenant_id,
        "network_id": port.network_id,
        "state": port.state,
        "op_status": port.op_status,
        "attachment": show_attachment(port),
        **times(port),
    }


def show_attachment(port: Row) -> Resource:
    """Return what is plugged into a port."""
    return {} if port.attachment_id is None else {"id": port.attachment_id}
