"""An intake in a process of its own, to be killed.

``python -m tests.rpc.process FOLDER TRANSPORT_URL [group__name=value ...]``: what its
handler does is written to files in FOLDER, which all such processes of a test share.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ipamd import errors
from ipamd.cmd.common import Stop
from ipamd.context import RequestContext
from ipamd.rpc.intake import Intake
from tests.rpc.support import make_conf
from tests.services.waiting import wait_until


class FileWorker:
    """Does a request once per key, in files; some requests kill their process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def call(
        self,
        _context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        *,
        request_key: str | None = None,
    ) -> Any:
        """Do ``method``; the answer tells the process that did it first."""
        self._note(f"start-{method}-{args.get('name', '')}")
        if method == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if method == "kill_once" and self._first(f"killed-{args['name']}"):
            os.kill(os.getpid(), signal.SIGKILL)
        if method == "slow":
            time.sleep(args["seconds"])
        self._work(str(request_key), str(args.get("name", "")))
        if method == "kill_after" and self._first(f"killed-{args['name']}"):
            os.kill(os.getpid(), signal.SIGKILL)
        return {"name": args.get("name"), "pid": os.getpid()}

    def report_failure(
        self,
        _context: RequestContext,
        method: str,
        _args: Mapping[str, Any],
        error: errors.IpamError,
        *,
        request_key: str | None = None,
    ) -> None:
        """Note the failure."""
        self._note(f"failed-{method}-{error.code}-{request_key}")

    def _work(self, key: str, name: str) -> None:
        # At once, as a transaction is: the process may be killed at any moment.
        prepared = self._folder / f"prepared-{uuid.uuid4().hex}"
        prepared.write_text(name)
        with contextlib.suppress(FileExistsError):
            os.link(prepared, self._folder / f"done-{key}")

    def _first(self, name: str) -> bool:
        try:
            os.close(os.open(self._folder / name, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def _note(self, text: str) -> None:
        with (self._folder / "notes").open("a") as notes:
            notes.write(text + "\n")


def notes(folder: Path, start: str) -> list[str]:
    """Return the notes of all processes that start so."""
    path = folder / "notes"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line for line in lines if line.startswith(start)]


def works(folder: Path) -> list[str]:
    """Return the names of the requests that were done, in their order."""
    done = sorted(folder.glob("done-*"), key=lambda path: path.stat().st_mtime_ns)
    return [path.read_text() for path in done]


@contextmanager
def worker_processes(
    number: int, folder: Path, transport_url: str, *options: str
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run so many workers, ready to take requests; kill what is left of them."""
    command = [sys.executable, "-m", "tests.rpc.process", str(folder), transport_url, *options]
    processes = [subprocess.Popen(command) for _ in range(number)]
    try:
        for process in processes:
            ready = folder / f"ready-{process.pid}"
            wait_until(ready.exists, timeout=60)
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main() -> None:
    """Run until SIGTERM."""
    folder, transport_url, *options = sys.argv[1:]
    values = dict(option.split("=") for option in options)
    conf = make_conf(transport_url, **values)
    intake = Intake(conf, FileWorker(Path(folder)))
    stop = Stop()
    stop.on_signals()
    intake.start()
    if not intake.wait_ready(20):
        sys.exit("no broker")
    (Path(folder) / f"ready-{os.getpid()}").touch()
    stop.wait()
    intake.stop()


if __name__ == "__main__":
    main()
