"""Bodies of messages as kombu has them: a header says how they are compressed.

Every client of oslo.messaging reads them, since kombu does so before oslo.messaging sees a
message; with ``[oslo_messaging_rabbit] kombu_compression``, gzip or bz2, it sends them as well.
kombu itself would make a few kilobytes as large as they say they are.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Mapping
from typing import Any, Final

from ipamd.rpc.envelope import CONTENT_ENCODING, Malformed
from ipamd.rpc.publisher import MAX_BODY

COMPRESSION: Final = "compression"
"""The header of a message whose body is compressed."""
# What kombu calls it; the bytes are zlib's (RFC 1950).
_ZLIB: Final = "application/x-gzip"
# JSON of addresses shrinks to a fifteenth; higher levels take several times as long.
_LEVEL: Final = 1
_DECOMPRESSORS: Final[Mapping[str, Any]] = {
    _ZLIB: zlib.decompressobj,
    "application/x-bz2": bz2.BZ2Decompressor,
}


def fit(body: bytes) -> tuple[bytes, Mapping[str, str] | None]:
    """Return a body, compressed if one message could not hold it, and the headers it needs."""
    if len(body) <= MAX_BODY:
        return body, None
    return zlib.compress(body, _LEVEL), {COMPRESSION: _ZLIB}


def decompress(body: bytes, headers: Mapping[str, Any], most: int) -> bytes:
    """Return a body as it was before it was compressed, if it was; of ``most`` bytes at most.

    Raises: Malformed
    """
    compression = headers.get(COMPRESSION)
    if not compression:
        return body
    make = _DECOMPRESSORS.get(str(compression))
    if make is None:
        raise Malformed(f"The body's compression is not known: {str(compression)[:80]}")
    decompressor = make()
    try:
        found: bytes = decompressor.decompress(body, most + 1)
    except (OSError, zlib.error) as error:
        raise Malformed(f"The body cannot be decompressed: {error}") from None
    if len(found) > most:
        raise Malformed(f"The body has more than {most} bytes")
    if not decompressor.eof:
        raise Malformed("The body cannot be decompressed: it ends too early")
    return found


def to_utf8(body: bytes, encoding: str) -> bytes:
    """Return text of another encoding in UTF-8; what is not in that encoding as it is."""
    if encoding == CONTENT_ENCODING:
        return body
    try:
        return body.decode(encoding).encode()
    except (LookupError, ValueError):  # "binary", say: then it is what JSON finds in it
        return body
