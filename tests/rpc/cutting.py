"""A way to the broker that breaks off in the middle of what is sent."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class CuttingProxy:
    """Passes bytes on; ``cut_after`` so many bytes of clients it ends their connections."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.cuts = 0
        self._left: int | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, size: int) -> None:
        """Cut once, when so many bytes more have gone to the broker."""
        with self._lock:
            self._left = size

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                broker = socket.create_connection(self._target)
                for source, sink, counts in ((client, broker, True), (broker, client, False)):
                    threading.Thread(
                        target=self._pass_on, args=(source, sink, counts), daemon=True
                    ).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                part = self._part(data) if counts else data
                sink.sendall(part)
                if len(part) < len(data):
                    break
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _part(self, data: bytes) -> bytes:
        with self._lock:
            if self._left is None:
                return data
            if len(data) < self._left:
                self._left -= len(data)
                return data
            part, self._left = data[: self._left], None
            self.cuts += 1
            return part[:-1] if len(part) == len(data) else part


@contextmanager
def cutting_proxy(host: str, port: int) -> Iterator[CuttingProxy]:
    """Give a proxy in front of ``host:port``."""
    proxy = CuttingProxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()
