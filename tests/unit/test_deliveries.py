"""Deliveries taken from their frames are what py-amqp takes from them."""

from __future__ import annotations

from typing import Any

import amqp
import pytest
from amqp.method_framing import frame_handler, frame_writer
from amqp.serialization import dumps, loads
from hypothesis import given
from hypothesis import strategies as st

from ipamd.rpc.deliveries import Deliveries, Delivery

CHANNEL, OTHER = 3, 4
FRAME_MAX = 4096
_DELIVER, _CANCEL = (60, 60), (60, 30)
SHORT = st.text(max_size=20)
PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "content_type": SHORT,
        "content_encoding": SHORT,
        "application_headers": st.dictionaries(
            SHORT, SHORT | st.integers(0, 2**31) | st.booleans() | st.none(), max_size=40
        ),
        "delivery_mode": st.integers(0, 255),
        "priority": st.integers(0, 255),
        "correlation_id": SHORT,
        "reply_to": SHORT,
        "expiration": SHORT,
        "message_id": SHORT,
        "timestamp": st.integers(0, 2**63),
        "type": SHORT,
        "user_id": SHORT,
        "app_id": SHORT,
        "cluster_id": SHORT,
    },
)
DELIVERIES = st.tuples(
    SHORT,
    st.integers(0, 2**63),
    st.booleans(),
    PROPERTIES,
    st.binary(max_size=50)
    | st.sampled_from([b"a" * (4088 * n + more) for n in (1, 2, 3) for more in (-1, 0, 1)]),
)


class Connection:
    """A connection as far as frames are concerned; ``others`` are the methods left to py-amqp."""

    frame_max = FRAME_MAX
    bytes_recv = bytes_sent = 0

    def __init__(self) -> None:
        self.others: list[tuple[int, tuple[int, int], bytes, amqp.Message | None]] = []
        self.on_inbound_frame: Any = frame_handler(
            self, lambda *method: self.others.append(method)
        )
        self.connection, self.channel_id = self, CHANNEL


def frames_of(channel: int, method: tuple[int, int], args: bytes, message: Any) -> list[Any]:
    """Have py-amqp write a method, and cut it into frames."""
    written: list[bytes] = []

    class Writer:
        frame_max, bytes_sent = FRAME_MAX, 0

        def write(self, part: bytes | memoryview) -> None:
            written.append(bytes(part))

    writer = Writer()
    frame_writer(writer, writer)(1, channel, method, args, message)
    data, frames = b"".join(written), []
    while data:
        size = int.from_bytes(data[3:7], "big")
        frames.append((data[0], int.from_bytes(data[1:3], "big"), data[7 : 7 + size]))
        data = data[8 + size :]
    return frames


def delivery(channel: int, given: tuple[Any, ...]) -> list[Any]:
    tag, number, redelivered, properties, body = given
    args = dumps("sLbss", (tag, number, redelivered, "ipamd", "ipam"))
    return frames_of(channel, _DELIVER, args, amqp.Message(body, **properties))


def by_py_amqp(frames: list[Any]) -> tuple[Any, ...]:
    """Return what py-amqp takes from the frames of a delivery."""
    connection = Connection()
    for frame in frames:
        connection.on_inbound_frame(frame)
    ((_, _, args, message),) = connection.others
    assert message is not None
    (tag, number, redelivered, _, _), _ = loads("sLbss", args, 4)
    return tag, number, redelivered, message.properties, message.body or b""


@given(st.lists(DELIVERIES, min_size=1, max_size=3))
def test_messages_are_what_py_amqp_makes_of_them(given_ones: list[Any]) -> None:
    connection, taken = Connection(), list[Delivery]()
    Deliveries(connection, taken.append)
    expected = []
    for each in given_ones:
        frames = delivery(CHANNEL, each)
        expected.append(by_py_amqp(frames))
        ends = [connection.on_inbound_frame(frame) for frame in frames]
        assert ends == [False] * (len(frames) - 1) + [True]
    assert [tuple(each) for each in taken] == expected
    assert connection.others == []
    assert connection.bytes_recv > 0


def test_everything_else_is_left_to_py_amqp() -> None:
    connection, taken = Connection(), list[Delivery]()
    Deliveries(connection, taken.append)
    cancel = frames_of(CHANNEL, _CANCEL, dumps("sb", ("ipam", True)), None)
    heartbeat = (8, 0, b"")
    mine = delivery(CHANNEL, ("ipam", 1, False, {"priority": 0}, b"{}"))
    theirs = delivery(OTHER, ("ipam", 7, True, {}, b"[]"))
    mixed = [cancel[0], mine[0], heartbeat, theirs[0], theirs[1], mine[1], theirs[2], mine[2]]
    for frame in mixed:
        connection.on_inbound_frame(frame)
    assert [(channel, method) for channel, method, *_ in connection.others] == [
        (CHANNEL, _CANCEL),
        (OTHER, _DELIVER),
    ]
    assert taken == [Delivery("ipam", 1, False, {"priority": 0}, b"{}")]
    assert connection.bytes_recv == len(mixed)


def test_a_message_that_py_amqp_has_begun_it_reads_to_its_end() -> None:
    connection, taken = Connection(), list[Delivery]()
    first, *rest = delivery(CHANNEL, ("ipam", 1, False, {}, b"{}"))
    connection.on_inbound_frame(first)
    Deliveries(connection, taken.append)
    for frame in [*rest, *delivery(CHANNEL, ("ipam", 2, False, {}, b"{}"))]:
        connection.on_inbound_frame(frame)
    assert [method for _, method, *_ in connection.others] == [_DELIVER]
    assert [each.tag for each in taken] == [2]


@pytest.mark.parametrize(
    "broken", [(1, CHANNEL, b"\0\x3c\0\x3c"), (3, CHANNEL, b"{}"), (9, CHANNEL, b"")]
)
def test_a_frame_out_of_its_order_breaks_the_connection(broken: Any) -> None:
    connection, taken = Connection(), list[Delivery]()
    Deliveries(connection, taken.append)
    connection.on_inbound_frame(delivery(CHANNEL, ("ipam", 1, False, {}, b"{}"))[0])
    with pytest.raises(amqp.AMQPError):
        connection.on_inbound_frame(broken)
    assert taken == []
