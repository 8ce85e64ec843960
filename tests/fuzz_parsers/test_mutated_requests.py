"""Mutated requests to the whole service: no 5xx, no traceback, no write of a refused one.

The service is whole, on SQLite, in this process; a second connection sees each commit.
``make fuzz-parsers`` sends 100,000, ``make test`` 1,500. A request that fails is printed
as a line for ``seeds/requests.jsonl``.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import pytest
from flask.testing import FlaskClient

from ipamd import config
from ipamd.api.app import create_app
from ipamd.db import check, schema
from ipamd.db.database import Database
from ipamd.rpc.client import DirectCaller
from ipamd.rpc.manager import Manager
from tests.fuzz_parsers.mutations import mutate
from tests.fuzz_parsers.targets import SEEDS

IS_LONG = os.environ.get("IPAMD_FUZZ") == "long"
REQUESTS = 100_000 if IS_LONG else 1_500
# Bytes by which the process may grow in the last four fifths of the run.
FLAT = 24 * 1024 * 1024
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "FOO")
TYPES = ("application/json", "application/xml", "text/plain", "application/json; charset=x", "")


@dataclass(frozen=True)
class Sent:
    """A request: JSON values only, bytes as latin-1."""

    method: str
    path: str
    headers: dict[str, str]
    body: str

    @classmethod
    def read(cls, line: str) -> Sent:
        return cls(**json.loads(line))

    def mutated(self, random: Random) -> Sent:
        """Return it with one or two of its parts changed."""
        method, path, headers, body = self.method, self.path, dict(self.headers), self.body
        for _ in range(random.randint(1, 2)):
            part = random.randrange(10)
            if part == 0:
                method = random.choice(METHODS)
            elif part == 1:
                headers["Content-Type"] = random.choice(TYPES)
            elif part == 2 and headers:
                name = random.choice(sorted(headers))
                value = mutate(random, headers[name].encode("latin-1"))
                headers[name] = value.decode("latin-1").translate({10: None, 13: None})
            elif part < 6 and path:
                path = "/" + mutate(random, path.encode("latin-1")).decode("latin-1").lstrip("/")
            elif body:
                body = mutate(random, body.encode("latin-1")).decode("latin-1")
        return Sent(method, path, headers, body)

    def line(self) -> str:
        return json.dumps(self.__dict__)


class Service:
    """The facade in front of a manager, and who watches its store."""

    def __init__(self, folder: Path) -> None:
        conf = config.load(["--config-file", os.devnull])
        conf.set_override("state_path", str(folder))
        self.db = Database(conf)
        schema.upgrade(self.db)
        self.db.journal_only = True
        self.client: FlaskClient = create_app(conf, DirectCaller(Manager(self.db))).test_client()
        self.watcher = sqlite3.connect(folder / "ipamd.sqlite", isolation_level=None)
        self.fill()

    def fill(self) -> None:
        """Make what the seeds speak of."""
        for path, body in (
            ("ip_blocks", {"ip_block": {"cidr": "10.0.0.0/24", "type": "private"}}),
            ("ip_blocks", {"ip_block": {"cidr": "fd00::/64", "type": "private"}}),
            ("policies", {"policy": {"name": "p"}}),
        ):
            answer = self.client.post(f"/v0.1/ipam/tenants/t/{path}", json=body)
            assert answer.status_code == 201

    def version(self) -> int:
        """Return a number that changes with each commit."""
        (found,) = self.watcher.execute("PRAGMA data_version").fetchone()
        return int(found)

    def changes(self) -> int:
        """Return how many events there are: one or more for each change."""
        (found,) = self.watcher.execute("SELECT count(*) FROM outbox").fetchone()
        return int(found)

    def send(self, sent: Sent) -> tuple[int, bytes]:
        path, _, query = sent.path.partition("?")
        answer = self.client.open(
            method=sent.method,
            headers=sent.headers,
            data=sent.body.encode("latin-1"),
            # As a server passes what it read: bytes, as latin-1, whatever they are.
            environ_overrides={"PATH_INFO": path, "QUERY_STRING": query},
        )
        try:
            return answer.status_code, answer.data
        finally:
            answer.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    yield made
    made.watcher.close()
    made.db.close()


class Tracebacks(logging.Handler):
    """Keeps what was logged as a failure of the service's own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


def resident() -> int:
    """Return the process's resident memory in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def seeds() -> list[Sent]:
    return [Sent.read(line) for line in (SEEDS / "requests.jsonl").read_text().splitlines()]


def judge(service: Service, sent: Sent, seed: object) -> int:
    """Send a request and look at what it did; return its status."""
    before = service.version()
    status, text = service.send(sent)
    trace = f"seed {seed}: {sent.line()}"
    assert status < 500, f"{status} {text[:500]!r} {trace}"
    assert b"Traceback" not in text, trace
    if status >= 400 or sent.method in ("GET", "HEAD", "OPTIONS"):
        assert service.version() == before, f"{status}, and something was written: {trace}"
    return status


def test_the_seeds_are_served(service: Service) -> None:
    found = [judge(service, sent, "seeds") for sent in seeds()]
    assert len(found) > 30
    assert sum(status < 300 for status in found) > 10


@pytest.mark.timeout(3600)
def test_mutated_requests_break_nothing(service: Service) -> None:
    seed = int(os.environ.get("IPAMD_FUZZ_SEED") or SystemRandom().randrange(2**32))
    random, known = Random(seed), seeds()
    log = Tracebacks()
    logging.getLogger().addHandler(log)
    statuses: dict[int, int] = {}
    settled = 0
    try:
        for number in range(REQUESTS):
            status = judge(service, random.choice(known).mutated(random), seed)
            statuses[status] = statuses.get(status, 0) + 1
            if number == REQUESTS // 5:
                settled = resident()
    finally:
        logging.getLogger().removeHandler(log)
    assert log.texts == [], f"seed {seed}"
    grown = resident() - settled
    print(f"seed {seed}: {REQUESTS} requests, {statuses}, grown {grown / 2**20:.1f} MiB")  # noqa: T201
    assert grown < FLAT, f"seed {seed}: {grown} bytes more"
    # The run went deep: some were done, some refused by parsers, some by operations.
    assert {200, 400, 404} <= set(statuses)
    assert check.check(service.db) == []


def test_requests_from_the_bus_break_nothing(service: Service) -> None:
    """Mutated messages, parsed and done by the manager as a worker does it."""
    from ipamd import errors
    from ipamd.context import RequestContext
    from ipamd.rpc import envelope
    from tests.fuzz_parsers.targets import seeds as bytes_of

    seed = int(os.environ.get("IPAMD_FUZZ_SEED") or SystemRandom().randrange(2**32))
    random, known = Random(seed), bytes_of("message")
    manager = Manager(service.db)
    told: list[Any] = []
    for _ in range(REQUESTS // 5):
        data = mutate(random, random.choice(known))
        try:
            request = envelope.parse(data)
        except envelope.Malformed:
            continue
        before = service.changes()
        context = RequestContext.from_wire(request.context)
        refusal: errors.IpamError | None = None
        try:
            told.append(manager.call(context, request.method, request.args))
        except errors.IpamError as error:
            refusal = error
        if refusal is not None:
            assert refusal.http_status < 500, f"seed {seed}: {data!r}"
            # Nothing but the refusal itself, where it has a key to be found by.
            assert service.changes() == before, f"seed {seed}: {data!r}"
    assert told
    assert check.check(service.db) == []
