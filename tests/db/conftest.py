"""A store with its schema, on each of the three databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from oslo_config import cfg

from ipamd import config
from ipamd.db import schema
from ipamd.db.database import Database
from tests.db.store import Store


@pytest.fixture
def conf(database_url: str, tmp_path: Path) -> cfg.ConfigOpts:
    """Configuration of a program that uses this test's database."""
    conf = config.load([])
    conf.set_override("state_path", str(tmp_path))
    conf.set_override("connection", database_url, group="database")
    return conf


@pytest.fixture
def empty_db(conf: cfg.ConfigOpts) -> Iterator[Database]:
    """A database without a schema."""
    db = Database(conf)
    yield db
    db.close()


@pytest.fixture
def db(empty_db: Database) -> Database:
    """A database with the newest schema."""
    schema.upgrade(empty_db)
    return empty_db


@pytest.fixture
def store(db: Database) -> Store:
    """The same, with the RPC methods to work on it."""
    return Store(db)
