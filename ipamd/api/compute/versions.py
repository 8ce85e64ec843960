"""The versions of Nova's API that are served here, and their documents.

``/v2`` is frozen and knows no microversions; ``/v2.1`` has 2.1 to 2.43, the last one in
which an instance's virtual interfaces could be listed.

Source: Nova's "REST API Version History".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ipamd.api.microversions import Service, Version

COMPUTE: Final = Service(
    "compute", Version(2, 1), Version(2, 43), old_header="X-OpenStack-Nova-API-Version"
)
# From here on an interface is listed with its network.
SHOWS_NET_ID: Final = Version(2, 12)


@dataclass(frozen=True)
class Documented:
    """A version as its document shows it; the legacy one has no microversions."""

    path: str
    id: str
    status: str
    version: str
    min_version: str
    updated: str

    def brief(self, base: str) -> dict[str, Any]:
        """Return the version as lists show it."""
        return {
            "id": self.id,
            "status": self.status,
            "version": self.version,
            "min_version": self.min_version,
            "updated": self.updated,
            "links": [self._link(base)],
        }

    def whole(self, base: str) -> dict[str, Any]:
        """Return the version's own document."""
        return {**self.brief(base), "media-types": self._media_types()}

    def choice(self, base: str, rest: str) -> dict[str, Any]:
        """Return where a path without a version is found in this one."""
        return {
            "id": self.id,
            "status": self.status,
            "links": [self._link(base, rest)],
            "media-types": self._media_types(),
        }

    def _link(self, base: str, rest: str = "") -> dict[str, str]:
        return {"rel": "self", "href": f"{base}{self.path}/{rest}"}

    def _media_types(self) -> list[dict[str, str]]:
        number = self.min_version or "2"
        kind = f"application/vnd.openstack.compute+json;version={number}"
        return [{"base": "application/json", "type": kind}]


VERSIONS: Final = (
    Documented("/compute/v2", "v2.0", "SUPPORTED", "", "", "2011-01-21T11:33:21Z"),
    Documented(
        "/compute/v2.1",
        "v2.1",
        "CURRENT",
        str(COMPUTE.maximum),
        str(COMPUTE.minimum),
        "2013-07-23T11:33:21Z",
    ),
)
