"""Whole services to look at, with a small cloud in them, and a browser to look with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from ipamd import config
from ipamd.db import schema
from ipamd.db.database import Database
from ipamd.rpc.manager import Manager
from tests.integration.programs import Facade
from tests.ui.cloud import Cloud


@pytest.fixture(scope="session")
def cloud_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Cloud]]:
    """A folder with the SQLite file of a cloud, and what is in it."""
    folder = tmp_path_factory.mktemp("cloud")
    conf = config.load(["--config-file", os.devnull])
    conf.set_override("state_path", str(folder))
    conf.set_override("sqlite_synchronous", "NORMAL", group="database")
    db = Database(conf)
    schema.upgrade(db)
    cloud = Cloud(Manager(db).call)
    cloud.build()
    yield folder, cloud
    db.close()


@pytest.fixture(scope="session")
def cloud(cloud_folder: tuple[Path, Cloud]) -> Cloud:
    """What is in the cloud, by name."""
    return cloud_folder[1]


@pytest.fixture(scope="session")
def site(cloud_folder: tuple[Path, Cloud]) -> Iterator[str]:
    """URL of ``ipamd-all`` on the cloud; nobody has to sign in."""
    folder, _ = cloud_folder
    program = Facade("all", folder, {"DEFAULT": {"state_path": folder}})
    try:
        program.wait_ready()
        yield program.url
        assert program.stop() == 0
        assert "Traceback" not in program.text()
    finally:
        program.kill()


@pytest.fixture(scope="session")
def browser(chromium: Path) -> Iterator[Browser]:
    """Debian's Chromium; each test opens a context of its own in it."""
    # The sandbox cannot be had by root in a container; the pages are ipamd's own.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=options)
        yield found
        found.close()
