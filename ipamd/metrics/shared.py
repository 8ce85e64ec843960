"""One folder in which the processes of a facade keep what they count, for all to tell.

prometheus_client's multiprocess mode: each process writes files of its own, and whichever
is asked adds them up.  The program makes the folder and removes it; what a killed one has
left is removed by the next to start.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

LOG = logging.getLogger(__name__)

_PREFIX = "ipamd-metrics-"
_LOCK = "in-use"


class SharedFolder:
    """A folder that belongs to one program and the processes that it forks.

    They inherit a lock on it, which ends with the last of them, however that ends.
    """

    def __init__(self) -> None:
        """Make the folder, and have what is counted from now on kept in it."""
        _remove_left()
        self._owner = os.getpid()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        # It has its name when it is locked: another program that starts at this moment
        # would take a lock that nobody holds for one that was left.
        new = self.path / f"{_LOCK}.new"
        self._lock = os.open(new, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        new.rename(self.path / _LOCK)
        # The library looks at this once, when it is imported; it is asked to look again.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self.path)
        values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]

    def registry(self) -> CollectorRegistry:
        """Return what all processes have counted, as a registry to tell of."""
        registry = CollectorRegistry()
        _Collector(registry, str(self.path))  # type: ignore[no-untyped-call]
        return registry

    def forget(self, pid: int) -> None:
        """Leave out what only a living process has; what it counted stays."""
        mark_process_dead(pid, str(self.path))  # type: ignore[no-untyped-call]

    def remove(self) -> None:
        """Remove the folder, after all other processes have ended.

        A forked process that ends comes by here as well, on its way out of the program,
        and leaves the folder to the others.
        """
        if os.getpid() != self._owner:
            return
        os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


class _Collector(MultiProcessCollector):
    """Adds up what is in the files of the processes, without those that have no content yet.

    A file is empty between the moments in which its process makes it and gives it its size,
    and for good if the process is killed there.  The library fails on such a file, with all
    the others (prometheus_client's issue 1199).
    """

    def collect(self) -> Iterable[Metric]:
        files = [str(file) for file in Path(self._path).glob("*.db") if _has_content(file)]
        return self.merge(files)  # type: ignore[no-untyped-call, no-any-return]


def _has_content(file: Path) -> bool:
    """Return whether a process has begun to count in a file."""
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:  # of a process that has just ended: its numbers in flight
        return False


def _remove_left() -> None:
    """Remove the folders of programs that could not do it themselves."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR)
        except OSError:  # another user's, or one that is being made at this moment
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue  # in use
        else:
            LOG.info("removing %s, which a killed process has left", folder)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
