"""Melange databases to import from, and ``ipamd-manage`` to do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ipamd.cmd import manage
from tests.conftest import end_logging_of_programs
from tests.db.conftest import conf as conf
from tests.db.conftest import db as db
from tests.db.conftest import empty_db as empty_db
from tests.db.conftest import store as store
from tests.melange.schema import MelangeDatabase
from tests.services.databases import fresh_database

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def melange(tmp_path: Path) -> MelangeDatabase:
    """An empty Melange database in a file of SQLite."""
    return MelangeDatabase(f"sqlite:///{tmp_path}/melange.sqlite")


@pytest.fixture(params=["sqlite", "mariadb", "postgresql"])
def melange_of_each_kind(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[MelangeDatabase]:
    """An empty Melange database, on each kind of server that Melange had."""
    if request.param == "sqlite":
        yield MelangeDatabase(f"sqlite:///{tmp_path}/melange.sqlite")
        return
    with fresh_database(request.getfixturevalue(f"{request.param}_url")) as url:
        yield MelangeDatabase(url)


@pytest.fixture
def run(database_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run ``ipamd-manage`` on this test's store; return exit status, output and errors."""
    config = tmp_path / "ipamd.conf"
    config.write_text(f"[database]\nconnection = {database_url}\n")

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            status = manage.main(["--config-file", str(config), *arguments])
        finally:
            end_logging_of_programs()  # a program ends here
        return (status, *capfd.readouterr())

    return call
