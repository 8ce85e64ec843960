"""ipamd configured as Melange was, started as its operators start it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from tests.services.ports import release_port, reserve_port
from tests.services.process import Process

AS_MELANGE = {
    "dns1": "8.8.8.8",
    "dns2": "8.8.4.4",
    "default_gateway": "false",
    "reserve_network_address": "false",
    "keep_deallocated_ips": "false",
    "reclaim_when_full": "false",
}
START_SECONDS = 40


@contextmanager
def embedded(folder: Path, ipam: Mapping[str, str]) -> Iterator[str]:
    """Serve with ``ipamd-all`` on SQLite; yield the base URL."""
    with _facade(folder, ["all"], f"sqlite:///{folder}/ipamd.sqlite", "", ipam) as base:
        yield base


@contextmanager
def over_amqp(
    folder: Path, database_url: str, transport_url: str, ipam: Mapping[str, str]
) -> Iterator[str]:
    """Serve with ``ipamd-api`` in front of two workers; yield the base URL."""
    programs = ["worker", "worker", "api"]
    with _facade(folder, programs, database_url, transport_url, ipam) as base:
        yield base


@contextmanager
def _facade(
    folder: Path,
    programs: Sequence[str],
    database_url: str,
    transport_url: str,
    ipam: Mapping[str, str],
) -> Iterator[str]:
    port = reserve_port()
    options = "\n".join(f"{name} = {value}" for name, value in {**AS_MELANGE, **ipam}.items())
    conf = folder / "ipamd.conf"
    conf.write_text(
        f"[DEFAULT]\nstate_path = {folder}\ntransport_url = {transport_url}\n"
        f"[api]\nbind_port = {port}\ndefault_limit = 200\n"
        f"[database]\nconnection = {database_url.replace('%', '%%')}\n"
        f"[ipam]\n{options}\n"
    )
    with ExitStack() as stack:
        stack.callback(release_port, port)
        if transport_url:
            upgrade = Process(_command("manage", conf, "db", "upgrade"), output=folder / "upgrade")
            assert upgrade.wait(START_SECONDS) == 0, upgrade.tail()
        running = []
        for number, program in enumerate(programs):
            process = Process(_command(program, conf), output=folder / f"{number}-{program}")
            stack.callback(process.kill)
            running.append(process)
        base = f"http://127.0.0.1:{port}"
        _wait_until_ready(base, running)
        yield base
        for process in reversed(running):
            assert process.stop() == 0, process.tail()


def _command(program: str, conf: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"ipamd.cmd.{program}", "--config-file", str(conf), *arguments]


def _wait_until_ready(base: str, running: Sequence[Process]) -> None:
    """Wait until a request would be served.

    Raises: RuntimeError when a program ends or too much time passes.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for process in running:
            if process.returncode is not None:
                raise RuntimeError(f"a program ended at its start:\n{process.tail()}")
        try:
            if requests.get(f"{base}/healthcheck/ready", timeout=5).status_code == 200:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.2)
    raise RuntimeError("not ready in time:\n" + "\n".join(p.tail() for p in running))
