"""gunicorn's threaded worker, with a bound on what a slow client can hold.

gunicorn's own timeout watches the worker's main loop, which goes on while a thread waits
for a client that sends a byte now and then.  Here a connection has a thread only once
something has come, a request has to be there within so many seconds all told, and so has
each part of the answer to be taken.  Whoever is slower is treated as one who has left.  Nor is a
client waited for that has its answer and does not close: gunicorn would stand still for it.
"""

from __future__ import annotations

import errno
import socket
import time
from collections import deque
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

# Seconds and bytes that a client has for closing its side, or for what it still sends.
_LEAVE_SECONDS = 2.0
_LEAVE_BYTES = 65_536


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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Connections whose clients have their last answer, in the order of their timeouts.
        self._leaving: deque[Any] = deque()

    def enqueue_req(self, conn: Any) -> None:
        """Give a connection to a thread, a new one only when something has come."""
        if not isinstance(conn.sock, Client):
            conn.sock = Client(fileno=conn.sock.detach())
            conn.sock.allowance = self.client_timeout
            conn.close = partial(self._close, conn)
            self._wait_for_first_byte(conn)
            return
        super().enqueue_req(conn)

    def _wait_for_first_byte(self, conn: Any) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.client_timeout
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, EVENT_READ, readable)

    def _close(self, conn: Any, *, graceful: bool = False) -> None:
        """Close a connection, ``graceful``: after its client, whose answer might be lost else.

        The loop is not held up meanwhile: it is the one that serves everybody.
        """
        try:
            if graceful:
                conn.sock.shutdown(socket.SHUT_WR)
                conn.sock.setblocking(False)
        except OSError:
            graceful = False
        if not graceful:
            util.close(conn.sock)
            return
        self.nr_conns += 1  # it still has a descriptor, and a process that stops waits for it
        conn.timeout = time.monotonic() + _LEAVE_SECONDS
        conn.left = _LEAVE_BYTES
        self._leaving.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self._on_leaving, conn))

    def _on_leaving(self, conn: Any, _sock: object) -> None:
        """Drop what a client still sends; close when it has closed, or sends too much."""
        try:
            data = conn.sock.recv(_LEAVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        conn.left -= len(data)
        if not data or conn.left <= 0:
            self._leaving.remove(conn)
            self._leave(conn)

    def _leave(self, conn: Any) -> None:
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        util.close(conn.sock)

    def murder_pending(self) -> None:
        """Close what has had its time: gunicorn calls this in each round of its loop."""
        super().murder_pending()
        while self._leaving and self._leaving[0].timeout <= time.monotonic():
            self._leave(self._leaving.popleft())

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
