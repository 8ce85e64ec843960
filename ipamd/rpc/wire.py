"""The socket of one AMQP connection, read and written a loop at a time.

py-amqp reads a frame in three steps and writes each frame by itself: some twenty system
calls for a request and its answer.  Here all that has come in is read at once, and what
one round of the link's loop has to say is written at once, in its order.
"""

from __future__ import annotations

from struct import unpack_from
from typing import Any

from amqp.exceptions import UnexpectedFrame
from amqp.method_framing import frame_writer

_CHUNK = 65_536
_END = 0xCE
# Type, channel and size go before a frame's payload, one byte follows it.
_AROUND = 8


class Wire:
    """Reads and writes a connection that is set up; used by one thread only.

    From here on nobody may wait for a method of the broker on it, but after ``release()``.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._transport = connection.transport
        self._write = self._transport.write
        self._unwritten: list[bytes] = []
        # What TLS has decrypted no selector tells of, and a part of a record is nothing
        # to read yet: there py-amqp reads.
        self.is_tls = hasattr(connection.sock, "pending")
        self._transport.write = self._keep
        connection.frame_writer = frame_writer(connection, self._transport)

    def _keep(self, frame: bytes | memoryview) -> None:
        self._unwritten.append(bytes(frame))  # py-amqp reuses the memory behind a view

    def flush(self) -> None:
        """Write what was said since the last time.

        Raises: OSError
        """
        if self._unwritten:
            parts, self._unwritten = self._unwritten, []
            self._write(parts[0] if len(parts) == 1 else b"".join(parts))

    def read(self) -> None:
        """Take in what has come; the socket is readable.

        Raises: OSError, amqp.AMQPError
        """
        transport, on_frame = self._transport, self.connection.on_inbound_frame
        new = self.connection.sock.recv(_CHUNK)
        if not new:
            raise OSError("Server unexpectedly closed connection")
        # py-amqp's own buffer, so that it finds there what was begun.
        data = transport._read_buffer + new if transport._read_buffer else new
        start, size = 0, len(data)
        while size - start >= _AROUND:
            kind, channel, length = unpack_from(">BHI", data, start)
            end = start + length + _AROUND
            if end > size:
                break
            if data[end - 1] != _END:
                raise UnexpectedFrame(f"frame ends with {data[end - 1]:#04x}")
            on_frame((kind, channel, data[start + _AROUND - 1 : end - 1]))
            start = end
        transport._read_buffer = data[start:]

    def release(self) -> None:
        """Write what is left, and give the connection back to py-amqp, to be closed."""
        self._transport.write = self._write
        self.connection.frame_writer = frame_writer(self.connection, self._transport)
        self.flush()
