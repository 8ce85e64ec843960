"""What is told of whole programs: metrics of several processes, and one request's way."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import amqp
import pytest
import requests

from tests.integration.bare_client import BareClient
from tests.integration.conftest import StartWorkers
from tests.integration.programs import Facade, Program
from tests.monitoring.telling import total
from tests.rpc.support import raw_channel
from tests.services.ports import reserve_port
from tests.services.supervisor import children_by_parent
from tests.services.waiting import wait_until

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

TENANT = "/v0.1/ipam/tenants/demo"


@pytest.fixture
def metrics_url() -> str:
    """Where the worker tells its metrics."""
    port = reserve_port()
    return f"127.0.0.1:{port}"


@pytest.fixture
def api(transport_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Facade]:
    """The facade in three processes; what it leaves behind is in ``tmp_path / "tmp"``."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    settings: dict[str, dict[str, object]] = {
        "DEFAULT": {"transport_url": transport_url},
        "api": {"workers": 3},
    }
    facade = Facade("api", tmp_path, settings)
    facade.wait_ready()
    yield facade
    facade.kill()


def shared_folders(folder: Path) -> list[Path]:
    """Return the folders of metrics that are there."""
    return sorted((folder / "tmp").glob("ipamd-metrics-*"))


def processes_of(facade: Facade) -> list[int]:
    """Return the processes of the facade that serve requests."""
    return children_by_parent().get(facade.process.pid, [])


def told(url: str) -> str:
    """Return what is told of metrics."""
    answer = requests.get(f"{url}/metrics", timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.text


def check(promtool: Path, text: str) -> None:
    """Have Prometheus's own program read metrics."""
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def post(url: str, body: dict[str, Any], **headers: str) -> requests.Response:
    return requests.post(
        f"{url}{TENANT}{body.pop('path')}", json=body, headers=headers, timeout=30
    )


@on_postgresql
def test_metrics_are_right_with_several_processes(
    start_workers: StartWorkers,
    api: Facade,
    metrics_url: str,
    promtool: Path,
    transport_url: str,
    bare_client: BareClient,
    tmp_path: Path,
) -> None:
    start_workers(1, worker={"metrics_bind": metrics_url})
    block = {"path": "/ip_blocks", "ip_block": {"cidr": "10.0.0.0/26", "type": "private"}}
    made = post(api.url, block).json()["ip_block"]["id"]
    addresses = f"/ip_blocks/{made}/ip_addresses"

    def allocate(_: int) -> int:
        # A connection of its own each time: it may be any of the processes that accepts it.
        return post(api.url, {"path": addresses, "ip_address": {}}).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(allocate, range(70)))
    assert sorted(set(answers)) == [201, 422]
    # 61 addresses can be handed out, and whichever process is asked tells of all of them.
    served = processes_of(api)
    assert len(served) == 3
    files = shared_folders(tmp_path)[0].glob("counter_*.db")
    assert len({re.findall(r"\d+", file.name)[-1] for file in files}) > 1
    for _ in range(6):
        text = told(api.url)
        calls = {"method": "allocate_ip_address"}
        assert total(text, "ipamd_calls_total", **calls, outcome="ok") == 61
        assert total(text, "ipamd_calls_total", **calls, outcome="no_more_addresses") == 9
        assert total(text, "ipamd_call_duration_seconds_count", **calls) == 70
        assert total(text, "ipamd_http_requests_total", status="201") == 62
    # The one that asks. One that has its answer is in flight until its process has closed it.
    wait_until(lambda: total(told(api.url), "ipamd_http_requests_in_flight") == 1)
    check(promtool, told(api.url))

    worker = f"http://{metrics_url}"
    # A scrape waits two seconds for what is read of the store, and does without it then.
    wait_until(lambda: total(told(worker), "ipamd_database_up") == 1)
    text = told(worker)
    check(promtool, text)
    assert total(text, "ipamd_requests_total", method="allocate_ip_address") == 70
    assert total(text, "ipamd_requests_total", outcome="no_more_addresses") == 9
    assert total(text, "ipamd_batch_size_sum") >= 70
    assert 1 <= total(text, "ipamd_batch_size_count") <= total(text, "ipamd_batch_size_sum")
    assert total(text, "ipamd_broker_up") == total(text, "ipamd_database_up") == 1
    assert total(text, "ipamd_ip_block_utilization_ratio", ip_block_id=made) == 1
    # The block, 61 interfaces and addresses, three thresholds, and that it is full.
    wait_until(lambda: total(told(worker), "ipamd_events_published_total") == 1 + 2 * 61 + 4)
    full = {"event_type": "ip_block.full"}
    assert total(told(worker), "ipamd_events_published_total", **full) == 1
    wait_until(lambda: total(told(worker), "ipamd_requests_in_hand") == 0)

    # What is no request goes to the dead-letter queue, and a failed cast leaves an event.
    with raw_channel(transport_url) as channel:
        channel.basic_publish(amqp.Message(b"no request"), "ipamd", "ipam")
    bare_client.cast("allocate_ip_address", tenant_id="t1", ip_block_id="none")
    wait_until(lambda: total(told(worker), "ipamd_dead_letters_total") == 1)
    error = {"event_type": "error"}
    wait_until(lambda: total(told(worker), "ipamd_events_published_total", **error) == 1)

    # A process that is killed takes nothing along that was counted, and is no more in flight.
    os.kill(served[0], signal.SIGKILL)
    wait_until(lambda: len(processes_of(api)) == 3 and served[0] not in processes_of(api))
    text = told(api.url)
    assert total(text, "ipamd_calls_total", method="allocate_ip_address") == 70
    assert total(text, "ipamd_http_requests_in_flight") == 1
    assert api.stop() == 0
    assert shared_folders(tmp_path) == []


