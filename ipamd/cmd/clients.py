"""gunicorn's threaded worker, with a bound on what a slow client can hold.

gunicorn's own timeout watches the worker's main loop, which goes on while a thread waits
for a client that sends a byte now and then.  Here a connection has a thread only once
something has come, a request has to be there within so many seconds all told, and so has
each part of the answer to be taken.  Whoever is slower is treated as one who has left.
"""

from __future__ import annotations

import errno
import socket
import time
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class Client(socket.socket):
    """A client's socket, with a time until which it has to send its request."""

    allowance: float = 0
    _until = float("inf")

    def expect_request(self) -> None:
        """Let the time for a request begin."""
        self._until = time.monotonic() + self.allowance

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Receive; after the time for it nothing more comes, as when the client has left."""
        own = self.gettimeout()
        if own == 0:  # polled, and does not wait
            return super().recv(size, flags)
        # What has come by now counts, however late it is read: it may be the server that was
        # held up. Nothing more is waited for.
        left = max(0.0, self._until - time.monotonic())
        self.settimeout(left if own is None else min(left, own))
        try:
            return super().recv(size, flags)
        except (TimeoutError, BlockingIOError):  # the latter where no time was left
            if own is not None and own < left:
                raise  # the one who set it waits for it
            return b""
        finally:
            self.settimeout(own)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send, all of it within the client's time.

        Raises: BrokenPipeError for a client that does not take it.
        """
        own = self.gettimeout()
        self.settimeout(self.allowance)
        try:
            super().sendall(data, flags)
        except TimeoutError:
            raise BrokenPipeError(errno.EPIPE, "the client does not take the answer") from None
        finally:
            self.settimeout(own)


class ClientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker process whose threads belong to requests, not to connections."""

    client_timeout: float

    def enqueue_req(self, conn: Any) -> None:
        """Give a connection to a thread, a new one only when something has come."""
        if not isinstance(conn.sock, Client):
            conn.sock = Client(fileno=conn.sock.detach())
            conn.sock.allowance = self.client_timeout
            self._wait_for_first_byte(conn)
            return
        super().enqueue_req(conn)

    def _wait_for_first_byte(self, conn: Any) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.client_timeout
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, EVENT_READ, readable)

    def _cap_keepalive(self, deadline: float) -> None:
        """Wait no longer than until ``deadline`` for who has not said anything: we stop."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def handle(self, conn: Any) -> Any:
        """Read a request and answer it, in a thread."""
        conn.sock.expect_request()
        return super().handle(conn)


def worker_class(client_timeout: float) -> type[ClientWorker]:
    """Return the worker's class for clients that have ``client_timeout`` seconds."""
    return type("ClientWorker", (ClientWorker,), {"client_timeout": client_timeout})
