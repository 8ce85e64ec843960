"""What happens: the latest events, and those that follow as they come."""

from __future__ import annotations

import json
from typing import Any, Final

from flask import Response, render_template, request

from ipamd.api import event_stream
from ipamd.api.ui.site import PREFIX, Site, page
from ipamd.ipam.addresses import compact_address, parse_address

_LATEST: Final = 100

Event = dict[str, Any]


def show_events(site: Site) -> Response:
    """Show the latest events, the newest first."""
    found: Event = site.read("list_events", marker="latest", limit=_LATEST, **site.mine)
    events = [describe(event) for event in reversed(found["events"])]
    # The stream goes on where the page ends.
    return page("events.html", events=events, marker=found["next_marker"])


def stream_events(site: Site) -> Response:
    """Send events as they come, each as a row of the page's table."""

    def read(marker: str) -> Event:
        found: Event = site.read("list_events", marker=marker, limit=_LATEST, **site.mine)
        return found

    def write(event: Event) -> str:
        row = render_template("ui/event.html", event=describe(event), fresh=True)
        return json.dumps({"row": row})

    return event_stream.stream(read, request.args.get("marker") or "now", write)


def describe(event: Event) -> Event:
    """Say in a few words what an event tells, and where to see it."""
    payload = event["payload"]
    kind, _, verb = event["event_type"].partition(".")
    text, link = payload.get("id") or payload.get("method") or "", None
    if kind == "ip_address" and "address" in payload:
        text = compact_address(parse_address(payload["address"]))
        link = f"{PREFIX}/blocks/{payload['ip_block_id']}/{text}"
    elif kind == "ip_block" and "cidr" in payload:
        text = payload["cidr"]
        link = None if verb == "delete" else f"{PREFIX}/blocks/{payload['id']}/"
    elif kind == "network":
        text, link = payload.get("name") or text, f"{PREFIX}/networks/{payload.get('id')}"
    elif kind in ("mac_address", "policy"):
        text = payload.get("address") or payload.get("name") or text
    holders = (payload.get(name) for name in ("used_by_device", "device_id", "interface_id"))
    return {
        "type": event["event_type"],
        "is_error": event["priority"] == "ERROR",
        "text": text,
        "link": link,
        "holder": next(filter(None, holders), None),
        "tenant": payload.get("tenant_id"),
        "at": payload["occurred_at"],
        "request_id": payload.get("request_id"),
    }
