"""Load of many threads, and what it is like for the callers."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def run_threads(
    callers: int, seconds: float, call: Callable[[int, int], object]
) -> dict[str, float]:
    """Have each caller do ``call(caller, number)`` over and over.

    Returns calls, rate (1/s), p50, p99, longest (ms), cpu (µs a call in this process).

    Raises: the first error of any call.
    """
    times: list[list[float]] = [[] for _ in range(callers)]
    failures: list[BaseException] = []
    ready = threading.Barrier(callers + 1)

    def work(caller: int) -> None:
        mine = times[caller]
        ready.wait()
        until = time.monotonic() + seconds
        number = 0
        try:
            while (started := time.monotonic()) < until and not failures:
                call(caller, number)
                mine.append(time.monotonic() - started)
                number += 1
        except BaseException as error:  # noqa: BLE001 - raised below, in the one who asked
            failures.append(error)

    threads = [threading.Thread(target=work, args=(caller,)) for caller in range(callers)]
    for thread in threads:
        thread.start()
    ready.wait()
    started, cpu = time.monotonic(), time.process_time()
    for thread in threads:
        thread.join()
    elapsed, cpu = time.monotonic() - started, time.process_time() - cpu
    if failures:
        raise failures[0]
    return {**summary([t for mine in times for t in mine], elapsed), "cpu": 0.0} | {
        "cpu": cpu / max(1, sum(map(len, times))) * 1e6
    }


def summary(times: list[float], elapsed: float) -> dict[str, float]:
    """Summarise how long calls took, in seconds."""
    if not times:
        raise RuntimeError("no call was finished in the time given")
    ordered = sorted(times)
    return {
        "calls": len(ordered),
        "rate": len(ordered) / elapsed,
        "p50": ordered[len(ordered) // 2] * 1e3,
        "p99": ordered[int(len(ordered) * 0.99)] * 1e3,
        "longest": ordered[-1] * 1e3,
    }


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that all threads of a process have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mb(pid: int) -> float:
    """Return the memory of a process that is in RAM, in MiB."""
    for text in Path(f"/proc/{pid}/status").read_text().splitlines():
        if text.startswith("VmRSS:"):
            return int(text.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no memory")
