"""Views of networks: (api, variables of the path) → (document, status)."""

from __future__ import annotations

from typing import Any, Final

from ipamd.api.quantum import documents
from ipamd.api.quantum.api import Api, read_filters

FILTERS: Final = {
    "name": "name",
    "op-status": "op_status",
    "port": "port",
    "port-state": "port_state",
    "port-op-status": "port_op_status",
    "has-attachment": "has_attachment",
    "attachment": "attachment",
}
Answer = tuple[dict[str, Any] | None, int]


def list_networks(api: Api, tenant_id: str) -> Answer:
    """List the ids of a tenant's networks."""
    return {"networks": [{"id": found["id"]} for found in _list(api, tenant_id)]}, 200


def list_networks_in_detail(api: Api, tenant_id: str) -> Answer:
    """List a tenant's networks with their names."""
    return {"networks": [api.show_network(found) for found in _list(api, tenant_id)]}, 200


def get_network(api: Api, tenant_id: str, network_id: str) -> Answer:
    """Show a network."""
    found = api.call("get_network", tenant_id, network_id=network_id)
    return {"network": api.show_network(found)}, 200


def get_network_in_detail(api: Api, tenant_id: str, network_id: str) -> Answer:
    """Show a network with its ports and what is plugged into them."""
    found = api.call("get_network", tenant_id, network_id=network_id)
    ports = api.every("list_ports", "ports", tenant_id, network_id=network_id)
    shown = api.show_network(found)
    shown["ports"] = [api.show_port(port, attachment=True) for port in ports]
    return {"network": shown}, 200


def create_network(api: Api, tenant_id: str) -> Answer:
    """Create a network and answer its id."""
    body = documents.read("network", "name")
    made = api.call("create_network", tenant_id, network=body)
    return {"network": {"id": made["id"]}}, api.version.created


def update_network(api: Api, tenant_id: str, network_id: str) -> Answer:
    """Rename a network."""
    body = documents.read("network", "name")
    api.call("update_network", tenant_id, network_id=network_id, network=body)
    return None, 204


def delete_network(api: Api, tenant_id: str, network_id: str) -> Answer:
    """Delete a network with its ports."""
    api.call("delete_network", tenant_id, network_id=network_id)
    return None, 204


def _list(api: Api, tenant_id: str) -> list[dict[str, Any]]:
    filters = read_filters(FILTERS)
    if filters is None:
        return []
    return api.every("list_networks", "networks", tenant_id, **filters)
