"""Every Python program of the documentation, run with a worker on RabbitMQ and PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.comparing import differences
from tests.docs.fences import blocks
from tests.docs.pages import DOCS, ROOT, name, pages_with
from tests.integration.conftest import StartWorkers
from tests.services.process import Process
from tests.services.waiting import wait_until

BROKER_IN_PAGES = "rabbit://guest:guest@127.0.0.1:5672/"
NOTIFICATIONS = DOCS / "how_to" / "notifications.md"

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def programs(page: Path, folder: Path, broker: str) -> list[tuple[Path, str]]:
    """Write the programs of a page into files; return each with the text shown after it."""
    found: list[tuple[Path, str]] = []
    for block in blocks(page):
        if block.language == "python":
            assert BROKER_IN_PAGES in block.text, f"{name(page)}:{block.line} names no broker"
            file = folder / f"program_{block.line}.py"
            file.write_text(block.text.replace(BROKER_IN_PAGES, broker))
            found.append((file, ""))
        elif block.language == "text" and found and not found[-1][1]:
            found[-1] = (found[-1][0], block.text)
    return found


@pytest.mark.parametrize(
    "page", [page for page in pages_with("python") if page != NOTIFICATIONS], ids=name
)
def test_programs_print_what_the_page_shows(
    page: Path, start_workers: StartWorkers, transport_url: str, tmp_path: Path
) -> None:
    start_workers(1)
    for file, expected in programs(page, tmp_path, transport_url):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", file],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert differences(expected, done.stdout) == []


def test_the_consumer_prints_what_the_page_shows(
    start_workers: StartWorkers, transport_url: str, tmp_path: Path
) -> None:
    (consumer, _), (changer, expected) = programs(NOTIFICATIONS, tmp_path, transport_url)
    start_workers(1)
    env = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    log = tmp_path / "printed"
    process = Process([sys.executable, consumer], output=log, env=env, cwd=ROOT)
    wait_until(lambda: "listening" in log.read_text(), timeout=40)
    subprocess.run([sys.executable, changer], cwd=ROOT, env=env, timeout=60, check=True)
    wait_until(lambda: log.read_text().count("\n") >= expected.count("\n"), timeout=40)
    assert process.stop() == 0
    assert differences(errors_last(expected), errors_last(log.read_text())) == []


def errors_last(told: str) -> str:
    """Put errors behind the rest: they come from a queue of their own, in no order with it."""
    lines = told.splitlines(keepends=True)
    return "".join(sorted(lines, key=lambda line: ".error " in line))
