"""Which tests are left out, what the summary says of it, and what else pytest is taught."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.supervisor import living
from tests.services.waiting import wait_until

ROOT = Path(__file__).parents[2]

TESTS = """
import pytest

def test_nothing(): pass
def test_database(database_url): pass
def test_broker(transport_url): pass
def test_indirect(indirect): pass
def test_browser(chromium): pass
@pytest.mark.services("rabbitmq", "mariadb")
def test_own(): pass

@pytest.fixture
def indirect(postgresql_url): pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.services.plugin"]\n')
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = services\n")
    return tmp_path


def run(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "xdist", *arguments],
        cwd=folder,
        # Other plugins take longer to load than these tests to run.
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_services_the_summary_counts_what_was_left_out(folder: Path) -> None:
    done = run(folder, TESTS, "--services=none")

    assert done.returncode == pytest.ExitCode.OK
    assert (
        "--services=none: tests left out for want of a server: 6 "
        "(chromium 1, mariadb 2, postgresql 2, rabbitmq 2)"
    ) in done.stdout
    assert "test_it.py::test_nothing PASSED" in done.stdout
    assert "test_it.py::test_database[sqlite] PASSED" in done.stdout
    assert "2 passed, 6 deselected" in done.stdout


def test_some_services_may_be_chosen(folder: Path) -> None:
    done = run(folder, TESTS, "--services=postgresql,mariadb", "--collect-only", "-qq")

    assert "left out for want of a server: 3 (chromium 1, mariadb 1, rabbitmq 2)" in done.stdout
    assert [line for line in done.stdout.splitlines() if "::" in line] == [
        "test_it.py::test_nothing",
        "test_it.py::test_database[sqlite]",
        "test_it.py::test_database[postgresql]",
        "test_it.py::test_database[mariadb]",
        "test_it.py::test_indirect",
    ]


def test_only_the_tests_that_were_asked_for_count(folder: Path) -> None:
    done = run(folder, TESTS, "--services=none", "-k", "broker or nothing")

    assert "left out for want of a server: 1 (rabbitmq 1)" in done.stdout


def test_with_all_services_nothing_is_left_out(folder: Path) -> None:
    done = run(folder, TESTS, "--collect-only")

    assert "8 tests collected" in done.stdout
    assert "left out" not in done.stdout


def test_a_service_that_does_not_exist_is_refused(folder: Path) -> None:
    done = run(folder, TESTS, "--services=oracle")

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--services: oracle is not a service" in done.stderr


def test_a_server_that_exists_already_can_be_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPAMD_TEST_POSTGRESQL_URL", "postgresql+psycopg://db.example.com/x")
    monkeypatch.setenv("IPAMD_TEST_RABBITMQ_URL", "rabbit://u:p@mq.example.com:5672//")
    text = """
def test_urls(postgresql_url, rabbitmq_url, rabbitmq_management_url):
    assert postgresql_url == "postgresql+psycopg://db.example.com/x"
    assert rabbitmq_url == "rabbit://u:p@mq.example.com:5672//"
    assert rabbitmq_management_url == "http://u:p@mq.example.com:15672"
"""

    assert "1 passed" in run(folder, text).stdout


def test_a_test_that_leaves_a_process_running_fails_the_run(folder: Path) -> None:
    text = """
import subprocess
def test_leak(): subprocess.Popen(["sleep", "1003"], start_new_session=True)
"""

    done = run(folder, text)

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "ERROR: left running by a test:" in done.stdout
    assert "sleep 1003" in done.stdout


@pytest.mark.services("postgresql")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_pytest_is_interrupted(folder: Path, number: signal.Signals) -> None:
    (folder / "test_it.py").write_text("""
import os, pathlib, signal, time
from tests.services.supervisor import descendants
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored below a shell's "&"
def test_wait(postgresql_url):
    pids = " ".join(map(str, descendants(os.getpid())))
    pathlib.Path("partial").write_text(pids)
    os.rename("partial", "pids")
    time.sleep(1000)
""")
    with subprocess.Popen(
        [sys.executable, "-m", "pytest"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "IPAMD_TEST_POSTGRESQL_URL": ""},
        stdout=subprocess.DEVNULL,
    ) as pytest_run:
        try:
            wait_until((folder / "pids").exists, timeout=60)
        finally:
            pytest_run.send_signal(number)

    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    assert len(pids) > 1
    wait_until(lambda: not set(pids) & living())


PARALLEL = ("-n", "2", "--dist", "loadfile")


def test_parallel_runs_tell_what_was_left_out_once(folder: Path) -> None:
    done = run(folder, TESTS, "--services=none", *PARALLEL)

    assert done.returncode == pytest.ExitCode.OK
    assert (
        "--services=none: tests left out for want of a server: 6 "
        "(chromium 1, mariadb 2, postgresql 2, rabbitmq 2)"
    ) in done.stdout
    assert "2 passed" in done.stdout


def test_parallel_runs_fail_on_a_process_that_is_left_running(folder: Path) -> None:
    text = """
import subprocess
def test_leak(): subprocess.Popen(["sleep", "1004"], start_new_session=True)
"""

    done = run(folder, text, "--services=none", *PARALLEL)

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "ERROR: left running by a test:" in done.stdout
    assert "sleep 1004" in done.stdout


@pytest.mark.services("postgresql")
def test_parallel_runs_share_their_servers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IPAMD_TEST_POSTGRESQL_URL", raising=False)
    text = """
import os, pathlib
def test_url(postgresql_url):
    pathlib.Path(f"url-{os.getpid()}").write_text(postgresql_url)
"""
    for name in ("test_other.py", "test_third.py"):
        (folder / name).write_text(text)

    done = run(folder, text, "--services=postgresql", *PARALLEL)

    assert "3 passed" in done.stdout, done.stdout
    written = list(folder.glob("url-*"))
    assert len(written) == 2, "two processes had tests"
    assert len({path.read_text() for path in written}) == 1
