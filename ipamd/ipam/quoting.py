"""How error messages quote what a caller sent: readable, and of bounded length."""

from __future__ import annotations

LIMIT = 60


def quote(value: object) -> str:
    """Return text in quotes, escaped and cut to at most 60 characters; else its type."""
    if not isinstance(value, str):
        return f"a value of type {type(value).__name__}"
    # Cutting before repr() keeps a megabyte of input from being escaped first.
    quoted = repr(value[:LIMIT])
    if len(value) <= LIMIT and len(quoted) <= LIMIT:
        return quoted
    return quoted[: LIMIT - 3] + "..."
