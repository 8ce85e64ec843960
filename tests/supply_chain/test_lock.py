"""The lock files: everything in them is pinned and hashed, and what setup.cfg asks for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import locked

SETUP = (locked.ROOT / "setup.cfg").read_text()
LOCKS = [(locked.RUN, ("build",)), (locked.DEV, None)]
PIN = "netaddr==1.3.0 \\\n    --hash=sha256:00\n    # via ipamd (setup.cfg)\n"
SMALL = """
[options]
install_requires =
    netaddr>=1.3,<2
[options.extras_require]
test =
    pytest>=8,<9
"""


@pytest.mark.parametrize(("name", "extras"), LOCKS)
def test_setup_cfg_and_the_lock_agree(name: str, extras: tuple[str, ...] | None) -> None:
    lock = (locked.ROOT / name).read_text()
    assert len(list(locked.pins(lock))) > 50
    assert locked.disagreements(SETUP, lock, extras) == []


@pytest.mark.parametrize("name", [locked.RUN, locked.DEV])
def test_the_lock_names_no_index_and_no_machine(name: str) -> None:
    text = (locked.ROOT / name).read_text()
    assert not re.search(r"https?:|file:|index|find-links|@ |^-|/", text, re.MULTILINE)


def test_what_runs_is_locked_alike_in_both() -> None:
    run, dev = (
        {(pin[0], pin[1]) for pin in locked.pins((locked.ROOT / name).read_text())}
        for name in (locked.RUN, locked.DEV)
    )
    assert run <= dev


def test_every_requirement_has_both_bounds() -> None:
    assert locked.unbounded(SETUP) == []


@pytest.mark.parametrize(
    ("lock", "problem"),
    [
        (PIN, None),
        ("", "netaddr<2,>=1.3 is asked for, and not locked"),
        (PIN.replace("1.3.0", "2.0"), "netaddr<2,>=1.3 is asked for, and 2.0 locked"),
        (PIN.replace("--hash=sha256:00", ""), "netaddr has no hash in the lock"),
        (
            PIN + PIN.replace("netaddr", "six"),
            "six is locked, and setup.cfg does not ask for it any more",
        ),
    ],
)
def test_a_disagreement_is_told(lock: str, problem: str | None) -> None:
    assert locked.disagreements(SMALL, lock, ()) == ([problem] if problem else [])


def test_a_missing_requirement_of_the_tests_is_told() -> None:
    assert locked.disagreements(SMALL, PIN, None) == ["pytest<9,>=8 is asked for, and not locked"]


def test_an_open_requirement_is_told() -> None:
    assert locked.unbounded(SMALL.replace(">=8,<9", ">=8")) == ["pytest>=8"]


def test_make_installs_by_hash_only() -> None:
    makefile = Path(locked.ROOT / "Makefile").read_text()
    installs = [line for line in makefile.splitlines() if "(PIP) install" in line]
    assert installs
    # All but the tool that writes the locks, which must run when they are out of date.
    loose = [
        line
        for line in installs
        if "--require-hashes" not in line and "--no-deps --no-build-isolation" not in line
    ]
    assert len(loose) == 1
    assert "uv" in loose[0]
