"""ipamd's own programs, run as their users run them: processes with a configuration file."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Mapping
from pathlib import Path

import requests

from tests.services.ports import release_port, reserve_port
from tests.services.process import Process
from tests.services.waiting import wait_until

Settings = Mapping[str, Mapping[str, object]]


def write_config(path: Path, settings: Settings) -> Path:
    """Write a configuration file, its groups in the order given."""
    lines = []
    for group, values in settings.items():
        lines.append(f"[{group}]")
        lines += [f"{name} = {value}" for name, value in values.items()]
    path.write_text("\n".join(lines) + "\n")
    return path


class Program:
    """A running program of ipamd; ``module`` is below ``ipamd.cmd``."""

    def __init__(
        self, module: str, folder: Path, settings: Settings, name: str | None = None
    ) -> None:
        self.name = name or module
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config = write_config(folder / f"{self.name}.conf", settings)
        self.log = folder / f"{self.name}.log"
        self._command = [
            sys.executable, "-m", f"ipamd.cmd.{module}", "--config-file", str(self.config),
        ]  # fmt: skip
        self.process = self._start()

    def _start(self) -> Process:
        # What an earlier start has said is not waited for again.
        self._begins = self.log.stat().st_size if self.log.exists() else 0
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        return Process(self._command, output=self.log, env=env, cwd=self.folder)

    def restart(self) -> None:
        """Start it again after it has ended."""
        self.process = self._start()

    def stop(self) -> int:
        """Send SIGTERM and return the exit status."""
        return self.process.stop(timeout=40)

    def kill(self) -> None:
        """Kill it with everything it started, at once."""
        self.process.kill()

    def wait_for(self, words: str) -> None:
        """Wait until it has printed or logged ``words`` since it was started last."""

        def printed() -> bool:
            if self.process.returncode is not None:
                raise AssertionError(f"{self.name} ended:\n{self.text()}")
            return words in self.log.read_bytes()[self._begins :].decode(errors="replace")

        wait_until(printed, timeout=40)

    def text(self) -> str:
        """Return what it has printed and logged."""
        return self.log.read_text(errors="replace")


class Facade(Program):
    """``ipamd-all`` or ``ipamd-api`` on a port of its own."""

    def __init__(self, module: str, folder: Path, settings: Settings) -> None:
        port = reserve_port()
        # Not before: no other test may get it while this starts, or between two starts.
        weakref.finalize(self, release_port, port)
        api = {**settings.get("api", {}), "bind_port": port}
        self.url = f"http://127.0.0.1:{port}"
        super().__init__(module, folder, {**settings, "api": api})

    def wait_ready(self) -> None:
        """Wait until it answers."""

        def answers() -> bool:
            if self.process.returncode is not None:
                raise AssertionError(f"{self.name} ended:\n{self.text()}")
            try:
                return requests.get(self.url + "/", timeout=5).status_code == 200
            except (requests.ConnectionError, requests.Timeout):  # it may listen, and be slow
                return False

        wait_until(answers, timeout=40)
