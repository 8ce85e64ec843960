"""Programs that tests start, and that nothing of them outlives the tests."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.process import Process
from tests.services.supervisor import living
from tests.services.waiting import wait_until

# Leaves a daemon behind that has detached itself, and works on.
DAEMONISING = "setsid sleep 1000 & setsid setsid sleep 1001 & echo ready; exec sleep 1002"


def names(pids: list[int]) -> list[str]:
    """Return what processes run, as far as they have not ended meanwhile."""
    files = [Path(f"/proc/{pid}/comm") for pid in pids]
    try:
        return [file.read_text().strip() for file in files]
    except (FileNotFoundError, ProcessLookupError):
        return []


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "output"


def test_the_exit_code_is_the_programs(output: Path) -> None:
    process = Process(["sh", "-c", "echo said; exit 7"], output=output)

    assert process.wait(10) == 7
    assert process.tail() == "said"


def test_the_exit_code_names_the_signal_that_ended_it(output: Path) -> None:
    process = Process(["sleep", "1000"], output=output)

    process.send_signal(signal.SIGUSR1)

    assert process.wait(10) == -signal.SIGUSR1


def test_a_program_that_does_not_exist_is_reported(output: Path) -> None:
    with pytest.raises(RuntimeError, match="no-such-program"):
        Process(["/no-such-program"], output=output)


def test_stop_lets_the_program_end_in_order(output: Path) -> None:
    process = Process(
        ["bash", "-c", "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done"],
        output=output,
    )
    wait_until(lambda: "ready" in process.tail())

    assert process.stop() == 0
    assert process.tail().endswith("bye")


def test_stop_tells_of_a_program_that_does_not_heed(output: Path) -> None:
    process = Process(
        ["bash", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"], output=output
    )
    wait_until(lambda: "ready" in process.tail())

    with pytest.raises(RuntimeError, match=r"ignored SIGTERM for 0\.2 s"):
        process.stop(timeout=0.2)
    assert process.returncode == -signal.SIGKILL


def test_kill_ends_daemons_that_detached_themselves(output: Path) -> None:
    process = Process(["sh", "-c", DAEMONISING], output=output)
    wait_until(lambda: len(process.pids()) == 3)
    pids = process.pids()

    process.kill()

    assert not living() & set(pids)


def test_daemons_end_with_the_program(output: Path) -> None:
    process = Process(["sh", "-c", "setsid sleep 1000 & echo $!"], output=output)

    assert process.wait(10) == 0
    assert int(process.tail()) not in living()


def test_a_paused_program_stands_still_until_it_is_resumed(output: Path) -> None:
    process = Process(["sleep", "1000"], output=output)

    process.pause()
    wait_until(lambda: state(process.pid) == "T")
    process.resume()
    wait_until(lambda: state(process.pid) == "S")

    process.kill()


def test_what_a_program_starts_while_it_is_paused_stands_still_too(output: Path) -> None:
    process = Process(["sh", "-c", "while :; do sh -c 'sleep 0.001 & wait'; done"], output=output)

    for _ in range(50):
        process.pause()
        paused = process.pids()
        assert {state(pid) for pid in paused} <= {"T", "D"}  # D: its child has not begun
        assert process.pids() == paused
        process.resume()

    process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_programs_and_folder_go_when_the_test_run_is_killed(
    tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "owned"
    folder.mkdir()
    script = f"""
import time, pathlib, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored below a shell's "&"
from tests.services.process import Process
from tests.services.test_process import names
from tests.services.waiting import wait_until
folder = pathlib.Path({str(folder)!r})
process = Process(["sh", "-c", {DAEMONISING!r}], output=folder / "output", owned_folder=folder)
wait_until(lambda: names(process.pids()) == ["sleep"] * 3)
process.pause()
print(*process.pids(), process._supervisor.pid, flush=True)
time.sleep(1000)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as run:
        assert run.stdout is not None
        pids = [int(pid) for pid in run.stdout.readline().split()]
        running = living() >= set(pids)
        run.send_signal(number)

    assert running
    assert len(pids) == 4
    wait_until(lambda: not living() & set(pids))
    assert not folder.exists()
