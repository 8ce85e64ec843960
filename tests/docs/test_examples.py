"""Every ``console`` example of the documentation, run against ``ipamd-all``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ipamd.db.models import Base
from tests.docs.comparing import differences
from tests.docs.fences import examples
from tests.docs.pages import name, pages_with
from tests.docs.running import run
from tests.integration.programs import Facade


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facade]:
    """An ``ipamd-all`` with nothing but default options."""
    folder = tmp_path_factory.mktemp("ipamd")
    facade = Facade("all", folder, {"DEFAULT": {"state_path": folder}})
    facade.wait_ready()
    yield facade
    assert facade.stop() == 0
    assert "Traceback" not in facade.text()


@pytest.fixture
def facade(running: Facade) -> Facade:
    """The same for each page, its store emptied: a start takes seconds."""
    with closing(sqlite3.connect(running.folder / "ipamd.sqlite", timeout=30)) as store, store:
        for table in Base.metadata.tables:
            store.execute(f"DELETE FROM {table}")
    return running


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
