"""Every ``console`` example of the documentation, run against ``ipamd-all``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.comparing import differences
from tests.docs.fences import examples
from tests.docs.pages import name, pages_with
from tests.docs.running import run
from tests.integration.programs import Facade


@pytest.fixture
def facade(tmp_path: Path) -> Iterator[Facade]:
    """A fresh ``ipamd-all`` with nothing but default options."""
    facade = Facade("all", tmp_path / "ipamd", {"DEFAULT": {"state_path": tmp_path / "ipamd"}})
    facade.wait_ready()
    yield facade
    assert facade.stop() == 0
    assert "Traceback" not in facade.text()


@pytest.mark.parametrize("page", pages_with("console"), ids=name)
def test_examples_print_what_the_page_shows(page: Path, facade: Facade, tmp_path: Path) -> None:
    shown = examples(page)
    outcomes = run(shown, host=facade.url.removeprefix("http://"), folder=tmp_path)
    problems = []
    for example, outcome in zip(shown, outcomes, strict=False):
        found = differences(example.expected, outcome.text)
        if outcome.status:
            found.append(f"exit status {outcome.status}: {outcome.text}")
        if found:
            problems += [f"{name(page)}:{example.line}: $ {example.command}", *found]
    assert not problems, "\n".join(problems)
    assert len(outcomes) == len(shown)
