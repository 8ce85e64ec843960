"""python-novaclient 9.1.3, the last one that lists virtual interfaces, reads them from ipamd."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.programs import Facade

REQUIREMENT = "python-novaclient==9.1.3"
ENVIRONMENT = Path(__file__).parents[2] / ".venv-novaclient"
CLIENT = Path(__file__).with_name("list_with_novaclient.py")
NETWORK = "0f2e0d5c-8c5a-4b43-9d54-6e0a6d2a3b11"
SERVER = "d5d43e6a-9a83-4e4c-a5a8-5a5e4ea0f4a3"
PLAIN = {"id": "vif-1", "mac_address": "02:00:00:00:00:01"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of an environment with the client; it is made once and kept."""
    marker = ENVIRONMENT / "installed"
    with open(f"{ENVIRONMENT}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.exists() or marker.read_text() != REQUIREMENT:
            for command in (
                [sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)],
                [str(ENVIRONMENT / "bin/python"), "-m", "pip", "install", "-q", REQUIREMENT],
            ):
                subprocess.run(command, check=True)
            marker.write_text(REQUIREMENT)
    return ENVIRONMENT / "bin/python"


@pytest.fixture(scope="module")
def facade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facade]:
    """A running ipamd-all with one instance that has an interface in a network."""
    folder = tmp_path_factory.mktemp("facade")
    facade = Facade("all", folder, {"DEFAULT": {"state_path": folder}})
    try:
        facade.wait_ready()
        melange = f"{facade.url}/v0.1/ipam"
        block = {"cidr": "10.0.0.0/24", "type": "private", "network_id": NETWORK}
        network = {"id": NETWORK, "tenant_id": "demo"}
        interface = {**PLAIN, "tenant_id": "demo", "device_id": SERVER, "network": network}
        for path, body in (
            ("tenants/demo/ip_blocks", {"ip_block": block}),
            ("interfaces", {"interface": interface}),
        ):
            answer = requests.post(f"{melange}/{path}", json=body, timeout=30)
            assert answer.status_code == 201, answer.text
        yield facade
        assert facade.stop() == 0
    finally:
        facade.kill()


def ask(python: Path, facade: Facade, mount: str, version: str, server: str = SERVER) -> Any:
    """Let the client list a server's interfaces."""
    command = [str(python), str(CLIENT), f"{facade.url}/compute{mount}", version, server]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("mount", ["/v2.1", "/v2.1/demo"])
@pytest.mark.parametrize(
    ("asked", "served", "shown"),
    [
        ("2.1", "2.1", PLAIN),
        ("2.11", "2.11", PLAIN),
        ("2.12", "2.12", {**PLAIN, "net_id": NETWORK}),
        ("2.27", "2.27", {**PLAIN, "net_id": NETWORK}),
        ("2.43", "2.43", {**PLAIN, "net_id": NETWORK}),
        ("2.latest", "2.43", {**PLAIN, "net_id": NETWORK}),
    ],
)
def test_the_client_lists_interfaces(
    python: Path, facade: Facade, mount: str, asked: str, served: str, shown: dict[str, str]
) -> None:
    found = ask(python, facade, mount, asked)
    assert found == {"version": served, "virtual_interfaces": [shown]}


def test_the_client_lists_interfaces_of_v2(python: Path, facade: Facade) -> None:
    found = ask(python, facade, "/v2/demo", "2.0")
    shown = {**PLAIN, "OS-EXT-VIF-NET:net_id": NETWORK}
    assert found["virtual_interfaces"] == [shown]


def test_the_client_understands_the_faults(python: Path, facade: Facade) -> None:
    unknown = ask(python, facade, "/v2.1", "2.12", "no-such-server")
    message = "Instance no-such-server could not be found."
    assert unknown == {"error": 404, "message": message}
    foreign = ask(python, facade, "/v2.1/other", "2.12")
    assert foreign["error"] == 404
