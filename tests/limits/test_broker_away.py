"""``ipamd-api`` while there is no broker, or no worker: a quick 503, and no heap of requests."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.integration.programs import Facade
from tests.services import RabbitMQ
from tests.services.waiting import wait_until

PATH = "/v0.1/ipam/tenants/t/ip_blocks"
PATIENCE = 1.0
CALLERS = 100


def ask(url: str) -> tuple[int, str | None, float]:
    """Return the status, ``Retry-After``, and after how many seconds they came."""
    started = time.monotonic()
    answer = requests.get(url + PATH, timeout=120)
    assert "Traceback" not in answer.text
    return answer.status_code, answer.headers.get("Retry-After"), time.monotonic() - started


def is_served(url: str) -> bool:
    return ask(url)[0] == 200


@pytest.mark.services("rabbitmq")
@pytest.mark.slow
def test_a_hundred_callers_are_told_at_once(tmp_path: Path) -> None:
    broker = RabbitMQ()
    settings: dict[str, dict[str, object]] = {
        "DEFAULT": {"state_path": tmp_path, "transport_url": broker.url},
        "database": {"connection": f"sqlite:///{tmp_path}/ipamd.sqlite"},
        "oslo_messaging_rabbit": {"rabbit_retry_interval": 1, "rabbit_interval_max": 1},
    }
    # ipamd-all with a transport_url is a worker that makes its schema itself.
    worker = facade = None
    try:
        broker.start()
        worker = Facade("all", tmp_path / "worker", settings)
        worker.wait_ready()
        api: dict[str, object] = {
            "broker_patience": PATIENCE,
            "rpc_timeout": 30,
            "workers": 1,
            "threads": 8,
        }
        facade = Facade("api", tmp_path / "api", {**settings, "api": api})
        facade.wait_ready()
        url = facade.url
        wait_until(lambda: is_served(url), timeout=60)
        broker.stop()
        with ThreadPoolExecutor(CALLERS) as pool:
            started = time.monotonic()
            found = list(pool.map(ask, [url] * CALLERS))
            took = time.monotonic() - started
        assert {(status, after) for status, after, _ in found} == {(503, "2")}
        # Waiting for their time each, eight at once, they would have taken six minutes.
        assert took < 30
        # By now it is known that the broker is away, and nobody waits any more.
        assert ask(url)[0] == 503
        assert min(ask(url)[2] for _ in range(5)) < PATIENCE
        broker.start()
        wait_until(lambda: is_served(url), timeout=60)
    finally:
        for program in (facade, worker):
            if program is not None:
                program.kill()
        broker.close()


@pytest.mark.slow
def test_without_a_worker_it_is_said_before_the_time_is_up(
    tmp_path: Path, transport_url: str
) -> None:
    api: dict[str, object] = {"broker_patience": PATIENCE, "rpc_timeout": 60, "workers": 1}
    settings: dict[str, dict[str, object]] = {
        "DEFAULT": {"state_path": tmp_path, "transport_url": transport_url},
        "api": api,
    }
    facade = Facade("api", tmp_path, settings)
    try:
        facade.wait_ready()
        status, after, seconds = ask(facade.url)
        assert (status, after) == (503, "2")
        assert seconds < 30
        assert facade.stop() == 0
    finally:
        facade.kill()
