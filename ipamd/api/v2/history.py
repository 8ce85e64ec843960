"""What changed in which microversion: one list, oldest first, each with its sentence.

A view that is offered, or answers otherwise, from some version on names it with
``since``; the version has to stand here.
"""

from __future__ import annotations

from typing import Any, Final

from ipamd.api.microversions import Service, Version

HISTORY: Final[dict[Version, str]] = {
    Version(2, 0): "The API as it was published first.",
    Version(2, 1): "Virtual interfaces tell the network they are on, as net_id.",
    Version(2, 2): "The history of an address: who held it when.",
    Version(2, 3): "The feed of events; chosen addresses in batches.",
}

SERVICE: Final = Service("ipam", min(HISTORY), max(HISTORY))


def since(text: str) -> Version:
    """Return the version that ``text`` names.

    Raises: KeyError when the list above does not have it.
    """
    version = Version.parse(text)
    if version not in HISTORY:
        raise KeyError(text)
    return version


def version_document(base: str) -> dict[str, Any]:
    """Return the entry of ``/v2`` in lists of versions; ``base`` ends with a slash.

    Source: OpenStack API-SIG, "Version Discovery".
    """
    return {
        "id": "v2.0",
        "status": "CURRENT",
        "min_version": str(SERVICE.minimum),
        "max_version": str(SERVICE.maximum),
        "links": [{"rel": "self", "href": f"{base}v2"}, {"rel": "collection", "href": base}],
    }
