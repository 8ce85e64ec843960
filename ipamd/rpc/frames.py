"""The two things that a link says all day, as AMQP 0-9-1 frames: a message, an acknowledgement.

py-amqp packs every argument and property of every message by itself, in Python; for a
short message that was a fifth of all that the worker's thread of messages did.  Here what
is always the same is packed once.  What is out of the ordinary is left to py-amqp.

Source: AMQP 0-9-1, sections 2.3.5 (frames) and 4.2.6 (content).  A test holds the bytes
against those of py-amqp.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

from ipamd.rpc import envelope

PERSISTENT = 2
_METHOD, _HEADER, _BODY = 1, 2, 3
_END = b"\xce"
# Type, channel and size before a frame's payload, one byte after it.
_AROUND = 8
_LONGEST_SHORT_STRING = 255
_start = Struct(">BHI").pack
_content = Struct(">HHQ").pack
_ack = Struct(">BHIHHQBB").pack
_BASIC, _ACK = 60, 80
_PUBLISH = b"\x00\x3c\x00\x28\x00\x00"  # basic.publish, and a short that is reserved
_MANDATORY = b"\x01"


def _short(text: bytes) -> bytes:
    return bytes((len(text),)) + text


# Content type and encoding, delivery mode, priority and message id, in the order of their
# flags; with a time to live that goes before the message id.
_WITHOUT_TTL, _WITH_TTL = b"\xd8\x80", b"\xd9\x80"
_ALWAYS = (
    _short(envelope.CONTENT_TYPE.encode())
    + _short(envelope.CONTENT_ENCODING.encode())
    + bytes((PERSISTENT, 0))
)


def publication(
    channel: int,
    frame_max: int,
    exchange: str,
    routing_key: str,
    body: bytes,
    message_id: str,
    expiration: str | None,
) -> bytes | None:
    """Return the frames of a mandatory message; None when a name is too long for any.

    ``expiration`` is its time to live in milliseconds.
    """
    names = exchange.encode(), routing_key.encode()
    if max(map(len, names)) > _LONGEST_SHORT_STRING:
        return None
    method = _PUBLISH + _short(names[0]) + _short(names[1]) + _MANDATORY
    header = _content(_BASIC, 0, len(body))
    if expiration is None:
        header += _WITHOUT_TTL + _ALWAYS
    else:
        header += _WITH_TTL + _ALWAYS + _short(expiration.encode())
    header += _short(message_id.encode())
    parts = [
        _start(_METHOD, channel, len(method)), method, _END,
        _start(_HEADER, channel, len(header)), header, _END,
    ]  # fmt: skip
    most = frame_max - _AROUND
    for first in range(0, len(body), most):
        part = body[first : first + most]
        parts += [_start(_BODY, channel, len(part)), part, _END]
    return b"".join(parts)


def acknowledgement(channel: int, tag: int, *, multiple: bool) -> bytes:
    """Return the frame that acknowledges a delivery, or all up to it."""
    return _ack(_METHOD, channel, 13, _BASIC, _ACK, tag, multiple, 0xCE)


def write(channel: Any, frames: bytes) -> None:
    """Send frames on the connection of a channel of py-amqp, behind what it has sent."""
    connection = channel.connection
    connection.transport.write(frames)
    connection.bytes_sent += 1  # it spares a heartbeat
