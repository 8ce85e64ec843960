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
from collections.abc import Callable, Mapping
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

ROUNDS, REQUESTS = 15, 400
TENANT = "bench"
Work = Callable[[], None]


class Nothing:
    """Takes what would be counted."""

    def __getitem__(self, _labels: object) -> Nothing:
        return self

    def inc(self, _amount: float = 1) -> None:
        """Count nothing."""

    dec = observe = inc


def compare(title: str, variants: Mapping[str, Work]) -> None:
    """Run the variants in turns; print the CPU of each, and its ratio to the first."""
    for work in variants.values():
        work()
    used: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(ROUNDS):
        names = list(variants)
        for name in names if number % 2 else reversed(names):
            before = time.process_time()
            variants[name]()
            used[name].append((time.process_time() - before) / REQUESTS * 1e6)
    print(title)
    first = next(iter(variants))
    for name, figures in used.items():
        ratios = [mine / base for mine, base in zip(figures, used[first], strict=True)]
        print(
            f"  {name:24} {statistics.median(figures):6.1f} us CPU a request, "
            f"ratio {statistics.median(ratios):.3f}"
        )


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

    def one_by_one(manager: Any) -> Work:
        def work() -> None:
            for _ in range(REQUESTS):
                manager.call(context, "allocate_ip_address", allocation)

        return work

    def together(manager: Any) -> Work:
        calls = [Call(context, "allocate_ip_address", allocation, None)] * 16

        def work() -> None:
            for _ in range(REQUESTS // 16):
                manager.call_together(calls)

        return work

    for title, kind in (("manager, one by one", one_by_one), ("manager, 16 together", together)):
        compare(title, {"without metrics": kind(plain), "with metrics": kind(observed)})
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

            def work() -> None:
                for _ in range(REQUESTS):
                    client.get(f"/v0.1/ipam/tenants/{TENANT}/ip_blocks")

            return work

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
