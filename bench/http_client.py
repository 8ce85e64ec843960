"""HTTP clients with kept connections, in one process, as cheap as Python has them.

``python -m bench.http_client``; orders are ``{port, path, body, clients, seconds}``.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from typing import Any

from bench import remote
from bench.load import run_threads

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class Connection:
    """A kept connection that sends the same request again and again."""

    def __init__(self, port: int, path: str, body: str) -> None:
        self._request = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self) -> None:
        """Send the request and read the whole answer.

        Raises: RuntimeError unless it is 200 or 201.
        """
        self._socket.sendall(self._request)
        answer = b""
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._receive()
        found = _LENGTH.search(answer[: end + 2])
        if found is None or answer[9:12] not in (b"200", b"201"):
            raise RuntimeError(f"unexpected answer: {answer[:500]!r}")
        missing = end + 4 + int(found[1]) - len(answer)
        while missing > 0:
            missing -= len(self._receive())

    def _receive(self) -> bytes:
        part = self._socket.recv(65536)
        if not part:
            raise RuntimeError("the server has closed the connection")
        return part

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def work(order: Mapping[str, Any]) -> Any:
    """Do one round."""
    connections = [
        Connection(order["port"], order["path"], order["body"]) for _ in range(order["clients"])
    ]
    try:
        return run_threads(
            order["clients"], order["seconds"], lambda client, _: connections[client].post()
        )
    finally:
        for connection in connections:
            connection.close()


if __name__ == "__main__":
    remote.serve(work)
