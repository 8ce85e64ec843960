"""Requests at random, over all mounts: no 5xx, and no answer outside its schema.

schemathesis makes them of ``/v2/openapi.json`` and sends them to an ``ipamd-all``; what it
checks is in ``schemathesis.toml``.  The run is short unless ``IPAMD_FUZZ`` is ``long``.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.programs import Facade

ROOT = Path(__file__).parents[2]
_TAGS = ("v2", "melange", "quantum")


@dataclass(frozen=True)
class Run:
    """One run of schemathesis, and the least that it has to have done."""

    arguments: tuple[str, ...]
    requests: int = 0
    links: int = 0


def stateful(tag: str, scenarios: int, links: int) -> Run:
    """Follow the links of one API, ``scenarios`` times from a beginning of its own."""
    phases = ("--phases", "stateful", "--max-examples", str(scenarios))
    return Run(("--include-tag", tag, *phases), links=links)


SHORT = (
    Run(("--phases", "fuzzing", "--max-examples", "1"), requests=200),
    stateful("v2", 5, links=1),
)
LONG = (
    Run(("--phases", "coverage,fuzzing", "--max-examples", "15"), requests=9000),
    *[stateful(tag, 40, links=10) for tag in _TAGS],
)
REQUESTS_OF_A_LONG_RUN = 10_000


@pytest.fixture
def facade(tmp_path: Path) -> Iterator[Facade]:
    """An ``ipamd-all`` with an empty store."""
    facade = Facade("all", tmp_path, {"DEFAULT": {"state_path": tmp_path}})
    facade.wait_ready()
    yield facade
    assert facade.stop() == 0


def run(facade: Facade, arguments: tuple[str, ...], seed: int) -> str:
    """Run schemathesis and return what it prints.

    Raises: AssertionError when it found something.
    """
    command = [
        str(Path(sys.executable).parent / "st"),
        "--config-file", str(ROOT / "tests/fuzz/schemathesis.toml"),
        "run", f"{facade.url}/v2/openapi.json", "--seed", str(seed), *arguments,
    ]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    done = subprocess.run(
        command, cwd=facade.folder, env=env, capture_output=True, text=True, check=False
    )
    print(done.stdout)  # noqa: T201 - pytest shows it when the test fails
    assert done.returncode == 0, f"seed {seed}:\n{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def number(pattern: str, text: str) -> int:
    """Return the number that a report tells; 0 where it does not tell it."""
    found = re.search(pattern, text)
    return int(found[1].replace(",", "")) if found else 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_any_request_gets_an_answer_that_is_documented(facade: Facade) -> None:
    is_long = os.environ.get("IPAMD_FUZZ") == "long"
    seed = secrets.randbelow(2**32) if is_long else 1
    total = 0
    for each in LONG if is_long else SHORT:
        report = run(facade, each.arguments, seed)
        sent = number(r"([\d,]+) generated", report)
        assert sent >= max(each.requests, 1)
        assert number(r"API Links:\s+(\d+) covered", report) >= each.links
        total += sent
    assert total >= (REQUESTS_OF_A_LONG_RUN if is_long else 1)
    assert facade.stop() == 0  # its last lines are written then, if not before
    assert "Traceback" not in facade.text()
    lines = re.compile(r" (\d{3}) \S+ tenant=.* ms in workers, \d+\.\d ms$", re.MULTILINE)
    answers = lines.findall(facade.text())
    assert len(answers) >= total * 0.9
    assert [status for status in answers if status >= "5"] == []
