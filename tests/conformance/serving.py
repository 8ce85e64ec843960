"""ipamd configured as Melange was, started as its operators start it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from tests.integration.programs import Facade, Program, Settings
from tests.services.waiting import wait_until

AS_MELANGE = {
    "dns1": "8.8.8.8",
    "dns2": "8.8.4.4",
    "default_gateway": "false",
    "reserve_network_address": "false",
    "keep_deallocated_ips": "false",
    "reclaim_when_full": "false",
}


def settings(
    folder: Path, database_url: str, ipam: Mapping[str, str], transport_url: str | None = None
) -> Settings:
    """Return a configuration that behaves as Melange's sample did, changed by ``ipam``."""
    default: dict[str, object] = {"state_path": folder}
    if transport_url is not None:
        default["transport_url"] = transport_url
    return {
        "DEFAULT": default,
        "api": {"default_limit": 200},
        "database": {"connection": database_url},
        "ipam": {**AS_MELANGE, **ipam},
    }


@contextmanager
def embedded(folder: Path, ipam: Mapping[str, str]) -> Iterator[str]:
    """Serve with ``ipamd-all`` on SQLite; yield the base URL."""
    config = settings(folder, f"sqlite:///{folder}/ipamd.sqlite", ipam)
    with ExitStack() as stack:
        facade = Facade("all", folder, config)
        stack.callback(facade.kill)
        facade.wait_ready()
        yield facade.url
        assert facade.stop() == 0, facade.text()


@contextmanager
def over_amqp(folder: Path, database_url: str, transport_url: str) -> Iterator[str]:
    """Serve with ``ipamd-api`` in front of two workers; yield the base URL.

    The database has to have its schema.
    """
    config = settings(folder, database_url, {}, transport_url)
    with ExitStack() as stack:
        programs: list[Program] = []
        for name in ("worker-1", "worker-2"):
            programs.append(Program("worker", folder, config, name))
            stack.callback(programs[-1].kill)
        facade = Facade("api", folder, config)
        stack.callback(facade.kill)
        facade.wait_ready()
        wait_for_workers(facade.url, programs)
        yield facade.url
        for program in (facade, *programs):
            assert program.stop() == 0, program.text()


def wait_for_workers(url: str, workers: Sequence[Program]) -> None:
    """Wait until a worker answers the facade."""

    def ready() -> bool:
        for worker in workers:
            assert worker.process.returncode is None, worker.text()
        return requests.get(f"{url}/healthcheck/ready", timeout=60).status_code == 200

    wait_until(ready, timeout=60)
