"""The schema's revision: which one the database has, and bringing it up to date.

Upgrades that start at the same time run one after the other; the later ones find nothing
left to do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ipamd.db.database import Database

LOCK_TIMEOUT = 600
"""Seconds that an upgrade waits for another one."""

_ADVISORY_LOCK = 0x69_70_61_6D_64  # "ipamd"
# alembic's ``op`` and ``context`` belong to the whole process.
_alembic = threading.Lock()


class SchemaError(Exception):
    """The database's schema is not the one that this version needs."""


def upgrade(db: Database) -> None:
    """Bring the schema to the newest revision; harmless when it has it.

    Raises: SchemaError when the schema is newer than this version, the lock that keeps
        upgrades apart was not to be had, or a new database's encoding does not do.
    """
    _run(db, lambda config: command.upgrade(config, "head"))


def downgrade(db: Database, revision: str) -> None:
    """Take the schema back to ``revision``; ``base`` removes it with all its data.

    Raises: SchemaError as ``upgrade``
    """
    _run(db, lambda config: command.downgrade(config, revision))


def current(db: Database) -> str | None:
    """Return the revision that the database has; None when it has no schema."""
    with _reading(db) as connection:
        return revision(connection)


def head() -> str:
    """Return the newest revision."""
    newest = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if newest is None:
        raise RuntimeError("there are no revisions")
    return newest


def require_current(db: Database) -> None:
    """Check that the database has the newest revision.

    Raises: SchemaError, with a sentence that says what to do.
    """
    found, newest = current(db), head()
    if found == newest:
        return
    if found is None:
        raise SchemaError("the database has no schema yet: run 'ipamd-manage db upgrade'")
    _require_known(found)
    raise SchemaError(
        f"the database's schema is at revision {found}, this version needs {newest}: "
        "run 'ipamd-manage db upgrade'"
    )


def alembic_config() -> Config:
    """Build alembic's configuration; there is no file of it."""
    config = Config()
    config.set_main_option("script_location", "ipamd.db:migrations")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def _run(db: Database, change: Callable[[Config], None]) -> None:
    with _alembic, db.engine.connect() as connection, _locked(connection):
        found = revision(connection)
        if found is None:
            _require_unicode(connection)
        else:
            _require_known(found)
        config = alembic_config()
        config.attributes["connection"] = connection
        change(config)


@contextmanager
def _locked(connection: sa.Connection) -> Iterator[None]:
    """Open a transaction in which this process alone changes the schema.

    On SQLite the transaction itself is the lock (BEGIN IMMEDIATE).  MariaDB commits at
    every DDL statement, so its lock belongs to the session.
    """
    dialect = connection.dialect.name
    if dialect == "sqlite":
        with _patient(connection), connection.begin():
            yield
        return
    if dialect in ("mysql", "mariadb"):
        name = sa.func.concat("ipamd.schema.", sa.func.md5(sa.func.database()))
        if connection.scalar(sa.select(sa.func.get_lock(name, LOCK_TIMEOUT))) != 1:
            raise SchemaError("another process has been upgrading the schema for too long")
        connection.rollback()
        try:
            with connection.begin():
                yield
        finally:
            if not connection.invalidated:
                connection.scalar(sa.select(sa.func.release_lock(name)))
        return
    with connection.begin():
        if dialect == "postgresql":
            connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s'"))
            connection.scalar(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        yield


@contextmanager
def _patient(connection: sa.Connection) -> Iterator[None]:
    """Let SQLite wait for its lock as long as the other databases do."""
    driver: Any = connection.connection.driver_connection
    (usual,) = driver.execute("PRAGMA busy_timeout").fetchone()
    driver.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT * 1000}")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout = {usual}")


@contextmanager
def _reading(db: Database) -> Iterator[sa.Connection]:
    with db.engine.connect() as connection:
        connection.execution_options(ipamd_read_only=True)
        yield connection


def revision(connection: sa.Connection) -> str | None:
    """Return the revision of the database that ``connection`` leads to, as ``current``."""
    return MigrationContext.configure(connection).get_current_revision()


def _require_unicode(connection: sa.Connection) -> None:
    """Check that a new schema's columns will hold any text; elsewhere they say so themselves."""
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.scalar(sa.text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise SchemaError(
            f"the database's encoding is {encoding}, and has to be UTF8: create it with "
            "CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
        )


def _require_known(revision: str) -> None:
    known = {
        script.revision
        for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()
    }
    if revision not in known:
        raise SchemaError(
            f"the database's schema is at revision {revision}, which is newer than this "
            "version of ipamd"
        )
