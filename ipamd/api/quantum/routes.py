"""Every route of Quantum's API, in one table: verb, path below the version, view.

Both versions have them all; the variables of a path carry the names of RPC arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ipamd.api.quantum import networks, ports

NETWORKS: Final = "/tenants/{tenant_id}/networks"
NETWORK: Final = NETWORKS + "/{network_id}"
PORTS: Final = NETWORK + "/ports"
PORT: Final = PORTS + "/{port_id}"
ATTACHMENT: Final = PORT + "/attachment"

ROUTES: Final[tuple[tuple[str, str, Callable[..., networks.Answer]], ...]] = (
    ("GET", NETWORKS, networks.list_networks),
    ("GET", NETWORKS + "/detail", networks.list_networks_in_detail),
    ("POST", NETWORKS, networks.create_network),
    ("GET", NETWORK, networks.get_network),
    ("GET", NETWORK + "/detail", networks.get_network_in_detail),
    ("PUT", NETWORK, networks.update_network),
    ("DELETE", NETWORK, networks.delete_network),
    ("GET", PORTS, ports.list_ports),
    ("GET", PORTS + "/detail", ports.list_ports_in_detail),
    ("POST", PORTS, ports.create_port),
    ("GET", PORT, ports.get_port),
    ("GET", PORT + "/detail", ports.get_port_in_detail),
    ("PUT", PORT, ports.update_port),
    ("DELETE", PORT, ports.delete_port),
    ("GET", ATTACHMENT, ports.get_port_attachment),
    ("PUT", ATTACHMENT, ports.set_port_attachment),
    ("DELETE", ATTACHMENT, ports.delete_port_attachment),
)


def rule_of(view: Callable[..., networks.Answer]) -> str:
    """Return the name of the rule that says who may use a view; details have none of their own."""
    return f"quantum:{view.__name__.removesuffix('_in_detail')}"
