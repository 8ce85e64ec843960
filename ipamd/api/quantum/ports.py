"""Views of ports and attachments: (api, variables of the path) → (document, status)."""

from __future__ import annotations

from typing import Any, Final

from ipamd.api.quantum import documents
from ipamd.api.quantum.api import Api, read_filters
from ipamd.api.quantum.networks import Answer

FILTERS: Final = {
    "state": "state",
    "op-status": "op_status",
    "has-attachment": "has_attachment",
    "attachment": "attachment",
}


def list_ports(api: Api, tenant_id: str, network_id: str) -> Answer:
    """List the ids of a network's ports."""
    return {"ports": [{"id": found["id"]} for found in _list(api, tenant_id, network_id)]}, 200


def list_ports_in_detail(api: Api, tenant_id: str, network_id: str) -> Answer:
    """List a network's ports with their states; their attachments are not shown."""
    return {"ports": [api.show_port(found) for found in _list(api, tenant_id, network_id)]}, 200


def get_port(api: Api, tenant_id: str, **port: str) -> Answer:
    """Show a port."""
    return {"port": api.show_port(api.call("get_port", tenant_id, **port))}, 200


def get_port_in_detail(api: Api, tenant_id: str, **port: str) -> Answer:
    """Show a port with what is plugged in."""
    found = api.call("get_port", tenant_id, **port)
    return {"port": api.show_port(found, attachment=True)}, 200


def create_port(api: Api, tenant_id: str, network_id: str) -> Answer:
    """Create a port and answer its id; the body may be missing."""
    body = documents.read("port")
    made = api.call("create_port", tenant_id, network_id=network_id, port=body)
    return {"port": {"id": made["id"]}}, api.version.created


def update_port(api: Api, tenant_id: str, **port: str) -> Answer:
    """Set a port's state; no state is the default, as in a creation."""
    body = documents.read("port")
    body["state"] = body.get("state") or "DOWN"
    api.call("update_port", tenant_id, port=body, **port)
    return None, 204


def delete_port(api: Api, tenant_id: str, **port: str) -> Answer:
    """Delete a port."""
    api.call("delete_port", tenant_id, **port)
    return None, 204


def get_port_attachment(api: Api, tenant_id: str, **port: str) -> Answer:
    """Show what is plugged into a port, if anything is."""
    return {"attachment": api.call("get_port_attachment", tenant_id, **port)}, 200


def set_port_attachment(api: Api, tenant_id: str, **port: str) -> Answer:
    """Plug an interface into a port."""
    body = documents.read("attachment", "id")
    api.call("set_port_attachment", tenant_id, attachment={"id": body["id"]}, **port)
    return None, 204


def delete_port_attachment(api: Api, tenant_id: str, **port: str) -> Answer:
    """Unplug what is plugged into a port, if anything is."""
    api.call("delete_port_attachment", tenant_id, **port)
    return None, 204


def _list(api: Api, tenant_id: str, network_id: str) -> list[dict[str, Any]]:
    filters = read_filters(FILTERS)
    if filters is None:
        api.call("get_network", tenant_id, network_id=network_id)
        return []
    return api.every("list_ports", "ports", tenant_id, network_id=network_id, **filters)
