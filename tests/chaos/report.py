"""What the long storms have shown, written down as a page of the documentation."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.campaign import Result

_HEAD = """\
# Reliability

*A request is never lost and never done twice.* This page is written by `make chaos`, which
tries to prove the opposite: three workers and an API process, clients that allocate,
release, restore and replace by call, by cast and by REST, and meanwhile things break at
random. Clients send a request again, with the same key, until they have a definite answer;
now and then they send it twice at once, or again after all is long done. Afterwards what
every client was told is compared with the store and with the events, replayed from nothing.

- **lost**: an acknowledged allocation that is not in the store, a request that was never
  answered, a cast that was neither done nor reported as failed.
- **doubled**: a request with two effects, an address that two held at the same moment.
- **leaked**: an address held that nobody was told of, or that was refused or released.
- **events missing**: committed, and not heard by a notification listener.
- other contradictions: different answers to the same key, an event out of order, events
  that do not add up to the store, an error in a program's log.

A client's longest wait is mostly the time for which broker or database were down: they are
killed again and again, and RabbitMQ takes its time to start.

"""


def write_report(path: Path, results: Sequence[Result]) -> None:
    """Write the page from the results of one run."""
    rows: list[tuple[str, list[object]]] = [
        ("seed", [result.seed for result in results]),
        ("seconds", [round(result.seconds) for result in results]),
        ("requests", [result.requests for result in results]),
        ("… of them casts", [result.casts for result in results]),
        ("messages and HTTP requests sent for them", [result.sent for result in results]),
        ("… of them copies without need", [result.copies for result in results]),
        ("events", [result.events for result in results]),
    ]
    kinds = sorted({kind for result in results for kind in result.faults})
    rows += [(kind, [result.faults[kind] for result in results]) for kind in kinds]
    rows += [
        ("**lost**", [len(result.findings.lost) for result in results]),
        ("**doubled**", [len(result.findings.doubled) for result in results]),
        ("**leaked**", [len(result.findings.leaked) for result in results]),
        ("**events missing**", [len(result.findings.events_missing) for result in results]),
        ("other contradictions", [len(result.findings.wrong) for result in results]),
        ("findings of `db check`", [len(result.off) for result in results]),
        ("longest wait of a client, s", [f"{result.longest_wait:.1f}" for result in results]),
    ]
    names = " | ".join(result.name for result in results)
    lines = [f"| | {names} |", "| --- |" + " ---: |" * len(results)]
    lines += [f"| {name} | {' | '.join(str(v) for v in values)} |" for name, values in rows]
    measured = (
        f"Measured on {time.strftime('%Y-%m-%d')} with {os.cpu_count()} CPUs, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}."
    )
    path.write_text(_HEAD + "\n".join([*lines, "", measured]) + "\n")
