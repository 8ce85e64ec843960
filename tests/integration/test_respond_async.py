"""``Prefer: respond-async`` over RabbitMQ: a request is queued, then done or failed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from tests.conformance.serving import wait_for_workers
from tests.integration.conftest import StartWorkers, database_at
from tests.integration.programs import Facade
from tests.services.waiting import wait_until

LATER = {"Prefer": "respond-async"}


@pytest.fixture
def url(start_workers: StartWorkers, transport_url: str, tmp_path: Path) -> Iterator[str]:
    """Base URL of ``/v2`` of an ``ipamd-api`` in front of a worker."""
    workers = start_workers(1)
    settings: dict[str, dict[str, object]] = {
        "DEFAULT": {"transport_url": transport_url, "state_path": tmp_path}
    }
    facade = Facade("api", tmp_path, settings)
    try:
        facade.wait_ready()
        wait_for_workers(facade.url, workers)
        yield f"{facade.url}/v2"
        assert facade.stop() == 0
    finally:
        facade.kill()


def post(url: str, body: dict[str, Any], status: int, **headers: str) -> requests.Response:
    """POST, and expect a status."""
    answer = requests.post(url, json=body, headers=headers, timeout=30)
    assert answer.status_code == status, answer.text
    return answer


def state(url: str) -> Any:
    """Read what became of a request."""
    answer = requests.get(url, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()["request"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_queued_then_done_then_failed(url: str, upgraded: str) -> None:
    block = {"tenant_id": "t", "cidr": "10.0.0.0/30", "type": "private"}
    made = post(f"{url}/ip-blocks", {"ip_block": block}, 201).json()["ip_block"]
    wanted = {"ip_address": {"ip_block_id": made["id"]}}
    db = database_at(upgraded)
    with db.engine.connect() as connection:
        # While somebody else holds the block, what is asked of it waits.
        lock = sa.text("SELECT id FROM ip_blocks WHERE id = :id FOR UPDATE")
        connection.execute(lock, {"id": made["id"]}).one()
        answer = post(f"{url}/ip-addresses", wanted, 202, **LATER)
        location = url.removesuffix("/v2") + answer.headers["Location"]
        queued = answer.json()["request"]
        assert state(location) == queued
        assert queued["status"] == "queued"
        connection.rollback()
    db.close()
    wait_until(lambda: state(location)["status"] != "queued", timeout=30)
    done = state(location)
    assert (done["status"], done["error"]) == ("done", None)
    address = requests.get(f"{url}/ip-addresses/{done['result']['id']}", timeout=30).json()
    assert address["ip_address"]["address"] == done["result"]["address"] == "10.0.0.2"

    answer = post(f"{url}/ip-addresses", wanted, 202, **LATER)
    location = url.removesuffix("/v2") + answer.headers["Location"]
    wait_until(lambda: state(location)["status"] != "queued", timeout=30)
    failed = state(location)
    assert (failed["status"], failed["result"]) == ("failed", None)
    assert failed["error"]["code"] == "ipam.no_more_addresses"
    assert failed["error"]["status"] == 422
