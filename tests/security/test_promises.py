"""``SECURITY.md``: each promise names tests, and each of them is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text()
PROMISES = [
    line
    for line in TEXT.partition("## What is promised")[2].splitlines()
    if line.startswith("| ") and not line.startswith(("| promise", "| ---"))
]
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_there_are_promises() -> None:
    assert len(PROMISES) > 20


@pytest.mark.parametrize("line", PROMISES, ids=lambda line: line[2:50])
def test_each_promise_is_shown_by_tests_that_exist(line: str) -> None:
    promise, shown = line.strip("| ").split(" | ")
    named = _NAMED.findall(shown)
    assert named, f"no test shows: {promise}"
    assert _NAMED.sub("", shown).strip(" ,") == ""
    for file, name in named:
        functions = {
            node.name: node
            for node in ast.walk(ast.parse((ROOT / file).read_text()))
            if isinstance(node, ast.FunctionDef)
        }
        assert name in functions, f"{file} has no {name}"