def test_a_process_that_ends_takes_nothing_of_the_others_along(
    api: Facade, tmp_path: Path
) -> None:
    (folder,) = shared_folders(tmp_path)
    first = processes_of(api)
    assert len(first) == 3
    # One that has not set itself up yet does not heed the signal.
    wait_until(lambda: all((folder / f"gauge_livesum_{pid}.db").exists() for pid in first))
    os.kill(first[0], signal.SIGTERM)
    wait_until(lambda: first[0] not in processes_of(api) and len(processes_of(api)) == 3)
    for pid in processes_of(api):
        wait_until((folder / f"gauge_livesum_{pid}.db").exists)
    assert total(told(api.url), "ipamd_http_requests_total", api="other", status="200") >= 1
    assert api.stop() == 0
    assert shared_folders(tmp_path) == []


def test_what_a_killed_facade_leaves_is_removed_by_the_next(
    api: Facade, tmp_path: Path, transport_url: str
) -> None:
    (left,) = shared_folders(tmp_path)
    settings: dict[str, dict[str, object]] = {
        "DEFAULT": {"transport_url": transport_url},
        "api": {"workers": 1},
    }
    other = Facade("api", tmp_path / "other", settings)
    try:
        other.wait_ready()
        # Another facade's is left alone as long as that lives.
        assert left in shared_folders(tmp_path)
        assert len(shared_folders(tmp_path)) == 2
        assert other.stop() == 0
        assert shared_folders(tmp_path) == [left]
        api.kill()
        assert shared_folders(tmp_path) == [left]
        other.restart()
        wait_until(lambda: shared_folders(tmp_path) != [left])
        other.wait_ready()
        assert left not in shared_folders(tmp_path)
        assert len(shared_folders(tmp_path)) == 1
    finally:
        other.kill()


@on_postgresql
def test_one_request_is_followed_by_its_id(
    start_workers: StartWorkers, api: Facade, transport_url: str
) -> None:
    (worker,) = start_workers(1, DEFAULT={"use_json": True})
    with raw_channel(transport_url) as channel:
        queue = channel.queue_declare("followed", exclusive=True).queue
        channel.queue_bind(queue, "ipamd", "notifications.info")
        block = {"path": "/ip_blocks", "ip_block": {"cidr": "10.0.0.0/26", "type": "private"}}
        followed = {"X-Openstack-Request-Id": "req-followed-1"}
        answer = post(api.url, block, **followed)
        assert answer.headers["X-Openstack-Request-Id"] == "req-followed-1"
        post(api.url, {**block, "path": "/ip_blocks"}, **{"X-Openstack-Request-Id": "req-2"})
        made = answer.json()["ip_block"]["id"]
        found: list[Any] = []

        def heard() -> bool:
            message = channel.basic_get(queue, no_ack=True)
            if message is not None:
                found.append(json.loads(json.loads(message.body)["oslo.message"]))
            return bool(found)

        wait_until(heard)
    event = found[0]
    assert event["event_type"] == "ip_block.create"
    assert event["payload"]["id"] == made
    assert event["payload"]["request_id"] == "req-followed-1"
    assert event["_context_request_id"] == "req-followed-1"

    # The facade's line, plain, and the worker's, as JSON.
    (line,) = lines_with(api, "req-followed-1")
    assert re.fullmatch(
        r"\S+ \S+ \d+ INFO ipamd\.api\.middleware \[-\] req-followed-1 POST "
        rf"{TENANT}/ip_blocks 201 create_ip_block tenant=demo ok "
        r"\d+\.\d ms in workers, \d+\.\d ms",
        line,
    )
    (line,) = lines_with(worker, "req-followed-1")
    entry = json.loads(line)
    assert entry["name"] == "ipamd.requests"
    milliseconds = entry["args"].pop("ms")
    assert entry["args"] == {
        "request_id": "req-followed-1",
        "method": "create_ip_block",
        "tenant": "demo",
        "outcome": "ok",
    }
    assert 0 < milliseconds < 60_000


def lines_with(program: Program, words: str) -> list[str]:
    """Return the lines of a program's log that have ``words``; at least one."""
    program.wait_for(words)
    return [line for line in program.text().splitlines() if words in line]


@on_postgresql
def test_no_request_forges_an_entry_of_the_log(
    start_workers: StartWorkers, api: Facade, bare_client: BareClient
) -> None:
    (worker,) = start_workers(1)
    forged = "x\n2026-01-01 00:00:00.000 1 INFO forged [-] \x1b[31mall is well\u2028\r"
    path = quote(forged, safe="")
    requests.get(f"{api.url}/v0.1/ipam/tenants/{path}/ip_blocks", timeout=30)
    bare_client.cast(forged)
    bare_client.context = {"request_id": forged, "project_id": forged}
    bare_client.cast("get_ip_block", ip_block_id="x")
    wait_until(lambda: worker.text().count("all is well") >= 3)
    for program in (api, worker):
        program.wait_for("all is well")
        text = program.text()
        assert not re.search(r"^2026-01-01", text, re.M)
        assert "forged [-] \\x1b[31mall is well\\u2028\\r" in text
        assert set("\x1b\r\u2028").isdisjoint(text)
