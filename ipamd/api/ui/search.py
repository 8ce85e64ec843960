"""The search: one field for addresses, CIDRs, MAC addresses, ids and names."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, request

from ipamd import errors
from ipamd.api.ui.figures import bar_of
from ipamd.api.ui.site import PAGE_SIZE, Site, page

_KINDS: Final = ("ip_blocks", "ip_addresses", "interfaces", "networks", "ports")


def show_search(site: Site) -> Response:
    """Show what a text finds."""
    text = request.args.get("q", "").strip()
    if not text:
        return page("search.html", text="", found=None)
    try:
        found: dict[str, Any] = site.read(
            "search_resources", text=text, limit=PAGE_SIZE, **site.mine
        )
    except errors.ValidationError as error:
        return page("search.html", status=400, text=text, found=None, error=error)
    blocks = [{"block": block, "bar": bar_of(block)} for block in found["ip_blocks"]]
    count = sum(len(found[kind]) for kind in _KINDS)
    return page("search.html", text=text, found=found, blocks=blocks, count=count)
