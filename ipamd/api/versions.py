"""``/``: which versions there are, as JSON, XML or an Atom feed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement

from flask import Blueprint, Response, request
from oslo_config import cfg

from ipamd.api import formats, xml
from ipamd.api.melange import faults
from ipamd.api.mounts import Mount
from ipamd.api.quantum import mount as quantum
from ipamd.api.v2.history import version_document

ATOM_TYPE: Final = "application/atom+xml"
_ATOM: Final = "http://www.w3.org/2005/Atom"


@dataclass(frozen=True)
class Version:
    """One version of an API; ``updated`` is when its definition last changed (RFC 3339)."""

    name: str
    status: str
    updated: str

    def to_dict(self, base: str) -> dict[str, Any]:
        """Return the version as Melange's list shows it; ``/v2`` says more of itself."""
        links = [{"href": f"{base}/{self.name}", "rel": "self"}]
        shown = {"name": self.name, "status": self.status, "links": links}
        return {**version_document(f"{base}/"), **shown} if self.name == "v2" else shown


VERSIONS: Final = (
    Version("v0.1", "DEPRECATED", "2011-11-28T12:58:46Z"),
    Version("v1.0", "CURRENT", "2012-05-21T00:00:00Z"),
    # Quantum's; v1.0 is both Melange's and Quantum's.
    Version("v1.1", "PROPOSED", "2012-04-05T00:00:00Z"),
    # ipamd's own.
    Version("v2", "CURRENT", "2026-11-01T00:00:00Z"),
    # Nova's virtual interfaces.
    Version("compute/v2", "SUPPORTED", "2011-01-21T11:33:21Z"),
    Version("compute/v2.1", "CURRENT", "2013-07-23T11:33:21Z"),
)


def mount(conf: cfg.ConfigOpts) -> Mount:
    """Return the mount of what belongs to no version."""
    blueprint = Blueprint("root", __name__)
    quantum_port = str(conf.api.quantum_bind_port)

    def root() -> Response:
        """List the versions; on Quantum's port only its own, as its clients know them."""
        if request.environ["SERVER_PORT"] == quantum_port:
            return quantum.list_versions()
        return list_versions()

    for rule, view in (("/", root), ("/.atom", atom_feed)):
        blueprint.add_url_rule(
            rule, view_func=view, methods=["GET"], provide_automatic_options=False
        )

    return Mount(("/",), (blueprint,), fault=faults.fault, page=faults.page)


def list_versions() -> Response:
    """List the versions in the format that the client accepts."""
    accept = request.headers.get("Accept", "")
    if any(wish == ATOM_TYPE and quality for wish, _, quality in formats.accepted(accept)):
        return atom_feed()
    base = request.host_url.rstrip("/")
    form = formats.format_of(request)
    versions = [version.to_dict(base) for version in VERSIONS]
    if form == "json":
        text = json.dumps({"versions": versions})
    else:
        root = Element("versions")
        for version in versions:
            links = SubElement(
                SubElement(root, "version", name=version["name"], status=version["status"]),
                "links",
            )
            for link in version["links"]:
                SubElement(links, "link", link)
        text = xml.to_text(root)
    return Response(text, content_type=formats.CONTENT_TYPES[form])


def atom_feed() -> Response:
    """List the versions as an Atom feed (RFC 4287)."""
    base = request.host_url
    feed = Element("feed", xmlns=_ATOM)
    SubElement(feed, "title").text = "Available API Versions"
    SubElement(feed, "id").text = base
    SubElement(feed, "updated").text = max(version.updated for version in VERSIONS)
    SubElement(SubElement(feed, "author"), "name").text = "ipamd"
    SubElement(feed, "link", rel="self", href=f"{base}.atom")
    for version in VERSIONS:
        entry = SubElement(feed, "entry")
        SubElement(entry, "id").text = f"{base}{version.name}"
        SubElement(entry, "title").text = f"Version {version.name}"
        SubElement(entry, "updated").text = version.updated
        SubElement(entry, "link", rel="self", href=f"{base}{version.name}")
        SubElement(entry, "content", type="text").text = f"{version.name} {version.status}"
    return Response(xml.to_text(feed), content_type=ATOM_TYPE)
