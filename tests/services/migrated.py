"""Databases that have their schema already: migrated once a run, then copied or emptied.

SQLite's file is copied, PostgreSQL clones a template, MariaDB gets a used database back
with its tables emptied.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa

from tests.services.databases import fresh_database

Migrate = Callable[[str], None]


class MigratedDatabases:
    """Gives out migrated databases; ``migrate`` brings the schema to a URL."""

    def __init__(self, folder: Path, migrate: Migrate) -> None:
        self._folder = folder
        self._migrate = migrate
        self._stack = ExitStack()
        self._templates: dict[str, str] = {}
        self._spare: list[str] = []

    def close(self) -> None:
        """Drop the databases that were kept."""
        self._stack.close()

    def sqlite(self, folder: Path) -> str:
        """Return the URL of a copy of the migrated file, in ``folder``."""
        if "sqlite" not in self._templates:
            template = self._folder / "template.sqlite"
            self._migrate(f"sqlite:///{template}")
            # What is still in the write-ahead log belongs to the file.
            engine = sa.create_engine(f"sqlite:///{template}", poolclass=sa.NullPool)
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            self._templates["sqlite"] = str(template)
        shutil.copy(self._templates["sqlite"], folder / "ipamd.sqlite")
        return f"sqlite:///{folder}/ipamd.sqlite"

    @contextmanager
    def postgresql(self, server_url: str) -> Iterator[str]:
        """Give the URL of a clone of the migrated database."""
        if server_url not in self._templates:
            template = self._stack.enter_context(fresh_database(server_url))
            self._migrate(template)
            self._templates[server_url] = str(sa.make_url(template).database)
        with fresh_database(server_url, template=self._templates[server_url]) as url:
            yield url

    @contextmanager
    def mariadb(self, server_url: str) -> Iterator[str]:
        """Give the URL of a migrated database that is empty."""
        if self._spare:
            url = self._spare.pop()
        else:
            url = self._stack.enter_context(fresh_database(server_url))
            self._migrate(url)
        yield url
        _empty(url)
        self._spare.append(url)


def _empty(url: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET FOREIGN_KEY_CHECKS = 0, lock_wait_timeout = 10")
        for table in sa.inspect(connection).get_table_names():
            if table != "alembic_version":
                connection.exec_driver_sql(f"TRUNCATE TABLE {table}")
