"""Group ``rpc``: allocate calls against a bare oslo.messaging echo, same client process.

The worker is a whole ``ipamd-worker``: its CPU time includes the relay that publishes an
event for every allocation.  A second worker of the same kind, whose events stay in the
journal, shows what the relay's part in it is.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.figures import Results, Target, in_turns
from bench.load import cpu_seconds
from bench.remote import Remote
from bench.scale import Scale
from bench.stores import Servers, Store, opened
from ipamd.db.models import Outbox, table_of
from tests.integration.programs import Program
from tests.services.process import Process
from tests.services.waiting import wait_until

Groups = dict[str, dict[str, object]]
_OUTBOX = table_of(Outbox)
_RATE = {1: Target(">=", 0.9), 32: Target(">=", 1.1)}
_CPU = {1: Target("<=", 1.0), 32: Target("<=", 0.6)}


class Side:
    """One of the sides: the server's process, and what the client is told to do."""

    def __init__(self, client: Remote, process: Process, store: Store | None, **order: Any):
        self._client = client
        self._process = process
        self._store = store
        self._order = order

    def round(self, callers: int, seconds: float) -> Mapping[str, float]:
        """Run one round; ``server`` is the server's CPU time for a call, in µs."""
        before = cpu_seconds(self._process.pid)
        found: dict[str, float] = self._client.ask(callers=callers, seconds=seconds, **self._order)
        if self._store is not None:
            _wait_for_events(self._store)
        used = cpu_seconds(self._process.pid) - before
        return {**found, "server": used / found["calls"] * 1e6}


def run(results: Results, servers: Servers, scale: Scale) -> None:
    """Measure on each database that workers share."""
    for kind in scale.databases:
        if kind != "sqlite":
            _on_database(results, servers, scale, kind)


def _on_database(results: Results, servers: Servers, scale: Scale, kind: str) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(servers.vhost())
        echo = _start(stack, servers, "echo", "-m", "bench.intake", "--serve", "oslo", url)
        # Echo and allocations are called by the same process, over the same connections.
        client = stack.enter_context(Remote("rpc_client", url))
        quiet_url = stack.enter_context(servers.vhost())
        quiet_client = stack.enter_context(Remote("rpc_client", quiet_url))
        journal_only: Groups = {"oslo_messaging_notifications": {"driver": "noop"}}
        sides = {
            "echo": Side(client, echo, None, kind="echo"),
            "ipamd": worker(stack, servers, kind, url, client, {}),
            "quiet": worker(stack, servers, kind, quiet_url, quiet_client, journal_only),
        }
        for side in sides.values():
            side.round(max(scale.callers), scale.seconds)  # warm up
        for callers in scale.callers:
            rounds = {
                name: functools.partial(side.round, callers, scale.seconds)
                for name, side in sides.items()
            }
            found = in_turns(scale.repeats, rounds)
            _report(
                results, f"{kind}, {callers} caller{'s' * (callers > 1)}", found, kind, callers
            )


def _start(stack: ExitStack, servers: Servers, name: str, *arguments: str) -> Process:
    root = str(Path(__file__).parents[1])
    process = Process(
        [sys.executable, "-W", "ignore", *arguments],
        output=servers.folder / f"{name}.log",
        env={**os.environ, "PYTHONPATH": root},
        cwd=servers.folder,
    )
    stack.callback(process.kill)
    return process


def worker(
    stack: ExitStack,
    servers: Servers,
    kind: str,
    url: str,
    client: Remote,
    more: Groups,
) -> Side:
    """Start a worker on a store of its own, with more settings than where it is."""
    database = stack.enter_context(servers.database(kind))
    store = stack.enter_context(opened(database))
    settings: Groups = {
        "DEFAULT": {"transport_url": url, "state_path": servers.folder},
        "database": {"connection": database},
        **more,
    }
    folder = Path(tempfile.mkdtemp(dir=servers.folder))
    program = Program("worker", folder, settings)
    stack.callback(program.kill)
    program.wait_for("takes requests")
    block = store.block("10.0.0.0/8")
    return Side(client, program.process, store, kind="allocate", block=block)


def _wait_for_events(store: Store) -> None:
    """Wait until all events have left: what they cost belongs to the round."""

    def left() -> bool:
        with store.db.engine.connect() as connection:
            unsent = sa.select(_OUTBOX.c.id).where(_OUTBOX.c.sent_at.is_(None)).limit(1)
            return connection.execute(unsent).first() is None

    wait_until(left, timeout=60)


def _report(
    results: Results, label: str, found: dict[str, dict[str, list[float]]], kind: str, callers: int
) -> None:
    echo, ours, quiet = found["echo"], found["ipamd"], found["quiet"]
    for side, values in (("echo", echo), ("allocate", ours)):
        results.add("rpc", f"{label}: {side}", values["rate"], "/s")
        results.add("rpc", f"{label}: {side}, p50", values["p50"], "ms")
        results.add("rpc", f"{label}: {side}, p99", values["p99"], "ms")
        results.add("rpc", f"{label}: {side}, server's CPU", values["server"], "us")
    target = _RATE.get(callers) if kind == "postgresql" else None
    results.ratio("rpc", f"{label}: allocate / echo, rate", ours["rate"], echo["rate"], target)
    target = _CPU.get(callers) if kind == "postgresql" else None
    name = f"{label}: allocate / echo, server's CPU"
    results.ratio("rpc", name, ours["server"], echo["server"], target)
    name = f"{label}: allocate / echo, server's CPU, no event published"
    results.ratio("rpc", name, quiet["server"], echo["server"])
