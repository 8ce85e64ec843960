"""Programs that tests start: none outlives the test run, however that ends.

Each runs under a supervisor of its own (see ``supervisor.py``), in its own session, so that
Ctrl-C reaches pytest alone and pytest decides what ends when.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.services import supervisor
from tests.services.supervisor import descendants


class Process:
    """A running program with everything it starts.

    ``output`` is the file that takes its standard output and error; ``user`` the account
    it runs as; ``owned_folder`` a folder that goes when the test run dies.

    Raises: RuntimeError when the program cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        output: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
        owned_folder: Path | None = None,
    ) -> None:
        self.output = output
        status, status_write = os.pipe()
        with output.open("ab") as log:
            self._supervisor = subprocess.Popen(
                [
                    sys.executable,
                    "-IS",
                    supervisor.__file__,
                    str(os.getpid()),
                    str(status_write),
                    str(owned_folder or "-"),
                    user or "-",
                    *(os.fspath(part) for part in command),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=None if env is None else dict(env),
                cwd=cwd,
                pass_fds=[status_write],
                start_new_session=True,
            )
        os.close(status_write)
        with os.fdopen(status) as reader:
            pid = reader.read().strip()
        if not pid:
            self._supervisor.wait()
            raise RuntimeError(f"{command[0]} did not start:\n{self.tail()}")
        self.pid = int(pid)

    @property
    def returncode(self) -> int | None:
        """None while it runs, then the exit code; -n when signal n ended it."""
        code = self._supervisor.poll()
        return code if code is None or code <= 128 else 128 - code

    def pids(self) -> list[int]:
        """List the process and its descendants."""
        return descendants(self._supervisor.pid)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the program itself."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to the program and all its descendants."""
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def terminate(self) -> None:
        """Ask it to stop (SIGTERM)."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and all its descendants at once (SIGKILL) and wait until they are gone."""
        self.signal_all(signal.SIGKILL)
        self._supervisor.terminate()
        self._supervisor.wait()

    def pause(self) -> None:
        """Freeze it and its descendants (SIGSTOP) and wait until none of their threads runs.

        On a busy machine the thread that takes the signal, and stops the others, has its
        turn some time after the signal was sent; until then they go on working.

        Raises: RuntimeError when one of them still runs after ten seconds.
        """
        until = time.monotonic() + 10
        while not self._stop_all():
            if time.monotonic() > until:
                self.resume()
                raise RuntimeError(f"process {self.pid} goes on after SIGSTOP")
            time.sleep(0.001)

    def _stop_all(self) -> bool:
        """Send SIGSTOP to all, and tell whether all that there are have stopped.

        What one of them starts before the signal reaches it is not in the list yet.
        """
        self.signal_all(signal.SIGSTOP)
        pids = self.pids()
        return all(_is_stopped(pid) for pid in pids) and self.pids() == pids

    def resume(self) -> None:
        """Let it go on after ``pause``."""
        self.signal_all(signal.SIGCONT)

    def wait(self, timeout: float) -> int:
        """Wait for its end and return ``returncode``.

        Raises: subprocess.TimeoutExpired after ``timeout`` seconds.
        """
        self._supervisor.wait(timeout)
        code = self.returncode
        assert code is not None
        return code

    def stop(self, timeout: float = 30) -> int:
        """Stop it as an operator would and return its code; kill it when it does not heed.

        Raises: RuntimeError when it had to be killed.
        """
        self.terminate()
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(
                f"process {self.pid} ignored SIGTERM for {timeout} s:\n{self.tail()}"
            ) from None

    def tail(self, lines: int = 40) -> str:
        """Return the last lines of its output."""
        text = self.output.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])


def _is_stopped(pid: int) -> bool:
    """Tell whether no thread of a process runs: each is stopped, about to be, or has ended."""
    try:
        return all(_stands_still(thread) for thread in Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return not Path(f"/proc/{pid}").exists()


def _stands_still(thread: Path) -> bool:
    state = (thread / "stat").read_text().rpartition(")")[2].split()[0]
    if state != "D":
        return state in "TtZX"
    # It waits in the kernel and takes the signal before it does anything else.  Who has
    # called vfork() does so until its child goes on, which has been stopped.
    status = (thread / "status").read_text()
    pending = status.partition("ShdPnd:")[2].split()[0]
    return bool(int(pending, 16) >> (signal.SIGSTOP - 1) & 1)
