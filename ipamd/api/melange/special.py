"""The few routes that are not one RPC, as functions (api, route, version) → view."""

from __future__ import annotations

from typing import Any

from flask import Response

from ipamd import errors
from ipamd.api import auth
from ipamd.api.melange.routes import Route
from ipamd.api.melange.views import Melange, View, body_argument, refuse_nul, respond


def add_to_the_only_interface(api: Melange, route: Route, version: str) -> View:
    """POST …/instances/{id}/interfaces/ip_addresses, as the blueprint spelled it.

    The blueprint's URL names no interface and its text takes the network from the
    interface: so it is the instance's only one, and the network it is connected to unless
    the body names another.
    """

    def view(instance_id: str) -> Response:
        auth.require(route.rule)
        network = dict(body_argument("network"))
        arguments: dict[str, Any] = {"instance_id": instance_id}
        refuse_nul(arguments)
        found = api.backend.read("list_instance_interfaces", limit=2, marker=None, **arguments)
        interface = the_only(found["interfaces"], instance_id)
        for block in (address["ip_block"] for address in interface["ip_addresses"][:1]):
            network.setdefault("id", block["network_id"])
            network.setdefault("tenant_id", block["tenant_id"])
        arguments |= {"interface_id": interface["id"], "network": network}
        result = api.backend.call("add_interface_ip_addresses", **arguments)
        return respond(route, version, arguments, result)

    return view


def the_only(interfaces: list[dict[str, Any]], instance_id: str) -> dict[str, Any]:
    """Return the single interface of an instance.

    Raises: InterfaceNotFound without one, BadRequest with several.
    """
    if not interfaces:
        raise errors.InterfaceNotFound()
    if len(interfaces) > 1:
        raise errors.BadRequest(
            f"Instance {instance_id} has several interfaces: name one in the URL, "
            "interfaces/{id}/ip_addresses"
        )
    return interfaces[0]


SPECIAL = {"add_to_the_only_interface": add_to_the_only_interface}
