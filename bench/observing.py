"""What counting costs: CPU of a request with metrics, against the same without, in turns.

``python -m bench.observing``.  Allocations and releases by the manager alone, on SQLite: without
a broker and a server a request costs least, so that this is the most that counting can
add.  The facade is asked for a page that its caller has ready, with figures that several
processes share.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ipamd import config
from ipamd.api.app import create_app
from ipamd.context import RequestContext
from ipamd.db import schema
from ipamd.db.database import Database
from ipamd.metrics.exposition import Exposed
from ipamd.metrics.instruments import WorkerMetrics, new_registry
from ipamd.metrics.observed import ObservedManager
from ipamd.metrics.shared import SharedFolder
from ipamd.rpc.dispatch import Call
from ipamd.rpc.manager import Manager

ROUNDS, REQUESTS, TOGETHER = 9, 320, 16
TENANT = "bench"
Work = Callable[[], object]


class Nothing:
    """Takes what would be counted."""

    def __getitem__(self, _labels: object) -> Nothing:
        return self

    def inc(self, _amount: float = 1) -> None:
        """Count nothing."""

    dec = observe = inc


def compare(title: str, variants: Mapping[str, Work], requests: int = 1) -> list[float]:
    """Run the variants in turns, piece by piece; print and return the CPU of each.

    A piece of work is so many requests; whatever else the machine does, it does to both.
    """
    used: dict[str, list[float]] = {name: [] for name in variants}
    pieces = REQUESTS // requests
    for number in range(ROUNDS + 1):
        spent = dict.fromkeys(variants, 0.0)
        for piece in range(pieces):
            for name in list(variants) if piece % 2 else list(variants)[::-1]:
                before = time.thread_time()
                variants[name]()
                spent[name] += time.thread_time() - before
        if number:  # the first round is to warm up
            for name, seconds in spent.items():
                used[name].append(seconds / pieces / requests * 1e6)
    print(title)
    first = next(iter(variants))
    for name, figures in used.items():
        ratios = [mine / base for mine, base in zip(figures, used[first], strict=True)]
        print(
            f"  {name:24} {statistics.median(figures):6.1f} us CPU a request, "
            f"ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        )
    return [statistics.median(figures) for figures in used.values()]


class Idle:
    """A handler that has done everything already."""

    sharing = ("allocate_ip_address",)

    def call(self, *_args: Any, **_options: Any) -> Any:
        """Answer."""
        return {}

    report_failure = call_alone = call

    def call_together(self, calls: Sequence[Call]) -> list[Any]:
        """Answer."""
        return [{}] * len(calls)


def store_of(folder: str) -> Database:
    """Make an empty store on SQLite."""
    conf = config.load(["--config-file", os.devnull])
    conf.set_override("state_path", folder)
    conf.set_override("sqlite_synchronous", "NORMAL", group="database")
    db = Database(conf)
    schema.upgrade(db)
    db.journal_only = True
    return db


def measure_worker(folder: str) -> None:
    """Measure requests one by one, and 16 together."""
    db = store_of(folder)
    plain = Manager(db)
    metrics = WorkerMetrics(new_registry())
    counting = Manager(db, on_batch=metrics.batch_size)
    observed = ObservedManager(counting, metrics, logs=False)
    body = {"cidr": "10.0.0.0/8", "type": "private"}
    context = RequestContext(project_id=TENANT, overwrite=False)
    arguments = {"tenant_id": TENANT, "ip_block": body}
    block = plain.call(context, "create_ip_block", arguments)["id"]
    allocation = {
        "tenant_id": TENANT,
        "ip_block_id": block,
        "ip_address": {"interface_id": "vif"},
    }

    def one(manager: Any) -> Work:
        return lambda: manager.call(context, "allocate_ip_address", allocation)

    def together(manager: Any) -> Work:
        calls = [Call(context, "allocate_ip_address", allocation, None)] * TOGETHER
        return lambda: manager.call_together(calls)

    names = ("without metrics", "with metrics")
    counted = ObservedManager(Idle(), metrics, logs=False)
    for title, kind, requests in (("one by one", one, 1), ("together", together, TOGETHER)):
        variants = dict(zip(names, map(kind, (plain, observed)), strict=True))
        base, _ = compare(f"manager, {title}", variants, requests)
        # The difference of the two drowns in the noise of what the store does.
        variants = dict(zip(names, map(kind, (Idle(), counted)), strict=True))
        nothing, alone = compare("  the same around nothing", variants, requests)
        print(f"  counting adds {alone - nothing:.1f} us, {(alone - nothing) / base:.1%}")
    db.close()


class Ready:
    """A caller that has the answer ready."""

    def call(self, *_args: Any, **_options: Any) -> Any:
        """Answer."""
        return {"ip_blocks": [], "next_marker": None}

    cast = call


def measure_facade() -> None:
    """Measure a list over HTTP's WSGI, without a server."""
    conf = config.load(["--config-file", os.devnull])
    folder = SharedFolder()
    try:
        shared = Exposed.shared(folder.registry)
        none: Any = Nothing()
        for name in ("http_requests", "http_seconds", "calls", "call_seconds", "in_flight"):
            setattr(Nothing, name, none)

        def asking(exposed: Exposed) -> Work:
            client = create_app(conf, Ready(), exposed).test_client()
            return lambda: client.get(f"/v0.1/ipam/tenants/{TENANT}/ip_blocks")

        variants = {
            "without metrics": asking(Exposed(none, shared.told)),
            "with metrics": asking(shared),
        }
        compare("facade, an empty list", variants)
    finally:
        folder.remove()


def main() -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        measure_worker(folder)
    measure_facade()


if __name__ == "__main__":
    main()
