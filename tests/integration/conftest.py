"""What the tests of whole programs share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ipamd import config
from ipamd.db import schema
from ipamd.db.database import Database
from tests.integration.bare_client import BareClient
from tests.integration.programs import Program

StartWorkers = Callable[..., list[Program]]


def database_at(url: str) -> Database:
    """Open the store at ``url`` with default options."""
    conf = config.load([])
    conf.set_override("connection", url, group="database")
    return Database(conf)


@pytest.fixture
def upgraded(database_url: str) -> str:
    """URL of a database with the present schema."""
    db = database_at(database_url)
    schema.upgrade(db)
    db.close()
    return database_url


@pytest.fixture
def start_workers(upgraded: str, transport_url: str, tmp_path: Path) -> Iterator[StartWorkers]:
    """Start ``count`` workers on the test's own database and virtual host."""
    with ExitStack() as stack:

        def start(count: int, **settings: dict[str, Any]) -> list[Program]:
            groups: dict[str, dict[str, object]] = {
                "DEFAULT": {"transport_url": transport_url, "state_path": tmp_path},
                "database": {"connection": upgraded},
                "relay": {"sweep_interval": 0.2, "lease_seconds": 2},
            }
            for group, values in settings.items():
                groups[group] = {**groups.get(group, {}), **values}
            workers = [
                Program("worker", tmp_path, groups, f"worker-{number}") for number in range(count)
            ]
            for worker in workers:
                stack.callback(worker.kill)
            for worker in workers:
                worker.wait_for("takes requests")
            return workers

        yield start


@pytest.fixture
def bare_client(transport_url: str) -> Iterator[BareClient]:
    """A client written with plain oslo.messaging."""
    client = BareClient(transport_url)
    yield client
    client.close()


@pytest.fixture
def outbox_of() -> Callable[[str], list[tuple[str, bool]]]:
    """Read the outbox at a URL: event types in their order, and whether they were sent."""

    def read(url: str) -> list[tuple[str, bool]]:
        db = database_at(url)
        with db.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT event_type, sent_at FROM outbox ORDER BY id")
            found = [(row[0], row[1] is not None) for row in rows]
        db.close()
        return found

    return read
