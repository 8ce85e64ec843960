"""``ipamd-all`` as somebody meets it first: an empty folder, no configuration, curl."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.programs import Facade
from tests.services.ports import reserve_port
from tests.services.process import Process
from tests.services.waiting import wait_until

ROOT = str(Path(__file__).parents[2])


def curl(*arguments: str) -> Any:
    """Run curl and read its answer as JSON."""
    run = subprocess.run(["curl", "-sS", *arguments], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def test_an_empty_folder_is_enough(tmp_path: Path) -> None:
    port = reserve_port()
    env = {
        **os.environ,
        "PYTHONPATH": ROOT,
        "OS_API__BIND_PORT": str(port),
        "OS_DEFAULT__STATE_PATH": str(tmp_path / "state"),
    }
    log = tmp_path / "log"
    process = Process([sys.executable, "-m", "ipamd.cmd.all"], output=log, env=env, cwd=tmp_path)
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: f"ipamd listens on {url}" in log.read_text(), timeout=40)
    body = '{"ip_block": {"cidr": "10.0.0.0/24", "type": "private"}}'
    json_type = ("-H", "Content-Type: application/json")
    tenant = f"{url}/v0.1/ipam/tenants/demo"
    block = curl(f"{tenant}/ip_blocks", *json_type, "-d", body)["ip_block"]
    assert block["cidr"] == "10.0.0.0/24"
    assert block["gateway"] == "10.0.0.1"
    answer = curl(f"{tenant}/ip_blocks/{block['id']}/ip_addresses", *json_type, "-d", "{}")
    assert answer["ip_address"]["address"] == "10.0.0.2"
    assert curl(f"{url}/healthcheck")
    assert process.stop() == 0
    assert "Traceback" not in log.read_text()
    assert (tmp_path / "state" / "ipamd.sqlite").exists()


@pytest.fixture
def facade(tmp_path: Path) -> Any:
    facade = Facade("all", tmp_path, {"DEFAULT": {"state_path": tmp_path}})
    facade.wait_ready()
    yield facade
    assert facade.stop() == 0


def test_addresses_survive_a_kill_of_the_process(facade: Facade) -> None:
    tenant = f"{facade.url}/v0.1/ipam/tenants/demo"
    body = {"ip_block": {"cidr": "10.0.0.0/24", "type": "private"}}
    block = requests.post(f"{tenant}/ip_blocks", json=body, timeout=10).json()["ip_block"]
    addresses = f"{tenant}/ip_blocks/{block['id']}/ip_addresses"
    given = [
        requests.post(addresses, json={}, timeout=10).json()["ip_address"]["address"]
        for _ in range(20)
    ]
    facade.kill()
    facade.restart()
    facade.wait_ready()
    listed = requests.get(addresses, timeout=10).json()["ip_addresses"]
    assert sorted(address["address"] for address in listed) == sorted(given)
    following = requests.post(addresses, json={}, timeout=10).json()["ip_address"]["address"]
    assert following == "10.0.0.22"


def test_an_idempotency_key_over_rest(facade: Facade) -> None:
    tenant = f"{facade.url}/v0.1/ipam/tenants/demo"
    body = {"ip_block": {"cidr": "10.0.0.0/24", "type": "private"}}
    key = {"Idempotency-Key": "make-block-1"}
    first = requests.post(f"{tenant}/ip_blocks", json=body, headers=key, timeout=10)
    second = requests.post(f"{tenant}/ip_blocks", json=body, headers=key, timeout=10)
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    other = {"ip_block": {"cidr": "10.1.0.0/24", "type": "private"}}
    reused = requests.post(f"{tenant}/ip_blocks", json=other, headers=key, timeout=10)
    assert reused.status_code == 422
    assert len(requests.get(f"{tenant}/ip_blocks", timeout=10).json()["ip_blocks"]) == 1


BAD_BLOCKS: list[tuple[Any, str]] = [
    ([], "object"),
    ("text", "object"),
    ({"cidr": "10.0.0.0/24"}, "type"),
    ({"cidr": "10.0.0.0/33", "type": "private"}, "cidr"),
    ({"cidr": "010.0.0.0/24", "type": "private"}, "cidr"),
    ({"cidr": "10.0.0.0/24", "type": "private", "gateway": "10.0.0.256"}, "gateway"),
    ({"cidr": "10.0.0.0/24", "type": "private", "network_id": "n" * 256}, "network_id"),
    ({"cidr": "10.0.0.0/24", "type": "private", "network_id": 7}, "network_id"),
    ({"cidr": "10.0.0.0/24", "type": "private", "policy_id": "gone"}, "policy_id"),
    ({"cidr": "10.0.0.0/24", "type": "private", "dns1": "not an address"}, "dns1"),
]


@pytest.mark.parametrize(("block", "named"), BAD_BLOCKS)
def test_bad_blocks_are_refused_by_name_and_nothing_is_written(
    facade_of_all_bad_input: Facade, block: Any, named: str
) -> None:
    url = f"{facade_of_all_bad_input.url}/v0.1/ipam/tenants/demo/ip_blocks"
    answer = requests.post(url, json={"ip_block": block}, timeout=10)
    assert answer.status_code == 400
    assert named in answer.text
    assert "Traceback" not in answer.text
    assert requests.get(url, timeout=10).json() == {"ip_blocks": []}


@pytest.fixture(scope="module")
def facade_of_all_bad_input(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("bad")
    facade = Facade("all", folder, {"DEFAULT": {"state_path": folder}})
    facade.wait_ready()
    yield facade
    assert facade.stop() == 0
    assert "Traceback" not in facade.text()
