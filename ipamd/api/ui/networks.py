"""Networks: their blocks, their ports, and what is plugged into them."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from ipamd import errors
from ipamd.api.ui.figures import bar_of
from ipamd.api.ui.site import PAGE_SIZE, Site, marker, page

Resource = dict[str, Any]


def show_networks(site: Site) -> Response:
    """Show a page of the networks."""
    found = _query(site, "networks", {}, **marker())
    return page("networks.html", networks=found["networks"], next_marker=found["next_marker"])


def show_network(site: Site, network_id: str) -> Response:
    """Show a network: one of Quantum's, or what blocks name as theirs.

    Raises: NetworkNotFound when it is neither
    """
    only = f"eq:{network_id}"
    networks = _query(site, "networks", {"id": only})["networks"]
    blocks = site.read("list_ip_block_tree", network_id=network_id, limit=PAGE_SIZE, **site.mine)
    if not networks and not blocks["ip_blocks"]:
        raise errors.NetworkNotFound()
    ports = _query(site, "ports", {"network_id": only}, **marker())
    plugged = _plugged(site, [port["attachment_id"] for port in ports["ports"]])
    return page(
        "network.html",
        network_id=network_id,
        network=networks[0] if networks else None,
        blocks=[{"block": block, "bar": bar_of(block)} for block in blocks["ip_blocks"]],
        more_blocks=blocks["next_marker"] is not None,
        ports=ports["ports"],
        next_marker=ports["next_marker"],
        plugged=plugged,
        paged="marker" in request.args,
    )


def _plugged(site: Site, attachments: list[str | None]) -> dict[str, list[Resource]]:
    """Find the addresses of the interfaces that are plugged in."""
    # A comma parts the values of a filter; nothing that ipamd names has one.
    ids = sorted({each for each in attachments if each and "," not in each})
    if not ids:
        return {}
    filters = {"interface_id": f"in:{','.join(ids)}", "status": "allocated"}
    found: dict[str, list[Resource]] = {}
    listed = site.read(
        "query_resources", kind="ip_addresses", filters=filters, limit=200, **site.mine
    )
    for address in listed["ip_addresses"]:
        found.setdefault(address["interface_id"], []).append(address)
    return found


def _query(site: Site, kind: str, filters: Resource, **more: Any) -> Any:
    return site.read(
        "query_resources", kind=kind, filters=filters, limit=PAGE_SIZE, **more, **site.mine
    )
