"""``python -m bench``: measure ipamd against what it is made of, on this machine.

Starts its own RabbitMQ, PostgreSQL and MariaDB, with durable commits, on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench import blocks, bulk, commits, fill, memory, report, rest, rpc, settings
from bench.figures import Results
from bench.scale import FULL, SMOKE, Scale
from bench.stores import Servers, own_servers

GROUPS: Mapping[str, Callable[[Results, Servers, Scale], None]] = {
    "rpc": rpc.run,
    "blocks": blocks.run,
    "fill": fill.run,
    "bulk": bulk.run,
    "rest": rest.run,
    "commits": commits.run,
    "memory": memory.run,
    "settings": settings.run,
}


def main(argv: Sequence[str] | None = None, servers: Servers | None = None) -> int:
    """Measure; return 1 when a target was missed and ``--strict`` was given.

    ``servers``: to be used instead of own ones.
    """
    root = Path(__file__).parents[1]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help=", ".join(GROUPS))
    parser.add_argument("--smoke", action="store_true", help="as little as possible")
    parser.add_argument("--databases", metavar="NAME,...", help="only on these databases")
    parser.add_argument("--strict", action="store_true", help="a missed target is a failure")
    parser.add_argument("--no-plots", action="store_true", help="without matplotlib")
    parser.add_argument("--output", type=Path, default=root / "docs" / "benchmarks")
    options = parser.parse_args(argv)
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    logging.basicConfig(level=logging.ERROR)
    scale = SMOKE if options.smoke else FULL
    if options.databases:
        chosen = tuple(options.databases.split(","))
        if unknown := set(chosen) - set(scale.databases):
            parser.error(f"not measured: {', '.join(sorted(unknown))}")
        scale = replace(scale, databases=chosen)
    wanted = [name for name in GROUPS if not options.groups or name in options.groups]
    results = Results()
    started = time.monotonic()

    def measure(servers: Servers) -> None:
        for name in wanted:
            GROUPS[name](results, servers, scale)
            # After each group: what was measured stays, whatever the next one runs into.
            elapsed = time.monotonic() - started
            report.write(results, options.output, elapsed, plots=not options.no_plots)

    if servers is None:
        # Not in /tmp, which may be memory.
        folder = root / "var"
        folder.mkdir(exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix="bench-", dir=folder) as work,
            own_servers(scale.databases, Path(work)) as own,
        ):
            measure(own)
    else:
        measure(servers)
    print(f"\n{report.targets(results)}\n\nwritten to {options.output}", flush=True)
    return 1 if options.strict and results.missed else 0


if __name__ == "__main__":
    sys.exit(main())
