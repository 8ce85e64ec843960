"""What tests of Quantum's networks and ports share."""

from __future__ import annotations

from typing import Any

from tests.db.store import TENANT, Store


def network(store: Store, name: str = "net", tenant: str = TENANT, **extra: Any) -> str:
    """Create a network; return its id."""
    body = {"name": name, **extra}
    return str(store.call("create_network", tenant_id=tenant, network=body)["id"])


def port(store: Store, network_id: str, attachment: str | None = None, **values: Any) -> str:
    """Create a port, on request with something plugged in; return its id."""
    at = {"tenant_id": TENANT, "network_id": network_id}
    made = str(store.call("create_port", port=values, **at)["id"])
    if attachment is not None:
        store.call("set_port_attachment", port_id=made, attachment={"id": attachment}, **at)
    return made


def events(store: Store) -> list[str]:
    """Return the types of all events so far, in their order."""
    return [row.event_type for row in store.rows("SELECT event_type FROM outbox ORDER BY id")]
