"""Requests that were accepted to be done later: what became of them."""

from __future__ import annotations

from ipamd import errors
from ipamd.api.v2.calls import Answer, Api
from ipamd.api.v2.faults import error_object


def show_request(api: Api, request_id: str) -> Answer:
    """Show whether a request is queued, done (with its result) or failed (with its error)."""
    found = dict(api.read("get_request", request_id=request_id))
    if found["error"] is not None:
        error = errors.from_dict(found["error"])
        found["error"] = error_object(error.http_status, error.code, error.message)
    return Answer({"request": found})
