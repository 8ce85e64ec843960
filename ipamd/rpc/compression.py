"""Compressed bodies, as kombu has them: a header of the message says how.

Every client of oslo.messaging reads them, since kombu does so before oslo.messaging sees a
message; with ``[oslo_messaging_rabbit] kombu_compression`` it sends them as well.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final

from kombu.compression import decompress as _decompress

from ipamd.rpc.envelope import Malformed

_HEADER: Final = "compression"
# What kombu calls it; the bytes are zlib's (RFC 1950).
_ZLIB: Final = "application/x-gzip"
# JSON of addresses shrinks to a fifteenth; higher levels take several times as long.
_LEVEL: Final = 1
HEADERS: Final[Mapping[str, str]] = {_HEADER: _ZLIB}
"""The headers of a message whose body was ``compress``ed."""


def compress(body: bytes) -> bytes:
    """Return a body as a message with ``HEADERS`` has it."""
    return zlib.compress(body, _LEVEL)


def decompress(body: bytes, headers: Mapping[str, Any]) -> bytes:
    """Return a body as it was before it was compressed, if it was, whichever way.

    Raises: Malformed
    """
    compression = headers.get(_HEADER)
    if not compression:
        return body
    try:
        return bytes(_decompress(body, compression))  # type: ignore[no-untyped-call]
    except Exception as error:  # noqa: BLE001 - each compression has errors of its own
        raise Malformed(f"The body cannot be decompressed: {error}") from None
