"""Group ``rest``: allocations over HTTP in the embedded mode against a constant route.

``ipamd-all`` as it comes: SQLite with ``synchronous=FULL``, its events, its log.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import requests

from bench.figures import Results, Target, in_turns
from bench.load import cpu_seconds
from bench.remote import Remote
from bench.scale import Scale
from bench.stores import TENANT, Servers, opened
from tests.integration.programs import Facade
from tests.services.ports import release_port, reserve_port
from tests.services.process import Process
from tests.services.waiting import wait_until

_BODY = '{"ip_address": {"interface_id": "vif-1"}}'


def run(results: Results, servers: Servers, scale: Scale) -> None:
    """Measure ``ipamd-all`` and the constant route by turns."""
    with ExitStack() as stack:
        url = stack.enter_context(servers.database("sqlite"))
        store = stack.enter_context(opened(url))
        block = store.block("10.0.0.0/8")
        folder = Path(url.removeprefix("sqlite:///")).parent
        settings: dict[str, dict[str, object]] = {
            "DEFAULT": {"state_path": folder},
            "database": {"connection": url},
        }
        facade = Facade("all", folder, settings)
        stack.callback(facade.kill)
        facade.wait_ready()
        constant, port = _constant(stack, servers)
        client = stack.enter_context(Remote("http_client"))

        def side(process: Process, port: int, path: str) -> Mapping[str, float]:
            before = _cpu(process)
            found: dict[str, float] = client.ask(
                port=port,
                path=path,
                body=_BODY,
                clients=scale.rest_clients,
                seconds=scale.seconds,
            )
            return {**found, "server": (_cpu(process) - before) / found["calls"] * 1e6}

        path = f"/v0.1/ipam/tenants/{TENANT}/ip_blocks/{block}/ip_addresses"
        own_port = int(facade.url.rpartition(":")[2])
        sides: dict[str, Callable[[], Mapping[str, float]]] = {
            "ipamd": lambda: side(facade.process, own_port, path),
            "constant": lambda: side(constant, port, "/constant"),
        }
        for warm_up in sides.values():
            warm_up()
        found = in_turns(scale.repeats, sides)
        facade.stop()
    label = f"{scale.rest_clients} clients"
    for name, title in (("ipamd", "allocate"), ("constant", "constant route")):
        results.add("rest", f"{label}: {title}", found[name]["rate"], "/s")
        results.add("rest", f"{label}: {title}, p99", found[name]["p99"], "ms")
        results.add("rest", f"{label}: {title}, server's CPU", found[name]["server"], "us")
    ours, theirs = found["ipamd"]["rate"], found["constant"]["rate"]
    name = f"{label}: allocate / constant route, rate"
    results.ratio("rest", name, ours, theirs, Target(">=", 0.4))


def _cpu(process: Process) -> float:
    """Return the CPU time of a server with its processes."""
    return sum(cpu_seconds(pid) for pid in process.pids())


def _constant(stack: ExitStack, servers: Servers) -> tuple[Process, int]:
    port = reserve_port()
    release_port(port)
    process = Process(
        [sys.executable, "-m", "bench.constant", str(port)],
        output=servers.folder / "constant.log",
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        cwd=servers.folder,
    )
    stack.callback(process.kill)

    def answers() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/", timeout=5).ok
        except requests.ConnectionError:
            return False

    wait_until(answers, timeout=30)
    return process, port
