"""What the views share: versions, filters, lists without pages, resources as shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import request

from ipamd.api.backend import Backend


@dataclass(frozen=True)
class Version:
    """One version: what a creation is answered with, and whether op-status is shown."""

    name: str
    status: str
    created: int
    shows_op_status: bool


VERSIONS: Final = (
    Version("v1.0", "CURRENT", created=200, shows_op_status=False),
    Version("v1.1", "PROPOSED", created=202, shows_op_status=True),
)


@dataclass(frozen=True)
class Api:
    """One version's way to the workers."""

    version: Version
    backend: Backend
    page_size: int

    def call(self, method: str, tenant_id: str, /, **arguments: Any) -> Any:
        """Call an RPC method for the tenant of the URL.

        Raises: IpamError
        """
        return self.backend.call(method, tenant_id, tenant_id=tenant_id, **arguments)

    def every(
        self, method: str, plural: str, tenant_id: str, /, **arguments: Any
    ) -> list[dict[str, Any]]:
        """Return a whole list: Quantum knew no pages.

        Raises: IpamError
        """
        found: list[dict[str, Any]] = []
        marker = None
        while True:
            page = self.call(method, tenant_id, limit=self.page_size, marker=marker, **arguments)
            found += page[plural]
            marker = page["next_marker"]
            if marker is None:
                return found

    def show_network(self, network: Mapping[str, Any]) -> dict[str, Any]:
        """Return a network as its documents show it, without its ports."""
        return self._with_op_status(network, {"id": network["id"], "name": network["name"]})

    def show_port(self, port: Mapping[str, Any], *, attachment: bool = False) -> dict[str, Any]:
        """Return a port as its documents show it, if need be with what is plugged in."""
        shown = self._with_op_status(port, {"id": port["id"], "state": port["state"]})
        if attachment and port["attachment"]:
            shown["attachment"] = {"id": port["attachment"]["id"]}
        return shown

    def _with_op_status(
        self, resource: Mapping[str, Any], shown: dict[str, Any]
    ) -> dict[str, Any]:
        if self.version.shows_op_status:
            shown["op-status"] = resource["op_status"]
        return shown


def read_filters(known: Mapping[str, str]) -> dict[str, Any] | None:
    """Read the query's filters, by the names of the RPC's arguments; None matches nothing.

    Unknown names are ignored beside a known one; without one nothing matches them.
    """
    if not request.args:
        return {}
    found: dict[str, Any] = {
        argument: request.args[name] for name, argument in known.items() if name in request.args
    }
    if "has_attachment" in found:
        found["has_attachment"] = found["has_attachment"].lower() == "true"
    return found or None
