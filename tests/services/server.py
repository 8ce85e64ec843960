"""What the private servers have in common: a data folder, a port, a life."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tests.services.packages import find_program
from tests.services.ports import release_port, reserve_port
from tests.services.process import Process


class Server:
    """A private server on 127.0.0.1; port and data stay the same until ``close``.

    A context manager: starts on entry, closes on exit.
    """

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    # Programs that are there when the packages are installed.
    programs: ClassVar[tuple[str, ...]]
    # Names a server to use instead of a private one.
    variable: ClassVar[str]
    # The account that the server runs as when the tests are run by root.
    account: ClassVar[str]
    start_timeout: ClassVar[float] = 60
    # Sent by ``stop``: an orderly shutdown that does not wait for clients to leave.
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self) -> None:
        self.user = self.account if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix=f"ipamd-test-{self.name}-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.port = reserve_port()
        self.process: Process | None = None
        self._prepared = False
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)

    @classmethod
    def is_installed(cls) -> bool:
        """Tell whether all the programs needed are there."""
        return all(find_program(name) for name in cls.programs)

    @property
    def url(self) -> str:
        """What clients connect to."""
        raise NotImplementedError

    @property
    def log(self) -> Path:
        """The file that takes the server's output."""
        return self.folder / "output.log"

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended (it may be paused)."""
        return self.process is not None and self.process.returncode is None

    def prepare(self) -> None:
        """Make the data folder's first content."""
        raise NotImplementedError

    def launch(self) -> Process:
        """Start the server's program on the data folder, without waiting for it."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Tell whether it does what clients need."""
        raise NotImplementedError

    def start(self) -> None:
        """Start on the data there is and wait until it answers.

        Raises: RuntimeError, with the end of the server's log, when it does not.
        """
        if self.running:
            raise RuntimeError(f"{self.name} is running already")
        if not self._prepared:
            self.prepare()
            self._prepared = True
        self.process = self.launch()
        deadline = time.monotonic() + self.start_timeout
        while not self.answers():
            code = self.process.returncode
            if code is not None or time.monotonic() > deadline:
                log = self.process.tail()
                self.process.kill()
                end = "did not answer in time" if code is None else f"ended with {code}"
                raise RuntimeError(f"{self.name} {end}:\n{log}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Shut down in order and wait; data and port are kept."""
        process = self._running_process()
        process.send_signal(self.stop_signal)
        try:
            process.wait(self.start_timeout)
        except subprocess.TimeoutExpired:
            log = process.tail()
            process.kill()
            raise RuntimeError(f"{self.name} did not stop in time:\n{log}") from None

    def kill(self) -> None:
        """End all its processes at once, as kill -9 does; data and port are kept."""
        self._running_process().kill()

    def restart(self) -> None:
        """Start again with the same data and port, after an orderly stop if it runs."""
        if self.running:
            self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze all its processes (SIGSTOP): connections stay open, nothing answers."""
        self._running_process().pause()

    def resume(self) -> None:
        """Let it go on after ``pause``."""
        self._running_process().resume()

    def close(self) -> None:
        """End it and remove its data; harmless when repeated."""
        if self.process is not None:
            self.process.kill()
        if self.folder.exists():
            shutil.rmtree(self.folder)
            release_port(self.port)

    def spawn(
        self, command: list[str | os.PathLike[str]], env: dict[str, str] | None = None
    ) -> Process:
        """Start a program as the server's account; it goes with the server's folder."""
        return Process(
            command,
            output=self.log,
            # Nothing of the developer's own settings (PGHOST, RABBITMQ_NODENAME, ...).
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **(env or {})},
            cwd=self.folder,
            user=self.user,
            owned_folder=self.folder,
        )

    def _running_process(self) -> Process:
        if self.process is None or not self.running:
            raise RuntimeError(f"{self.name} is not running")
        return self.process

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
