"""Nova's virtual interfaces as a Flask blueprint: ``/compute/v2`` and ``/compute/v2.1``.

The project may be left out of the path; without it the interfaces of all are listed.

Sources: Nova API v2 and v2.1; "Add VIF net-id in virtual interfaces list API Response".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement

from flask import Blueprint, Response, request
from oslo_config import cfg

from ipamd import errors
from ipamd.api import auth, formats, xml
from ipamd.api.backend import Backend
from ipamd.api.compute import faults
from ipamd.api.compute.versions import COMPUTE, SHOWS_NET_ID, VERSIONS, Documented
from ipamd.api.microversions import MalformedVersionError, UnsupportedVersionError
from ipamd.api.mounts import Mount

RULE = "compute:list_virtual_interfaces"
NET_ID_OF_V2 = "OS-EXT-VIF-NET:net_id"
_XMLNS = "http://docs.openstack.org/compute/api/v1.1"
_XMLNS_VIF_NET = "http://docs.openstack.org/compute/ext/OS-EXT-VIF-NET/api/v1.1"
_LIST = "/servers/<server_id>/os-virtual-interfaces"


def mount(conf: cfg.ConfigOpts, backend: Backend) -> Mount:
    """Return the mount of both versions and their documents."""
    blueprint = Blueprint("compute", __name__, url_prefix="/compute")
    views = VirtualInterfaces(backend, conf.api.max_limit)
    rules: list[tuple[str, Callable[..., Response]]] = [
        ("", list_versions),
        ("/", list_versions),
        *[(f"/v2{project}{_LIST}", views.list_in_v2) for project in ("", "/<project_id>")],
        *[(f"/v2.1{project}{_LIST}", views.list_in_v21) for project in ("", "/<project_id>")],
        ("/<path:rest>", list_choices),
    ]
    for version in VERSIONS:
        path = version.path.removeprefix("/compute")
        rules += [(path, _document_of(version)), (f"{path}/", _document_of(version))]
    for number, (rule, view) in enumerate(rules):
        blueprint.add_url_rule(
            rule,
            endpoint=f"{number}",
            view_func=view,
            methods=["GET"],
            provide_automatic_options=False,
        )
    return Mount(("/compute",), (blueprint,), fault=faults.fault, page=faults.page)


@dataclass(frozen=True)
class VirtualInterfaces:
    """The list of an instance's virtual interfaces, in both versions."""

    backend: Backend
    max_limit: int

    def list_in_v2(self, server_id: str, project_id: str | None = None) -> Response:
        """List with the extension's ``OS-EXT-VIF-NET:net_id``, in JSON or XML."""
        found = self._list(server_id, project_id)
        if formats.format_of(request) == "xml":
            return Response(_render(found), content_type=formats.CONTENT_TYPES["xml"])
        return faults.document({"virtual_interfaces": [_show(vif, NET_ID_OF_V2) for vif in found]})

    def list_in_v21(self, server_id: str, project_id: str | None = None) -> Response:
        """List with ``net_id`` from microversion 2.12 on."""
        try:
            version = COMPUTE.negotiate(request.headers)
        except (MalformedVersionError, UnsupportedVersionError):
            return faults.refuse(400, "")
        found = self._list(server_id, project_id)
        net_id = "net_id" if version >= SHOWS_NET_ID else None
        document = {"virtual_interfaces": [_show(vif, net_id) for vif in found]}
        return faults.versioned(faults.document(document), version)

    def _list(self, server_id: str, project_id: str | None) -> list[dict[str, Any]]:
        """Return the interfaces between ``offset`` and ``offset + limit``.

        Raises: BadRequest, InstanceNotFound and what else the service refuses with
        """
        auth.require(RULE, project_id)
        offset = _read_number("offset") or 0
        end = offset + min(_read_number("limit") or self.max_limit, self.max_limit)
        found: list[dict[str, Any]] = []
        marker = None
        while len(found) < end:
            page = self.backend.call(
                "list_virtual_interfaces",
                project_id,
                instance_id=server_id,
                tenant_id=project_id,
                limit=min(end - len(found), self.max_limit),
                marker=marker,
            )
            found += page["virtual_interfaces"]
            marker = page["next_marker"]
            if marker is None:
                break
        return found[offset:end]


def list_versions() -> Response:
    """List the versions, outside of any."""
    versions = [version.brief(_base()) for version in VERSIONS]
    return faults.document({"versions": versions})


def list_choices(rest: str) -> Response:
    """Tell where a path that names no version is found; below a version nothing else is."""
    if rest.split("/")[0] in ("v2", "v2.1"):
        return faults.refuse(404, "The resource could not be found.")
    path = quote(rest)
    return faults.document({"choices": [v.choice(_base(), path) for v in VERSIONS]}, 300)


def _document_of(version: Documented) -> Callable[[], Response]:
    def get_version() -> Response:
        return faults.document({"version": version.whole(_base())})

    return get_version


def _base() -> str:
    return request.host_url.rstrip("/")


def _read_number(name: str) -> int | None:
    """Read a parameter of the query that is no number below zero.

    Raises: BadRequest
    """
    text = request.args.get(name)
    if text is None:
        return None
    if text.startswith("-") and text[1:].isdecimal():
        raise errors.BadRequest(f"{name} param must be positive")
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise errors.BadRequest(f"{name} param must be an integer")
    return int(text)


def _show(vif: dict[str, Any], net_id: str | None) -> dict[str, Any]:
    shown = {"id": vif["id"], "mac_address": vif["mac_address"]}
    if net_id is not None:
        shown[net_id] = vif["net_id"]
    return shown


def _render(found: list[dict[str, Any]]) -> str:
    root = Element("virtual_interfaces", {"xmlns": _XMLNS, "xmlns:OS-EXT-VIF-NET": _XMLNS_VIF_NET})
    for vif in found:
        shown = _show(vif, NET_ID_OF_V2)
        attributes = {key: xml.clean(str(value)) for key, value in shown.items() if value}
        SubElement(root, "virtual_interface", attributes)
    return xml.to_text(root)
