"""The folder in which the processes of a facade keep what they count."""

from __future__ import annotations

import fcntl
import multiprocessing
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Counter, generate_latest, values

from ipamd.metrics.instruments import new_registry
from ipamd.metrics.shared import SharedFolder
from tests.monitoring.telling import total

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SharedFolder]:
    """A folder; what is counted in this process is kept where it was, once the test is over."""
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    # Of its own: what other programs have left in the common one is not for a test to remove.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shared = SharedFolder()
    yield shared
    if shared.path.exists():
        shared.remove()


def told(folder: SharedFolder) -> str:
    """Return what all processes have counted, as text."""
    return generate_latest(folder.registry()).decode()


def count_one() -> None:
    """Count one, in a process that has not counted before."""
    Counter("ipamd_things", "Things.", registry=new_registry()).inc()


def count_in_processes(number: int, folder: SharedFolder) -> None:
    """Count one in each of a number of processes, one after another."""
    for _ in range(number):
        process = FORK.Process(target=count_one)
        process.start()
        process.join()
        assert process.pid is not None
        assert process.exitcode == 0
        folder.forget(process.pid)


def test_a_file_that_its_process_could_not_begin_is_left_out(folder: SharedFolder) -> None:
    count_one()
    (folder.path / "counter_4000001.db").touch()
    (folder.path / "gauge_livesum_4000001.db").touch()
    assert total(told(folder), "ipamd_things_total") == 1


def test_only_the_process_that_made_it_removes_it(folder: SharedFolder) -> None:
    process = FORK.Process(target=folder.remove)
    process.start()
    process.join()
    assert process.exitcode == 0
    count_one()
    assert total(told(folder), "ipamd_things_total") == 1
    folder.remove()
    assert not folder.path.exists()


@pytest.mark.usefixtures("folder")
def test_one_that_is_being_made_is_not_taken_for_one_that_was_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lock = fcntl.flock

    def make_another_and_lock(file: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX:
            # Between the moments in which the one makes its lock and takes it.
            monkeypatch.setattr(fcntl, "flock", lock)
            SharedFolder().remove()
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", make_another_and_lock)
    made = SharedFolder()
    assert made.path.exists()
    made.remove()


def test_it_tells_while_processes_begin_and_end(folder: SharedFolder) -> None:
    counting = FORK.Process(target=count_in_processes, args=(60, folder))
    counting.start()
    seen: list[float] = []
    while counting.is_alive():
        seen.append(total(told(folder), "ipamd_things_total"))
    assert counting.exitcode == 0
    # What was counted stays, and never goes back.
    assert seen == sorted(seen)
    assert total(told(folder), "ipamd_things_total") == 60
