"""``self`` and ``bookmark`` links of resources, for clients that ask for them.

Asked for by the query parameter ``links=true`` or a media type parameter of ``Accept``
(``application/json;links=true``).  ``self`` is the versioned URL, ``bookmark`` the one
that survives versions (Melange API spec, "To Be Done").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from werkzeug.wrappers import Request

from ipamd.api import formats

_MEMBERS: Final[dict[str, str]] = {
    "ip_block": "/ipam/tenants/{tenant_id}/ip_blocks/{id}",
    "subnet": "/ipam/tenants/{tenant_id}/ip_blocks/{id}",
    "ip_address": "/ipam/tenants/{tenant_id}/ip_blocks/{ip_block_id}/ip_addresses/{address}",
    "ip_route": "/ipam/tenants/{tenant_id}/ip_blocks/{ip_block_id}/ip_routes/{id}",
    "policy": "/ipam/tenants/{tenant_id}/policies/{id}",
    "ip_range": "/ipam/tenants/{tenant_id}/policies/{policy_id}/unusable_ip_ranges/{id}",
    "ip_octet": "/ipam/tenants/{tenant_id}/policies/{policy_id}/unusable_ip_octets/{id}",
    "mac_address_range": "/ipam/mac_address_ranges/{id}",
}
# v0.1 reaches every interface by its tenant, v1.0 only those of an instance.
_INTERFACES: Final[dict[str, str]] = {
    "v0.1": "/ipam/tenants/{tenant_id}/interfaces/{id}",
    "v1.0": "/ipam/instances/{device_id}/interfaces/{id}",
}
# The tenant of these URLs is the one that uses an address, not the block's owner.
_TENANT_IS_LESSEE: Final = frozenset(
    {"add_allowed_ip", "get_allowed_ip", "list_allocated_ip_addresses", "list_allowed_ips"}
)


def wanted(request: Request) -> bool:
    """Tell whether the client asked for links."""
    if request.args.get("links", "").lower() == "true":
        return True
    accept = request.headers.get("Accept", "")
    return any(
        parameters.get("links", "").lower() == "true"
        for _, parameters, _ in formats.accepted(accept)
    )


def linked(
    resource: dict[str, Any],
    singular: str,
    *,
    base: str,
    version: str,
    method: str,
    uri: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the resource with ``links`` if it has a URL of its own in this version."""
    template = _INTERFACES[version] if singular == "interface" else _MEMBERS.get(singular)
    if template is None or method in _TENANT_IS_LESSEE:
        return resource
    known = {**uri, **{key: value for key, value in resource.items() if value is not None}}
    names = re.findall(r"\{(\w+)\}", template)
    if not all(isinstance(known.get(name), str) for name in names):
        return resource
    path = template.format(**{name: quote(known[name], safe=":@") for name in names})
    links = [
        {"rel": "self", "href": f"{base}/{version}{path}"},
        {"rel": "bookmark", "href": f"{base}{path}"},
    ]
    return {**resource, "links": links}
