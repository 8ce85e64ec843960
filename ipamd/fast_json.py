"""JSON of requests, answers and events: by msgspec, in a fifth of the standard library's time.

What comes of it is what the standard library makes of it: text that msgspec does not read
(numbers too large for a float, ``NaN``, halves of surrogate pairs, another encoding than
UTF-8) and values that it does not write are left to the standard library.  Written is
without spaces and in UTF-8; msgspec writes NaN and infinity, which JSON has not, as null.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

# What msgspec would write and the standard library refuses: moments, UUIDs, bytes, sets ...
# is for the callers to keep away; results of operations and arguments of requests are JSON.
_read = msgspec.json.Decoder().decode
_write = msgspec.json.Encoder().encode
_write_sorted = msgspec.json.Encoder(order="sorted").encode
_plain = json.JSONEncoder(separators=(",", ":"))
_plain_sorted = json.JSONEncoder(separators=(",", ":"), sort_keys=True)


def loads(text: str | bytes) -> Any:
    """Read JSON.

    Raises: ValueError; RecursionError when it is nested too deeply
    """
    try:
        return _read(text)
    except (msgspec.DecodeError, UnicodeError):
        return json.loads(text)


def dump_bytes(value: Any) -> bytes:
    """Write JSON in UTF-8.

    Raises: TypeError; RecursionError when it is nested too deeply
    """
    try:
        return _write(value)
    except (TypeError, UnicodeError):
        return _plain.encode(value).encode()


def dumps(value: Any) -> str:
    """Write JSON as text.

    Raises: TypeError; RecursionError when it is nested too deeply
    """
    return dump_bytes(value).decode()


def canonical(value: Any) -> bytes:
    """Write JSON with the members of objects in the order of their names.

    Raises: TypeError; RecursionError when it is nested too deeply
    """
    try:
        return _write_sorted(value)
    except (TypeError, UnicodeError):
        return _plain_sorted.encode(value).encode()
