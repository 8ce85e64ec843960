"""compose.yaml and Dockerfile: consistent with the code, and run, but for Docker itself.

There is no Docker daemon where these tests run.  So the file is checked for what Docker
would complain of, and its services are started as processes, with their own commands and
environment, on the servers of the tests.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from ipamd import config
from ipamd.rpc.transport import register_opts
from tests.docs.pages import ROOT
from tests.services.ports import reserve_port
from tests.services.process import Process
from tests.services.waiting import wait_until

CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


@pytest.fixture(scope="module")
def compose() -> Any:
    """The content of compose.yaml."""
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def ours(compose: Any) -> dict[str, Any]:
    """The services that are ipamd."""
    return {n: s for n, s in compose["services"].items() if s["image"].startswith("ipamd:")}


def options() -> set[str]:
    """Return the names of the environment variables that set an option."""
    conf = config.load(["--config-file", os.devnull])
    register_opts(conf)
    found = set()
    for group in ["DEFAULT", *conf._groups]:
        names = conf._opts if group == "DEFAULT" else conf._groups[group]._opts
        found |= {f"OS_{group}__{name}".upper() for name in names}
    return found


def test_every_variable_sets_an_option_that_exists(ours: dict[str, Any]) -> None:
    given = {name for service in ours.values() for name in service["environment"]}
    assert given
    assert given - options() == set()


def test_every_command_is_a_program(ours: dict[str, Any]) -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    scripts = setup["options.entry_points"]["console_scripts"]
    programs = set(re.findall(r"^([\w-]+) =", scripts, re.MULTILINE))
    assert {service["command"][0] for service in ours.values()} <= programs
    assert {name: s.get("deploy", {}).get("replicas", 1) for name, s in ours.items()} == {
        "upgrade": 1,
        "worker": 2,
        "api": 1,
    }


def test_services_wait_for_services_that_can_tell(compose: Any) -> None:
    services = compose["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] in CONDITIONS, name
            if how["condition"] == "service_healthy":
                assert services[other]["healthcheck"]["test"][0] == "CMD"
    used = {v.split(":")[0] for s in services.values() for v in s.get("volumes", [])}
    assert used == set(compose["volumes"])


def test_images_have_versions_and_only_loopback_is_published(compose: Any) -> None:
    for service in compose["services"].values():
        assert re.fullmatch(r"\w+:(local|[\d.]+)", service["image"])
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_image_copies_what_exists_and_does_not_run_as_root() -> None:
    text = (ROOT / "Dockerfile").read_text()
    *_, last = re.split(r"^FROM ", text, flags=re.MULTILINE)
    (user,) = re.findall(r"^USER (\S+)$", last, re.MULTILINE)
    assert user not in ("root", "0")
    sources = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert sources
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    for source in sources:
        assert (ROOT / source).exists()
        assert source in sent


class Composition:
    """The services of compose.yaml as processes, on the servers of the tests."""

    def __init__(self, ours: dict[str, Any], folder: Path, texts: dict[str, str]) -> None:
        self._ours = ours
        self._folder = folder
        self._texts = texts

    @contextmanager
    def service(self, name: str, **env: str) -> Iterator[Process]:
        """Run one service with its command and environment."""
        service = self._ours[name]
        program, *arguments = service["command"]
        module = f"ipamd.cmd.{program.removeprefix('ipamd-')}"
        environment = {key: self._replace(value) for key, value in service["environment"].items()}
        process = Process(
            [sys.executable, "-m", module, *arguments],
            output=self._folder / f"{name}.log",
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT), **env},
            cwd=self._folder,
        )
        try:
            yield process
        finally:
            process.kill()

    def _replace(self, value: str) -> str:
        # ${NAME:-default}, as Compose reads it where the variable is not set.
        value = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", value)
        for shown, here in self._texts.items():
            value = value.replace(shown, here)
        return value


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_its_services_work_together(
    ours: dict[str, Any], database_url: str, transport_url: str, tmp_path: Path
) -> None:
    port = reserve_port()
    texts = {
        "rabbit://ipamd:ipamd@rabbitmq:5672/": transport_url,
        "postgresql+psycopg://ipamd:ipamd@postgresql:5432/ipamd": database_url,
    }
    run = Composition(ours, tmp_path, texts)
    with ExitStack() as stack:
        with run.service("upgrade") as upgrade:
            assert upgrade.wait(60) == 0
        workers = [stack.enter_context(run.service("worker")) for _ in range(2)]
        api = stack.enter_context(run.service("api", OS_API__BIND_PORT=str(port)))
        url = f"http://127.0.0.1:{port}"

        def is_ready() -> bool:
            assert all(process.returncode is None for process in (*workers, api))
            try:
                return requests.get(f"{url}/healthcheck/ready", timeout=20).ok
            except requests.ConnectionError:
                return False

        wait_until(is_ready, timeout=60)
        blocks = f"{url}/v0.1/ipam/tenants/acme/ip_blocks"
        body = {"ip_block": {"cidr": "10.0.0.0/24", "type": "private"}}
        made = requests.post(blocks, json=body, timeout=60)
        assert made.status_code == 201
        for process in (api, *workers):
            assert process.stop(timeout=40) == 0
