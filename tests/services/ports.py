"""Ports on 127.0.0.1 that stay free for a server also while that server is down.

They lie below the range the kernel gives to outgoing connections: a client that keeps on
trying to reach a stopped server would otherwise end up connected to itself.

A reservation keeps other tests from the port, and not the program it is meant for: it is
held while that program starts, and for as long as a port has to be closed.
"""

from __future__ import annotations

import random
import socket

_FIRST, _LAST = 12000, 32000
# Reservations of this process. Other processes see the abstract sockets' names.
_reserved: dict[int, socket.socket] = {}


def reserve_port() -> int:
    """Reserve a port until ``release_port`` or the end of this process."""
    while True:
        port = random.randint(_FIRST, _LAST)
        reservation = socket.socket(socket.AF_UNIX)
        try:
            reservation.bind(f"\0ipamd-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        _reserved[port] = reservation
        return port


def release_port(port: int) -> None:
    """Give a reserved port back."""
    _reserved.pop(port).close()


def is_open(port: int) -> bool:
    """Tell whether something accepts connections on the port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
