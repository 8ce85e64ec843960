"""``python -m bench.imports``: ``ipamctl import`` of a million addresses into PostgreSQL.

Everything is as a user has it: ``ipamd-all`` on a PostgreSQL of its own that flushes every
commit to disk, ``ipamctl`` beside them, all on this machine.  The file has blocks and an
interface and a device for each address; each address has its event, and each interface.
Afterwards a part of the file is imported again, which has to change nothing, and the store
is checked.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from bench.load import cpu_seconds
from bench.stores import open_database
from ipamd.db import check, schema
from tests.integration.programs import Facade
from tests.services.databases import fresh_database
from tests.services.postgresql import PostgreSQL
from tests.services.process import Process
from tests.services.shared import install

ROOT: Final = Path(__file__).parents[1]
# The project's own: a million addresses in ten minutes on two cores.
TARGET_RATE: Final = 1_000_000 / 600
_BLOCKS: Final = 16
_ROOM: Final = 65_000
_AGAIN: Final = 20_000


def lines(count: int) -> Iterator[str]:
    """Yield the file: /16 blocks, then addresses in their order, each with its own holder."""
    yield "cidr,address,tenant_id,interface_id,used_by_device"
    blocks = min(_BLOCKS, -(-count // _ROOM))
    if count > _BLOCKS * _ROOM:
        raise ValueError(f"at most {_BLOCKS * _ROOM} addresses")
    for number in range(blocks):
        yield f"10.{number}.0.0/16,,bench,,"
    for number in range(count):
        block, host = divmod(number, -(-count // blocks))
        high, low = divmod(host + 10, 256)
        yield f",10.{block}.{high}.{low},,vif-{number:07},vm-{number // 2:07}"


def measure(count: int, folder: Path, server: PostgreSQL) -> dict[str, Any]:
    """Import ``count`` addresses; return what it took.

    Raises: RuntimeError when something was refused or the store is not in order
    """
    file = folder / "addresses.csv"
    file.write_text("\n".join(lines(count)) + "\n")
    again = folder / "again.csv"
    again.write_text(
        "\n".join([next(lines(1)), *list(lines(count))[-min(_AGAIN, count) :]]) + "\n"
    )
    with fresh_database(server.url) as url:
        db = open_database(url)
        schema.upgrade(db)
        settings: dict[str, dict[str, object]] = {
            "DEFAULT": {"state_path": folder},
            "database": {"connection": url},
        }
        facade = Facade("all", folder, settings)
        try:
            facade.wait_ready()
            before = _cpu(facade.process), _cpu(server.process)
            started = time.monotonic()
            outcome, client = _import(file, facade.url)
            elapsed = time.monotonic() - started
            after = _cpu(facade.process), _cpu(server.process)
            if outcome["allocated"] != count or outcome["refused"]:
                raise RuntimeError(f"not everything was imported: {outcome}")
            backlog = _backlog(url)
            second, _ = _import(again, facade.url)
            if second["unchanged"] != min(_AGAIN, count):
                raise RuntimeError(f"importing it again changed something: {second}")
        finally:
            facade.stop()
        findings = check.check(db)
        db.close()
        if findings:
            raise RuntimeError(f"the store is not in order: {findings[:3]}")
    return {
        "addresses": count,
        "seconds": elapsed,
        "rate": count / elapsed,
        "cpu": {
            "ipamctl": client / count * 1e6,
            "ipamd-all": (after[0] - before[0]) / count * 1e6,
            "PostgreSQL": (after[1] - before[1]) / count * 1e6,
        },
        "again": {"addresses": second["unchanged"], "seconds": second["seconds"]},
        "unsent": backlog,
    }


def _import(file: Path, url: str) -> tuple[dict[str, Any], float]:
    """Run ``ipamctl import``; return what it tells, and its CPU time."""
    before = os.times()
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "ipamd.cmd.ctl", "--endpoint", url, "import", str(file),
         "-f", "json"],
        stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    after = os.times()
    spent = after.children_user + after.children_system
    return json.loads(done.stdout), spent - before.children_user - before.children_system


def _backlog(url: str) -> int:
    """Return how many events were not in the journal yet when the import ended."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT count(*) FROM outbox WHERE sent_at IS NULL").fetchone()
    return int(row[0]) if row else 0


def _cpu(process: Process | None) -> float:
    """Return the CPU time of a program with its processes."""
    if process is None:
        raise RuntimeError("it is not running")
    return sum(cpu_seconds(pid) for pid in process.pids())


def page(found: dict[str, Any]) -> str:
    """Return the figures as a page of the documentation."""
    minutes = found["seconds"] / 60
    verdict = "met" if found["rate"] >= TARGET_RATE else "missed"
    rows = "\n".join(f"| {name} | {spent:.0f} |" for name, spent in found["cpu"].items())
    return f"""\
# Importing a million addresses

Written by `make bench-import`; not by hand.

{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}: \
`ipamctl import` of {found["addresses"]:,} addresses into PostgreSQL took \
**{found["seconds"]:.0f} s** ({minutes:.1f} minutes), {found["rate"]:,.0f} addresses a second. \
The target, a million in ten minutes on two cores, is {verdict}.

CPU time of each address, in microseconds:

| program | µs |
|---|---|
{rows}

How it was measured: `ipamctl`, `ipamd-all` with nothing but its database set, and a PostgreSQL \
that flushes every commit to disk (`fsync` on, 64 MB of shared buffers), all on one machine on \
which no other test or benchmark ran. The file is CSV of `ipamctl`'s own, {_BLOCKS} blocks of \
/16 and {found["addresses"]:,} addresses, each with an interface and a device of its own; so \
four rows are written for each, two of them events, and the events go through the journal as \
always: when the import ended, {found["unsent"]:,} were not in it yet. The time is that of the \
whole command, from its start to its end.

Afterwards the last {found["again"]["addresses"]:,} lines were imported once more, which took \
{found["again"]["seconds"]:.1f} s and changed nothing, and `ipamd-manage db check` found the \
store in order.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and write the page; return 1 when the target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.imports", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--output", type=Path, help="the page to write; default: print it")
    options = parser.parse_args(argv)
    install((), {"postgresql"}, lambda text: print(text, flush=True))
    folder = ROOT / "var"
    folder.mkdir(exist_ok=True)
    # Not in /tmp, which may be memory.
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=folder) as work,
        PostgreSQL(durable=True) as server,
    ):
        found = measure(options.count, Path(work), server)
    text = page(found)
    if options.output is None:
        print(text)
    else:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text)
        print(f"{found['rate']:,.0f} addresses a second; written to {options.output}")
    return 0 if found["rate"] >= TARGET_RATE else 1


if __name__ == "__main__":
    sys.exit(main())
