"""The feed of events: a page of it, or a stream that goes on."""

from __future__ import annotations

from typing import Any

from flask import request

from ipamd.api import event_stream
from ipamd.api.v2 import reading
from ipamd.api.v2.answers import page
from ipamd.api.v2.calls import Answer, Api, Resource


def list_events(api: Api) -> Answer:
    """List events from a marker on; as a stream (``text/event-stream``) also what follows."""
    wanted: dict[str, Any] = {}
    types = [name for text in request.args.getlist("event_type") for name in text.split(",")]
    if types:
        wanted["event_types"] = types
    if "tenant_id" in request.args:
        wanted["tenant_id"] = request.args["tenant_id"]
    since = {"since": request.args["since"]} if "since" in request.args else {}
    paging = reading.read_paging(api.limits)
    if event_stream.is_wanted():
        return _stream(api, wanted, since, paging)
    found = api.read("list_events", **wanted, **since, **paging)
    feed = page("events", found["events"], None if found["is_last"] else found["next_marker"])
    return Answer({**found, **feed})


def _stream(api: Api, wanted: Resource, since: Resource, paging: Resource) -> Answer:
    """Go on from a marker or time; with neither, only with what happens from now on."""
    start = paging.pop("marker", None) or ("" if since else "now")

    def read(marker: str) -> Resource:
        place = {"marker": marker} if marker else since
        found: Resource = api.read("list_events", **wanted, **paging, **place)
        return found

    return Answer(stream=event_stream.stream(read, start))
