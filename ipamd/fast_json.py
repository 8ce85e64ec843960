"""JSON of answers, events and incoming requests: by msgspec, in a fifth of the usual time.

Text that msgspec does not read (numbers too large for a float, ``NaN``, halves of surrogate
pairs, another encoding than UTF-8) and values that it does not write are left to the standard
library, so that what is read is what the standard library reads.

What is written is without spaces; NaN and infinity, which JSON has not, are null.  It is for
what is JSON already: msgspec writes moments, bytes and the like as text without a word.
What a program that uses ipamd has passed goes to the standard library, which refuses them.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

_read = msgspec.json.Decoder().decode
_write = msgspec.json.Encoder().encode


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

    Raises: TypeError or ValueError when it is not JSON; RecursionError
    """
    try:
        return _write(value)
    except (TypeError, UnicodeError):
        return _write_as_ascii(value).encode()


def dumps(value: Any) -> str:
    """Write JSON as text.

    Raises: TypeError or ValueError when it is not JSON; RecursionError
    """
    return dump_bytes(value).decode()


def _write_as_ascii(value: Any) -> str:
    """Write what has halves of surrogate pairs, or names that are no text, among its values."""
    # Twice: the standard library writes NaN as NaN, and reads it as what it is told to.
    known = json.loads(json.dumps(value), parse_constant=lambda _name: None)
    return json.dumps(known, separators=(",", ":"))
