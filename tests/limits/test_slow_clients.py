"""Real clients that dawdle, on a real server with two threads: the others are served."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from ipamd.cmd.clients import Client
from tests.integration.programs import Facade
from tests.services.waiting import wait_until

ALLOWANCE = 1
BLOCKS = "/v0.1/ipam/tenants/t/ip_blocks"
HEAD = f"POST {BLOCKS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()


@pytest.fixture(scope="module")
def facade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facade]:
    """``ipamd-all`` with two threads and little patience."""
    folder = tmp_path_factory.mktemp("ipamd")
    running = Facade(
        "all",
        folder,
        {
            "DEFAULT": {"state_path": folder},
            "api": {"threads": 2, "client_timeout": ALLOWANCE, "max_headers": 20},
        },
    )
    try:
        running.wait_ready()
        yield running
        assert running.stop() == 0, running.text()
        assert "Traceback" not in running.text()
    finally:
        running.kill()


def dial(facade: Facade) -> socket.socket:
    host = urlsplit(facade.url)
    return socket.create_connection((str(host.hostname), int(host.port or 0)), timeout=60)


def until_closed(client: socket.socket) -> bytes:
    """Read what the server says until it closes the connection."""
    said = b""
    try:
        while chunk := client.recv(65536):
            said += chunk
    except ConnectionResetError:
        pass
    return said


def trickle(client: socket.socket, stop: threading.Event) -> None:
    """Send a byte now and then, for as long as somebody takes it."""
    try:
        while not stop.wait(0.2):
            client.sendall(b"x")
    except OSError:
        return


@pytest.mark.parametrize(
    "beginning",
    [b"G", HEAD + b"X-Slow: ", HEAD + b"Content-Length: 1000000\r\n\r\n{",
     HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n"],
    ids=["line", "header", "body", "chunk"],
)  # fmt: skip
def test_clients_that_trickle_lose_their_threads(facade: Facade, beginning: bytes) -> None:
    stop = threading.Event()
    with ExitStack() as stack:
        clients = [stack.enter_context(dial(facade)) for _ in range(6)]
        threads = []
        for client in clients:
            client.sendall(beginning)
            threads.append(threading.Thread(target=trickle, args=(client, stop)))
            threads[-1].start()
        for thread in threads:
            stack.callback(thread.join)
        stack.callback(stop.set)
        # Six clients, two threads: three turns at most until there is one for us.
        assert requests.get(facade.url + BLOCKS, timeout=60).json() == {"ip_blocks": []}
        for client in clients:
            assert b" 2" not in until_closed(client)[:12]


def test_connections_that_say_nothing_take_no_thread(facade: Facade) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(dial(facade)) for _ in range(200)]
        started = time.monotonic()
        for _ in range(5):
            assert requests.get(facade.url + BLOCKS, timeout=60).status_code == 200
        # gunicorn would have waited five seconds for each two of them.
        assert time.monotonic() - started < 60
        for client in silent:
            assert until_closed(client) == b""


def test_a_client_that_does_not_read_loses_its_thread(facade: Facade) -> None:
    ask = b"GET /v2/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"

    def flood(client: socket.socket) -> None:
        """Ask again and again, and read nothing, until nobody listens any more."""
        try:
            while True:
                client.sendall(ask * 100)
        except OSError:
            return

    with ExitStack() as stack:
        clients = [stack.enter_context(dial(facade)) for _ in range(4)]
        threads = [threading.Thread(target=flood, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        assert requests.get(facade.url + BLOCKS, timeout=60).status_code == 200
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()


def test_a_kept_connection_may_rest_between_requests(facade: Facade) -> None:
    with requests.Session() as session:
        assert session.get(facade.url + BLOCKS, timeout=30).status_code == 200
        time.sleep(ALLOWANCE + 0.5)
        assert session.get(facade.url + BLOCKS, timeout=30).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{f"X-{n}": "1" for n in range(40)}, {"X-Long": "x" * 9000}],
    ids=["many", "long"],
)
def test_too_many_or_too_long_headers_are_refused(facade: Facade, headers: dict[str, str]) -> None:
    answer = requests.get(facade.url + BLOCKS, headers=headers, timeout=30)
    assert answer.status_code in (400, 431)
    assert "Traceback" not in answer.text
    assert requests.get(facade.url + BLOCKS, timeout=30).status_code == 200


def test_what_has_come_in_time_is_read_by_a_server_that_was_held_up() -> None:
    here, there = socket.socketpair()
    with here, Client(fileno=there.detach()) as client:
        client.allowance = 0
        here.sendall(b"in time")
        client.expect_request()
        assert client.recv(100) == b"in time"
        assert client.recv(100) == b""  # as if it had left: its time is over
        assert client.gettimeout() is None
        here.sendall(b"more")
        client.settimeout(10)
        assert client.recv(100) == b"more"
        assert client.recv(100) == b""
        assert client.gettimeout() == 10


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Facade]:
    """``ipamd-all`` with more patience than a test has."""
    settings: dict[str, dict[str, object]] = {
        "DEFAULT": {"state_path": tmp_path},
        "api": {"client_timeout": 60},
    }
    running = Facade("all", tmp_path, settings)
    try:
        running.wait_ready()
        yield running
    finally:
        running.kill()


def test_who_is_in_time_is_served_and_who_is_silent_holds_up_no_stop(patient: Facade) -> None:
    body = b'{"ip_block": {"cidr": "10.0.0.0/24", "type": "public"}}'
    request = HEAD + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
    with dial(patient) as client:
        for start in range(0, len(request), 20):
            client.sendall(request[start : start + 20])
            time.sleep(0.02)
        assert until_closed(client).startswith(b"HTTP/1.1 201")
    with dial(patient) as silent:
        assert requests.get(patient.url + BLOCKS, timeout=60).status_code == 200
        started = time.monotonic()
        assert patient.stop() == 0
        assert until_closed(silent) == b""
    assert time.monotonic() - started < 30


def test_who_does_not_close_after_the_answer_holds_up_nobody(patient: Facade) -> None:
    ask = f"GET {BLOCKS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    with ExitStack() as stack:
        lazy = [stack.enter_context(dial(patient)) for _ in range(40)]
        for client in lazy:
            client.sendall(ask)
        for client in lazy:
            assert client.recv(12) == b"HTTP/1.1 200"
        started = time.monotonic()
        assert requests.get(patient.url + BLOCKS, timeout=100).status_code == 200
        # gunicorn would have waited two seconds for each of them, and for nothing else.
        assert time.monotonic() - started < 10
        for client in lazy:
            assert until_closed(client).endswith(b"}")  # all of their answer
        wait_until(lambda: all(is_reset(client) for client in lazy))


def is_reset(client: socket.socket) -> bool:
    """Tell whether the server has closed its side for good: it takes nothing any more."""
    try:
        client.sendall(b"x")
    except OSError:
        return True
    return False
