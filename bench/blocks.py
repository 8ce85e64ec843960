"""Group ``blocks``: many callers in one process, on one block and on many.

Each allocation is a request to the manager, as the intake or the embedded facade gives it
one.  "plain" is what ipamd would be without batches: the same work, with its event and its
idempotency key, in one ``SELECT ... FOR UPDATE`` transaction for each request.
"""

from __future__ import annotations

import functools
import uuid
from typing import Any

from bench.figures import Results, Target, in_turns
from bench.load import run_threads
from bench.scale import Scale
from bench.stores import TENANT, Servers, Store, opened
from ipamd.context import RequestContext
from ipamd.db import idempotency
from ipamd.db.database import Transaction
from ipamd.operations import ip_addresses

METHOD = "allocate_ip_address"


def run(results: Results, servers: Servers, scale: Scale) -> None:
    """Measure on each database."""
    callers = max(scale.callers)
    for kind in scale.databases:
        # One connection for each caller: "plain" is not to wait for the pool.
        with servers.database(kind) as url, opened(url, pool_size=callers) as store:
            _on_store(results, scale, kind, store, callers)


def _on_store(results: Results, scale: Scale, kind: str, store: Store, callers: int) -> None:
    hot = store.block("10.0.0.0/8")
    many = [store.block(f"{11 + number}.0.0.0/8") for number in range(scale.blocks)]

    def on_one(caller: int, _number: int) -> None:
        store.allocate(hot, f"vif-{caller}")

    def on_many(caller: int, number: int) -> None:
        store.allocate(many[(caller + number * callers) % len(many)], f"vif-{caller}")

    def plain(caller: int, _number: int) -> None:
        _allocate_alone(store, hot, f"vif-{caller}")

    sides = {"one": on_one, "many": on_many, "plain": plain}
    for work in sides.values():
        run_threads(callers, scale.seconds / 2, work)  # warm up
    rounds = {
        name: functools.partial(run_threads, callers, scale.seconds, work)
        for name, work in sides.items()
    }
    found = in_turns(scale.repeats, rounds)
    one, others, alone = found["one"], found["many"], found["plain"]
    label = f"{kind}, {callers} caller{'s' * (callers > 1)}"
    titles = {"one": "one block", "many": f"{scale.blocks} blocks", "plain": "one block, plain"}
    for name, title in titles.items():
        results.add("blocks", f"{label}: {title}", found[name]["rate"], "/s")
        results.add("blocks", f"{label}: {title}, p99", found[name]["p99"], "ms")
        results.add("blocks", f"{label}: {title}, CPU", found[name]["cpu"], "us")
    server = kind == "postgresql"
    name = f"{label}: one block / {scale.blocks} blocks, rate"
    results.ratio("blocks", name, one["rate"], others["rate"], Target(">=", 0.9))
    results.ratio(
        "blocks",
        f"{label}: one block, batched / plain, rate",
        one["rate"],
        alone["rate"],
        Target(">=", 4) if server else None,
    )
    results.ratio(
        "blocks",
        f"{label}: one block, batched / plain, p99",
        one["p99"],
        alone["p99"],
        Target("<=", 1 / 8) if server else None,
    )
    results.ratio(
        "blocks",
        f"{label}: one block, longest wait / median wait",
        one["longest"],
        one["p50"],
        Target("<=", 10) if kind == "sqlite" else None,
    )


def _allocate_alone(store: Store, block: str, interface: str) -> None:
    arguments: dict[str, Any] = {
        "tenant_id": TENANT,
        "ip_block_id": block,
        "ip_address": {"interface_id": interface},
    }
    keyed = idempotency.keyed(TENANT, uuid.uuid4().hex, METHOD, arguments)

    def work(tx: Transaction) -> None:
        answer = ip_addresses.allocate_ip_address(tx, **arguments)
        idempotency.store(tx, [(keyed, answer)])

    store.db.run(RequestContext(project_id=TENANT, overwrite=False), work)
