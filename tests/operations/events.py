"""What the outbox holds, as tests ask for it."""

from __future__ import annotations

import json
from typing import Any

from tests.db.store import Store


def told(store: Store, *kinds: str) -> list[tuple[str, Any]]:
    """Return (type, payload) of all events so far whose type starts with one of ``kinds``."""
    rows = store.rows("SELECT event_type, payload FROM outbox ORDER BY id")
    return [
        (row.event_type, json.loads(row.payload))
        for row in rows
        if row.event_type.startswith(kinds)
    ]


def types(store: Store, *kinds: str) -> list[str]:
    """Return the types of these events."""
    return [event_type for event_type, _ in told(store, *kinds)]
