"""Plays the recorded scenarios and compares, by the replayer's own rules.

``replay.py`` and the transcripts are the ones that were published together; here only
the counting differs: every mismatch is kept by the name of its step.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

replay: Any = importlib.import_module("tests.conformance.replay")
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Mismatch:
    """A step whose answer differs, and how."""

    scenario: str
    step: str
    difference: str


@dataclass(frozen=True)
class Played:
    """What came of playing a file."""

    asserted: int
    mismatches: list[Mismatch]


class _Purge:
    purge = True


def play(base: str, file: str, profile: str = "default") -> Played:
    """Play the scenarios of ``file`` that were recorded for ``profile``.

    Steps where Melange was wrong are asserted by the status that is right (``spec``), if
    the transcript names one.
    """
    asserted = 0
    mismatches = []
    for scenario in replay.load(str(HERE / file)):
        if scenario.get("profile", "default") != profile:
            continue
        for name in scenario.get("requires", ()):
            assert replay.precondition(base, name, _Purge), name
        for step, difference in _steps(base, scenario):
            asserted += 1
            if difference is not None:
                mismatches.append(Mismatch(scenario["scenario"], step, difference))
    return Played(asserted, mismatches)


def _steps(base: str, scenario: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    variables = {name: replay.make_var(kind) for name, kind in scenario.get("vars", {}).items()}
    variables["base"] = base
    for step in scenario["steps"]:
        for number in range(step.get("repeat", 1)):
            variables["iter"] = number
            answer = replay.send(base, replay.subst(step["request"], variables))
            missing = _capture(step, answer, variables)
            if step.get("cleanup"):
                continue
            if "deviation" not in step:
                yield step["name"], missing or replay.check(step, answer, variables, True)
            elif "spec" in step:
                right = step["spec"]["status"]
                ok = answer[0] == right
                yield step["name"], None if ok else f"expected {right} got {answer[0]}"


def _capture(
    step: dict[str, Any], answer: tuple[int, str, bytes], variables: dict[str, Any]
) -> str | None:
    body = replay.parse_body(answer[1], answer[2])[1]
    missing = None
    for name, path in step.get("capture", {}).items():
        try:
            variables[name] = replay.extract(path, body)
        except (KeyError, IndexError, TypeError):
            variables.setdefault(name, f"uncaptured-{name}")
            missing = f"cannot capture {name} at {path}: {answer[0]} {answer[2][:200]!r}"
    return missing


def differences() -> dict[tuple[str, str], str]:
    """Return the reasons of ``differences.toml`` by scenario and step."""
    listed = tomllib.loads((HERE / "differences.toml").read_text())["difference"]
    return {(entry["scenario"], entry["step"]): entry["reason"] for entry in listed}
