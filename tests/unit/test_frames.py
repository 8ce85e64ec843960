"""The frames that are written directly are byte for byte those of py-amqp."""

from __future__ import annotations

from typing import Any

import amqp
import pytest
from amqp.method_framing import frame_writer
from amqp.serialization import dumps

from ipamd.rpc import frames
from ipamd.rpc.publisher import Publication

CHANNEL = 3
FRAME_MAX = 4096


class Channel:
    """What frames need to know of a channel, and what was written on it."""

    channel_id = CHANNEL
    frame_max = FRAME_MAX
    bytes_sent = 0

    def __init__(self) -> None:
        self.written = b""
        self.connection = self.transport = self

    def write(self, part: bytes | memoryview) -> None:
        """Note what goes to the socket."""
        self.written += bytes(part)


def by_py_amqp(method: tuple[int, int], args: bytes, message: amqp.Message | None) -> bytes:
    channel = Channel()
    frame_writer(channel, channel)(1, CHANNEL, method, args, message)
    return channel.written


@pytest.mark.parametrize("size", [0, 1, 100, 4087, 4088, 4089, 8176, 20_000])
@pytest.mark.parametrize("expiration_ms", [None, 0, 30_000, 2**40])
@pytest.mark.parametrize(
    ("exchange", "routing_key"), [("ipamd", "ipam"), ("", "reply_5f"), ("ä", "x" * 255)]
)
def test_a_publication(
    size: int, expiration_ms: int | None, exchange: str, routing_key: str
) -> None:
    made = Publication(
        routing_key, b"\xce" * size, exchange, milliseconds_left=lambda: expiration_ms
    )
    channel = Channel()
    usual = made.to_frames(channel, 123_456)
    args = dumps("Bssbb", (0, exchange, routing_key, True, False))
    assert usual == by_py_amqp((60, 40), args, made.to_message(123_456))


@pytest.mark.parametrize("tag", [1, 255, 2**40])
@pytest.mark.parametrize("multiple", [True, False])
def test_an_acknowledgement(tag: int, multiple: bool) -> None:
    frame = frames.acknowledgement(CHANNEL, tag, multiple=multiple)
    assert frame == by_py_amqp((60, 80), dumps("Lb", (tag, multiple)), None)


@pytest.mark.parametrize(
    "more",
    [{"headers": {"x-a": 1}}, {"properties": {"content_type": "text/plain"}}],
    ids=["headers", "properties"],
)
def test_what_is_unusual_is_left_to_py_amqp(more: dict[str, Any]) -> None:
    assert Publication("ipam", b"{}", **more).to_frames(Channel(), 1) is None


def test_a_name_that_is_too_long_is_left_to_py_amqp() -> None:
    assert Publication("x" * 256, b"{}").to_frames(Channel(), 1) is None
