"""Group ``settings``: what the defaults of pools and pragmas are chosen by.

Each setting is measured against the default by turns, all else being the default.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from bench import rpc
from bench.figures import Results, in_turns
from bench.load import run_threads
from bench.remote import Remote
from bench.scale import Scale
from bench.stores import Servers, Store, opened

_DEFAULT = "default"
_WORKERS: Mapping[str, dict[str, object]] = {
    _DEFAULT: {},
    "threads = 2": {"threads": 2},
    "threads = 32": {"threads": 32},
    "prefetch = 8": {"prefetch": 8},
    "prefetch = 256": {"prefetch": 256},
}
_POOLS: Mapping[str, dict[str, Any]] = {
    _DEFAULT: {},
    "pool_size = 4": {"pool_size": 4},
    "pool_size = 32": {"pool_size": 32},
}
_PRAGMAS: Mapping[str, dict[str, Any]] = {
    _DEFAULT: {},
    "sqlite_synchronous = NORMAL": {"sqlite_synchronous": "NORMAL"},
}


def run(results: Results, servers: Servers, scale: Scale) -> None:
    """Measure [worker] and [database]."""
    kind = next(kind for kind in scale.databases if kind != "sqlite")
    _workers(results, servers, scale, kind)
    _stores(results, servers, scale, kind, _POOLS)
    _stores(results, servers, scale, "sqlite", _PRAGMAS)


def _workers(results: Results, servers: Servers, scale: Scale, kind: str) -> None:
    callers = max(scale.callers)
    with ExitStack() as stack:
        sides: dict[str, Callable[[], Mapping[str, float]]] = {}
        for name, options in _WORKERS.items():
            url = stack.enter_context(servers.vhost())
            client = stack.enter_context(Remote("rpc_client", url))
            side = rpc.worker(stack, servers, kind, url, client, {"worker": options})
            sides[name] = functools.partial(side.round, callers, scale.seconds)
            sides[name]()  # warm up
        _compare(results, f"{kind}, [worker]", in_turns(scale.repeats, sides), "server")


def _stores(
    results: Results, servers: Servers, scale: Scale, kind: str, variants: Mapping[str, Any]
) -> None:
    callers = max(scale.callers)
    with ExitStack() as stack:
        sides: dict[str, Callable[[], Mapping[str, float]]] = {}
        for name, options in variants.items():
            url = stack.enter_context(servers.database(kind))
            store = stack.enter_context(opened(url, **options))
            sides[name] = functools.partial(_mixed, store, callers, scale.seconds)
            sides[name]()  # warm up
        _compare(results, f"{kind}, [database]", in_turns(scale.repeats, sides), "cpu")


def _mixed(store: Store, callers: int, seconds: float) -> Mapping[str, float]:
    """Allocate, and read as often: what reads does not share a connection."""
    block = store.block("10.0.0.0/16")

    def call(caller: int, number: int) -> None:
        if number % 2:
            store.call("get_ip_block", tenant_id="bench", ip_block_id=block)
        else:
            store.allocate(block, f"vif-{caller}")

    try:
        return run_threads(callers, seconds, call)
    finally:
        store.call("delete_ip_block", tenant_id="bench", ip_block_id=block)


def _compare(
    results: Results, label: str, found: dict[str, dict[str, list[float]]], cpu: str
) -> None:
    usual = found[_DEFAULT]
    for name, values in found.items():
        results.add("settings", f"{label} {name}", values["rate"], "/s")
        results.add("settings", f"{label} {name}, p99", values["p99"], "ms")
        results.add("settings", f"{label} {name}, CPU", values[cpu], "us")
        if name != _DEFAULT:
            title = f"{label} {name} / default, rate"
            results.ratio("settings", title, values["rate"], usual["rate"])
