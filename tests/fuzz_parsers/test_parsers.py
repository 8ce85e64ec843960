"""The parsers under hypothesis, which mutates their seeds, and under atheris.

``make fuzz-parsers`` does a hundred thousand inputs of each; ``make test`` some hundreds.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz_parsers.mutations import mutate
from tests.fuzz_parsers.targets import SEEDS, TARGETS, seeds

ROOT = Path(__file__).parents[2]
IS_LONG = os.environ.get("IPAMD_FUZZ") == "long"
EXAMPLES = 10_000 if IS_LONG else 150
RUNS = 100_000 if IS_LONG else 2_000
NAMES = sorted(TARGETS)


@pytest.mark.parametrize("name", NAMES)
def test_what_once_failed_holds(name: str) -> None:
    found = seeds(name)
    assert len(found) >= 5
    for data in found:
        TARGETS[name](data)


def test_every_seed_has_a_target() -> None:
    assert {path.name for path in SEEDS.iterdir() if path.is_dir()} == set(TARGETS)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NAMES)
def test_mutated_and_invented_inputs_hold(name: str) -> None:
    known = seeds(name)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.binary(max_size=200) | st.text(max_size=60).map(str.encode)
           | st.tuples(st.sampled_from(known), st.randoms(use_true_random=False)).map(
               lambda pair: mutate(pair[1], pair[0])))  # fmt: skip
    def hold(data: bytes) -> None:
        TARGETS[name](data)

    hold()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NAMES if IS_LONG else ["message"])
def test_inputs_led_by_coverage_hold(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz_parsers.coverage_guided", name, str(RUNS)]
    done = subprocess.run(
        [*command, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=3500,
        check=False,
    )
    told = (done.stdout + done.stderr)[-6000:]
    assert done.returncode == 0, told
    executed = re.search(r"number_of_executed_units:\s+(\d+)", told)
    assert executed, told
    assert int(executed[1]) >= RUNS
    peak = re.search(r"peak_rss_mb:\s+(\d+)", told)
    assert peak, told
    print(f"{name}: {executed[1]} inputs, peak {peak[1]} MB")  # noqa: T201 - of the long run
