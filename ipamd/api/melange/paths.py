"""Paths before they are routed: format suffixes, and versions named by ``Accept``.

``/ipam/…`` without a version is served by the version that the media type
``application/vnd.openstack.melange+json;version=0.1`` names.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from ipamd.api import formats
from ipamd.api.melange.routes import BOTH

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Quantum's versions are here as well, and Nova's v2: they share the suffixes.
_SUFFIXED: Final = ("/v0.1/", "/v1.0/", "/v1.1/", "/ipam/", "/extensions", "/compute/v2/")
UNVERSIONED: Final = ("/ipam/",)
_VENDOR_TYPES: Final = frozenset(formats.VENDOR_TYPE + ending for ending in ("", "+json", "+xml"))


def split_suffix(path: str) -> tuple[str, str | None]:
    """Split ``/a/b.xml`` into ``/a/b`` and ``xml``; other suffixes belong to the name."""
    if path.startswith(_SUFFIXED):
        for suffix in ("json", "xml"):
            stem = path.removesuffix(f".{suffix}")
            if stem != path and not stem.endswith("/"):
                return stem, suffix
    return path, None


def asked_version(accept: str) -> str | None:
    """Return the version that a vendor media type of ``Accept`` names, or None."""
    for media_type, parameters, _ in formats.accepted(accept):
        if media_type in _VENDOR_TYPES and "version" in parameters:
            return parameters["version"]
    return None


class MelangePaths:
    """WSGI middleware: routes see a path without suffix and with its version.

    The suffix is left in the environment as ``ipamd.suffix``.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, environ["ipamd.suffix"] = split_suffix(environ["PATH_INFO"])
        if path.startswith(UNVERSIONED):
            version = asked_version(environ.get("HTTP_ACCEPT", ""))
            if f"v{version}" in BOTH:
                path = f"/v{version}{path}"
        environ["PATH_INFO"] = path
        return self.app(environ, start_response)
