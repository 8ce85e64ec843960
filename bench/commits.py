"""Group ``commits``: allocations against the database's own rate of one-row transactions.

PostgreSQL's own rate is measured by pgbench, in C; that of the others by their drivers in
a loop.  The row goes into a table without any index but its key.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pymysql
import sqlalchemy as sa

from bench.figures import Results, in_turns
from bench.load import run_threads
from bench.scale import Scale
from bench.stores import Servers, opened
from tests.services.packages import program

_CREATE = "CREATE TABLE bench_rows (id BIGINT PRIMARY KEY, note VARCHAR(255))"


def run(results: Results, servers: Servers, scale: Scale) -> None:
    """Measure on each database."""
    for kind in scale.databases:
        for callers in (min(scale.callers), max(scale.callers)):
            with servers.database(kind) as url, ExitStack() as stack:
                store = stack.enter_context(opened(url))
                with store.db.engine.begin() as connection:
                    connection.exec_driver_sql(_CREATE)
                block = store.block("10.0.0.0/8")
                own = _own_rate(stack, kind, url, callers, scale.seconds, servers.folder)

                def allocate(
                    callers: int = callers, block: str = block, store: Any = store
                ) -> Mapping[str, float]:
                    def call(caller: int, _number: int) -> Any:
                        return store.allocate(block, f"vif-{caller}")

                    return run_threads(callers, scale.seconds, call)

                allocate()  # warm up
                found = in_turns(scale.repeats, {"ipamd": allocate, "database": own})
            label = f"{kind}, {callers} caller{'s' * (callers > 1)}"
            ours, theirs = found["ipamd"]["rate"], found["database"]["rate"]
            results.add("commits", f"{label}: allocations", ours, "/s")
            results.add("commits", f"{label}: one-row transactions", theirs, "/s")
            results.ratio("commits", f"{label}: allocations / one-row transactions", ours, theirs)


def _own_rate(
    stack: ExitStack, kind: str, url: str, callers: int, seconds: float, folder: Path
) -> Callable[[], Mapping[str, float]]:
    if kind == "postgresql":
        return lambda: _pgbench(url, callers, seconds, folder)
    numbers = itertools.count(1)
    if kind == "mariadb":
        place = sa.make_url(url)
        connections = [
            stack.enter_context(
                closing(
                    pymysql.connect(
                        host=place.host, port=place.port or 0, user="root", db=place.database
                    )
                )
            )
            for _ in range(callers)
        ]

        def insert(caller: int, _number: int) -> None:
            with connections[caller].cursor() as cursor:
                cursor.execute("INSERT INTO bench_rows VALUES (%s, 'a row')", (next(numbers),))
            connections[caller].commit()

        return lambda: run_threads(callers, seconds, insert)
    # SQLite has one writer; more connections would only make it starve them.
    from bench.sqlite_rows import SqliteRows

    rows = stack.enter_context(closing(SqliteRows(url.removeprefix("sqlite:///"))))
    return lambda: run_threads(callers, seconds, lambda _caller, _number: rows.insert())


def _pgbench(url: str, callers: int, seconds: float, folder: Path) -> Mapping[str, float]:
    place = sa.make_url(url)
    script = folder / "pgbench.sql"
    script.write_text(
        "\\set id random(1, 9000000000000000000)\nINSERT INTO bench_rows VALUES (:id, 'a row');\n"
    )
    whole_seconds = str(max(1, round(seconds)))
    command: list[str | Path] = [
        program("pgbench"), "-n", "-M", "prepared", "-c", str(callers), "-j", "2",
        "-T", whole_seconds, "-f", str(script), "-h", str(place.host), "-p", str(place.port),
        "-U", str(place.username), str(place.database),
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"tps = ([\d.]+)", run.stdout)
    if run.returncode or found is None:
        sys.stderr.write(run.stderr)
        raise RuntimeError("pgbench failed")
    return {"rate": float(found[1])}
