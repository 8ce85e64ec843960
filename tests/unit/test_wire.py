"""Frames arrive whole and once, however the socket cuts them; what is said leaves in order."""

from __future__ import annotations

import random
import socket
from struct import pack
from typing import Any

import amqp
import pytest

from ipamd.rpc.wire import Wire


class Transport:
    """The part of py-amqp's transport that is looked at."""

    def __init__(self, sock: socket.socket) -> None:
        self._read_buffer = b""
        self.write = sock.sendall


class Connection:
    """A connection whose frames are only noted."""

    frame_max = 131_072

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.transport = Transport(sock)
        self.frames: list[tuple[int, int, bytes]] = []
        self.on_inbound_frame = self.frames.append
        self.frame_writer: Any = None
        self.bytes_sent = 0


@pytest.fixture
def ends() -> Any:
    ours, broker = socket.socketpair()
    broker.settimeout(10)
    with ours, broker:
        yield Connection(ours), broker


def frame(kind: int, payload: bytes) -> bytes:
    return pack(">BHI", kind, 1, len(payload)) + payload + b"\xce"


@pytest.mark.parametrize("seed", range(10))
def test_frames_come_whole_however_they_are_cut(ends: Any, seed: int) -> None:
    connection, broker = ends
    chance = random.Random(seed)
    payloads = [chance.randbytes(chance.choice([0, 1, 20, 300])) for _ in range(60)]
    stream = b"".join(frame(3, payload) for payload in payloads)
    wire = Wire(connection)
    while stream:
        cut = chance.randrange(1, 400)
        broker.sendall(stream[:cut])
        stream = stream[cut:]
        wire.read()
    assert connection.frames == [(3, 1, payload) for payload in payloads]
    assert connection.transport._read_buffer == b""


def test_what_is_no_frame_is_an_error(ends: Any) -> None:
    connection, broker = ends
    wire = Wire(connection)
    broker.sendall(frame(3, b"x")[:-1] + b"\x00")
    with pytest.raises(amqp.AMQPError):
        wire.read()


def test_a_connection_that_has_ended_is_an_error(ends: Any) -> None:
    connection, broker = ends
    wire = Wire(connection)
    broker.close()
    with pytest.raises(OSError, match="closed"):
        wire.read()


def test_frames_leave_together_and_in_order(ends: Any) -> None:
    connection, broker = ends
    wire = Wire(connection)
    for number in range(3):
        connection.frame_writer(8, number, None, None, None)
    broker.setblocking(False)
    with pytest.raises(BlockingIOError):
        broker.recv(100)
    wire.flush()
    sent = broker.recv(100)
    assert [sent[start + 2] for start in range(0, len(sent), 8)] == [0, 1, 2]
    connection.frame_writer(8, 7, None, None, None)
    wire.release()
    assert broker.recv(100)[2] == 7
    connection.frame_writer(8, 9, None, None, None)
    assert broker.recv(100)[2] == 9
