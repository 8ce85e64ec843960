"""Types of events."""

from __future__ import annotations

from ipamd import events
from reference_pages.markdown import NOTE, page, table


def event_types() -> str:
    """List the types of events."""
    added = ", ".join(f"`{name}`" for name in events.ADDED)
    parts = [
        "# Events",
        NOTE,
        (
            "Published as oslo.messaging notifications: topic `notifications`, publisher "
            "`ipamd.<host>`, priority INFO.  The payload is the resource as RPC results show it, "
            f"plus {added}."
        ),
        table(("type", "meaning"), [(f"`{name}`", text) for name, text in events.EVENTS.items()]),
        (
            f"A cast that failed is told of as `<noun>.<verb>{events.ERROR_SUFFIX}`, priority "
            "ERROR; its payload has `method`, `arguments`, `code` and `message`.  The event of a "
            "failed cast of `allocate_ip_address` is `ip_address.allocate.error`, that of a cast "
            "of a method that does not exist `request.cast.error`.  Arguments that are nested too "
            "deeply are left out: null."
        ),
    ]
    return page(parts)
