"""How error messages quote what a caller sent: readable, and of bounded length."""

from __future__ import annotations

LIMIT = 60


def quote(text: str) -> str:
    """Return ``text`` in quotes, escaped and cut to at most 60 characters."""
    # Cutting before repr() keeps a megabyte of input from being escaped first.
    quoted = repr(text[:LIMIT])
    if len(text) <= LIMIT and len(quoted) <= LIMIT:
        return quoted
    return quoted[: LIMIT - 3] + "..."
