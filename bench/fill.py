"""Group ``fill``: how long the next address takes, in empty, full and huge blocks.

What is held is scattered, so that a block has as many free ranges as it can have.  Each
address goes back into the free space before the next one is asked for, outside of the
time that is measured.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Mapping

import sqlalchemy as sa

from bench.figures import Results, Target, in_turns
from bench.scale import Scale
from bench.stores import Servers, Store, opened
from ipamd.context import RequestContext
from ipamd.db import bulk
from ipamd.db.database import Transaction
from ipamd.db.models import FreeRange, IpAddress, IpBlock, table_of
from ipamd.ids import new_id
from ipamd.ipam.addresses import parse_address
from ipamd.operations import ip_blocks, quarantine

_ROWS, _FREE, _BLOCKS = table_of(IpAddress), table_of(FreeRange), table_of(IpBlock)
_CONTEXT = RequestContext(project_id="bench")
_CHUNK = 20_000
INTERFACE = "vif-1"


def run(results: Results, servers: Servers, scale: Scale) -> None:
    """Measure on the first database; the statements are the same on all three."""
    kind = scale.databases[0]
    with servers.database(kind) as url, opened(url, journal=False) as store:
        _measure(results, scale, kind, store)


def _measure(results: Results, scale: Scale, kind: str, store: Store) -> None:
    body = {"id": INTERFACE, "tenant_id": "bench", "mac_address": "02:00:00:00:00:01"}
    store.call("create_interface", interface=body)
    prefix = scale.fill_prefix
    percents = (0.0, 50.0, 95.0, 99.9)
    levels = {f"/{prefix}, {percent:g} %": percent for percent in percents}
    blocks = {}
    for number, (label, percent) in enumerate(levels.items()):
        blocks[label] = store.block(f"10.{number}.0.0/{prefix}")
        _fill_part(store, blocks[label], percent)
    count = f"{scale.fill_many:,} held"
    blocks[f"/8, {count}"] = store.block("11.0.0.0/8")
    _hold(store, blocks[f"/8, {count}"], parse_address("11.0.0.2"), scale.fill_many)
    blocks["/64, empty"] = store.block("fd00:1::/64")
    blocks[f"/64, {count}"] = store.block("fd00:2::/64")
    # Around the address that is made of the interface's MAC address, and so looked at first.
    first = store.allocate(blocks[f"/64, {count}"], INTERFACE)
    middle = parse_address(first["address"])
    _give_back(store, blocks[f"/64, {count}"], first["id"])
    start = middle - scale.fill_many
    _hold(store, blocks[f"/64, {count}"], start, scale.fill_many)
    rounds: dict[str, Callable[[], Mapping[str, float]]] = {
        label: functools.partial(_round, store, block, scale.fill_calls)
        for label, block in blocks.items()
    }
    for warm_up in rounds.values():
        warm_up()
    found = {label: values["p50"] for label, values in in_turns(scale.repeats, rounds).items()}
    for label, values in found.items():
        results.add("fill", f"{kind}: p50 in a {label}", values, "ms")
    for label, values in found.items():
        empty = "/64, empty" if label.startswith("/64") else f"/{prefix}, 0 %"
        if label != empty:
            name = f"{kind}: p50 in a {label} / empty"
            results.ratio("fill", name, values, found[empty], Target("<=", 1.2))


def _round(store: Store, block: str, calls: int) -> Mapping[str, float]:
    times = []
    for _ in range(calls):
        started = time.monotonic()
        address = store.allocate(block, INTERFACE)
        times.append(time.monotonic() - started)
        _give_back(store, block, address["id"])
    return {"p50": sorted(times)[len(times) // 2] * 1e3}


def _give_back(store: Store, block: str, address_id: str) -> None:
    def work(tx: Transaction) -> None:
        locked = ip_blocks.lock(tx, block, None)
        rows = tx.execute(sa.select(_ROWS).where(_ROWS.c.id == address_id)).all()
        quarantine.free(tx, locked, rows)

    store.db.run(_CONTEXT, work)


def _fill_part(store: Store, block: str, percent: float) -> None:
    """Hold so many per cent of a small block, evenly spread."""

    def work(tx: Transaction) -> None:
        row = ip_blocks.lock(tx, block, None)
        first, last = row.first + 2, row.last - 1
        size = last - first + 1
        held = [n for n in range(size) if int((n + 1) * percent / 100) > int(n * percent / 100)]
        _write(tx, block, [first + n for n in held], first, last)

    store.db.run(_CONTEXT, work)


def _hold(store: Store, block: str, start: int, count: int) -> None:
    """Hold every second address from ``start`` on."""

    def work(tx: Transaction) -> None:
        ip_blocks.lock(tx, block, None)
        (run,) = tx.execute(
            sa.select(_FREE).where(
                _FREE.c.ip_block_id == block, _FREE.c.first <= start, _FREE.c.last >= start
            )
        ).all()
        held = [start + 2 * number for number in range(count)]
        _write(tx, block, held, run.first, run.last)

    store.db.run(_CONTEXT, work)


def _write(tx: Transaction, block: str, held: list[int], first: int, last: int) -> None:
    """Write the rows of ``held``, and the gaps between ``first`` and ``last`` as free."""
    tx.execute(
        sa.delete(_FREE).where(
            _FREE.c.ip_block_id == block, _FREE.c.last >= first, _FREE.c.last <= last
        )
    )
    for start in range(0, len(held), _CHUNK):
        rows = [_row(tx, block, address) for address in held[start : start + _CHUNK]]
        bulk.insert(tx, _ROWS, rows)
        tx.flush()
    edges = [first - 1, *held, last + 1]
    gaps = [
        {"ip_block_id": block, "first": below + 1, "last": above - 1}
        for below, above in itertools.pairwise(edges)
        if above - below > 1
    ]
    for start in range(0, len(gaps), _CHUNK):
        bulk.insert(tx, _FREE, gaps[start : start + _CHUNK])
        tx.flush()
    tx.execute(sa.update(_BLOCKS).where(_BLOCKS.c.id == block).values(allocated=len(held)))


def _row(tx: Transaction, block: str, address: int) -> dict[str, object]:
    return {
        "id": new_id(),
        "ip_block_id": block,
        "address": address,
        "interface_id": None,
        "used_by_tenant_id": "bench",
        "used_by_device_id": None,
        "deallocated_at": None,
        "created_at": tx.now,
        "updated_at": tx.now,
    }
