"""Messages that a channel's consumers get, taken from their frames.

py-amqp takes the arguments and properties of every delivery apart anew, in Python; it was
a tenth of all that a worker did for an allocation.  What is no delivery is left to py-amqp.

Source: AMQP 0-9-1, sections 2.3.5 (frames) and 4.2.6 (content), class basic, method deliver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from struct import Struct
from typing import Any, NamedTuple

from amqp.exceptions import UnexpectedFrame
from amqp.serialization import decode_properties_basic

_METHOD, _HEADER, _BODY = 1, 2, 3
_DELIVER = b"\x00\x3c\x00\x3c"
# Behind class and method and its length: the consumer tag; then the number of the delivery,
# and whether the message was delivered before.
_TAG_START = 5
_number_and_flags = Struct(">QB").unpack_from
# Behind the class and a weight, before the properties.
_size_at_4 = Struct(">Q").unpack_from
_PROPERTIES_START = 12
# A client's messages nearly all have the same properties; longer ones are not remembered.
_LONGEST_KNOWN = 256


class Delivery(NamedTuple):
    """A message as it came.  ``properties`` are shared with other messages: to be read only."""

    consumer_tag: str
    tag: int
    redelivered: bool
    properties: Mapping[str, Any]
    body: bytes


class Deliveries:
    """Stands before py-amqp's handler of a connection's frames, and takes a channel's messages.

    A message that py-amqp has begun to read it reads to its end.
    """

    def __init__(self, channel: Any, on_delivery: Callable[[Delivery], None]) -> None:
        self._connection = channel.connection
        self._channel_id = channel.channel_id
        self._on_delivery = on_delivery
        self._others = self._connection.on_inbound_frame
        self._connection.on_inbound_frame = self
        # What the next frame of the channel is, and what has come of a delivery so far.
        self._expected = _METHOD
        self._method = b""
        self._properties: Mapping[str, Any] = {}
        self._missing = 0
        self._parts: list[bytes] = []

    def __call__(self, frame: tuple[int, int, bytes]) -> bool:
        """Take a frame: its type, its channel, its payload.  Returns whether it ends a method.

        Raises: amqp.exceptions.UnexpectedFrame
        """
        kind, channel_id, payload = frame
        if channel_id != self._channel_id:
            return bool(self._others(frame))
        if self._expected == _METHOD and not (kind == _METHOD and payload.startswith(_DELIVER)):
            return bool(self._others(frame))
        if kind != self._expected:
            raise UnexpectedFrame(f"frame of type {kind} while {self._expected} is expected")
        self._connection.bytes_recv += 1  # it shows that the broker is alive
        if kind == _METHOD:
            self._method, self._expected = payload, _HEADER
            return False
        if kind == _HEADER:
            (self._missing,) = _size_at_4(payload, 4)
            self._properties = _properties(payload[_PROPERTIES_START:])
            self._expected = _BODY
        else:
            self._parts.append(payload)
            self._missing -= len(payload)
        if self._missing > 0:
            return False
        self._expected = _METHOD
        self._deliver()
        return True

    def _deliver(self) -> None:
        method, parts, self._parts = self._method, self._parts, []
        end = _TAG_START + method[_TAG_START - 1]
        number, flags = _number_and_flags(method, end)
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        tag = method[_TAG_START:end].decode()
        self._on_delivery(Delivery(tag, number, bool(flags & 1), self._properties, body))


def _properties(raw: bytes) -> Mapping[str, Any]:
    return _known_properties(raw) if len(raw) <= _LONGEST_KNOWN else _read_properties(raw)


def _read_properties(raw: bytes) -> Mapping[str, Any]:
    properties: dict[str, Any] = decode_properties_basic(raw, 0)[0]
    return properties


_known_properties = lru_cache(maxsize=256)(_read_properties)
