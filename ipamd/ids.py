"""Ids of new rows: UUIDs that grow with time (RFC 9562, version 7)."""

from __future__ import annotations

import os
import threading
import time

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """Return a version 7 UUID; ids made by one process sort in the order of creation.

    Lists are ordered by id and blocks of a network are tried oldest first: with ids that
    grow, both are one walk along the primary key.  The 12 bits behind the milliseconds
    count up within one, and the clock of this generator never goes back.
    """
    global _last
    with _lock:
        # 48 bits of milliseconds and 12 bits of a fraction (RFC 9562, section 6.2).
        now = (time.time_ns() << 12) // 1_000_000
        _last = now if now > _last else _last + 1
        stamp = _last
    random = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    value = (stamp >> 12) << 80 | 7 << 76 | (stamp & 0xFFF) << 64 | 2 << 62 | random
    text = f"{value:032x}"  # what str(uuid.UUID(int=value)) takes three times as long for
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
