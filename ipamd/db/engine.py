"""Engines for the three databases, set up so that they behave alike."""

from __future__ import annotations

import os
import select
import sqlite3
import time
from typing import Any

import sqlalchemy as sa
import tenacity
from oslo_config import cfg
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler

from ipamd import config
from ipamd.db.drivers import roll_back

# Longer at rest, a connection may be gone without a word (a firewall, a power failure).
_TRUSTED_SECONDS = 10.0
# A transaction that is stuck must not hold up everybody who waits for its block.
_LOCK_SECONDS = 10
# For one that another process has on SQLite's file.
_SQLITE_SECONDS = 10.0
# The driver of a URL that names none.
DRIVERS = {
    "postgresql": "psycopg",
    "mysql": "pymysql",
    "mariadb": "pymysql",
    "sqlite": "pysqlite",
}


def make_engine(conf: cfg.ConfigOpts) -> sa.Engine:
    """Build the engine of ``[database] connection``.

    PostgreSQL and MariaDB run at READ COMMITTED: a statement after the block's lock
    sees what the lock's last holder committed.

    Raises: sqlalchemy.exc.ArgumentError when the URL is none, or of another database, or
        its driver is not installed; OSError when the folder of an SQLite file is not to be
        had.
    """
    url = sa.make_url(config.database_url(conf))
    try:
        return _engine_for(url, conf)
    except ImportError as error:
        raise sa.exc.ArgumentError(
            f"the driver of {url.drivername}:// is not installed ({error})"
        ) from error


def _engine_for(url: sa.URL, conf: cfg.ConfigOpts) -> sa.Engine:
    backend = url.get_backend_name()
    if backend not in DRIVERS:
        raise sa.exc.ArgumentError(
            f"{backend} is not supported, it has to be one of {', '.join(DRIVERS)}"
        )
    if url.drivername == backend:
        url = url.set(drivername=f"{backend}+{DRIVERS[backend]}")
    if backend == "sqlite":
        return _sqlite_engine(url, conf)
    connect_args: dict[str, Any] = {"connect_timeout": conf.database.pool_timeout}
    if backend == "postgresql":
        # Timestamps are written in UTC and read as they are.
        connect_args["options"] = f"-c timezone=UTC -c lock_timeout={_LOCK_SECONDS}s"
        connect_args["client_encoding"] = "utf8"
    else:
        url = url.update_query_dict({"charset": "utf8mb4"})
        connect_args["init_command"] = f"SET innodb_lock_wait_timeout = {_LOCK_SECONDS}"
    engine = sa.create_engine(
        url,
        isolation_level="READ COMMITTED",
        **_pool(conf),
        # MariaDB's compiler tells the linter of none of the joins behind the first one.
        enable_from_linting=backend == "postgresql",
        connect_args=connect_args,
    )
    if engine.dialect.driver == "psycopg":
        engine.dialect.do_rollback = roll_back  # type: ignore[method-assign, assignment]
    _replace_lost_connections(engine)
    return engine


def _pool(conf: cfg.ConfigOpts) -> dict[str, Any]:
    # Without overflow: what overflows is closed when it is given back and opened anew for
    # the next one, which halved the rate of more threads than pool_size.
    return {
        "pool_size": conf.database.pool_size,
        "max_overflow": 0,
        "pool_use_lifo": True,
        "pool_timeout": conf.database.pool_timeout,
    }


def _replace_lost_connections(engine: sa.Engine) -> None:
    """Look at a connection before it is used again, and ask the server only if need be.

    A server that ends a connection says so: there is something to read on the socket.  A
    ping each time (``pool_pre_ping``) cost a tenth of a small transaction.
    """
    dialect = engine.dialect

    @sa.event.listens_for(engine, "checkin")
    def rest(_connection: Any, record: sa.pool.ConnectionPoolEntry) -> None:
        record.info["resting_since"] = time.monotonic()

    @sa.event.listens_for(engine, "checkout")
    def look(connection: Any, record: sa.pool.ConnectionPoolEntry, _proxy: object) -> None:
        since = record.info.pop("resting_since", None)
        if since is None:  # it is new
            return
        if time.monotonic() - since < _TRUSTED_SECONDS and not _has_input(connection):
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise sa.exc.InvalidatePoolError("the server has ended the connection") from error


def _has_input(connection: Any) -> bool:
    """Tell whether the server has said something that nobody asked for."""
    # PyMySQL shows its socket to nobody, psycopg the number of it.
    number = connection._sock if hasattr(connection, "_sock") else connection.fileno()
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))


class _SQLiteCompiler(SQLiteCompiler):
    """Writes hints, ``INDEXED BY …``, which SQLAlchemy leaves out for SQLite."""

    def get_from_hint_text(self, table: sa.FromClause, text: str | None) -> str | None:
        """Return what stands behind a table's name."""
        return text


def _sqlite_engine(url: sa.URL, conf: cfg.ConfigOpts) -> sa.Engine:
    if url.database and url.database != ":memory:":
        os.makedirs(os.path.dirname(os.path.abspath(url.database)), exist_ok=True)
    engine = sa.create_engine(
        url,
        **_pool(conf),
        # Transactions are begun by the hook below, not by the driver's guesses.
        connect_args={
            "timeout": _SQLITE_SECONDS,
            "check_same_thread": False,
            "isolation_level": None,
        },
        poolclass=sa.QueuePool,
    )

    engine.dialect.statement_compiler = _SQLiteCompiler

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        _write_ahead(connection)
        for pragma in (
            f"synchronous={conf.database.sqlite_synchronous}",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-32000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        read_only = connection.get_execution_options().get("ipamd_read_only")
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


@tenacity.retry(
    retry=tenacity.retry_if_exception(lambda error: "locked" in str(error)),
    wait=tenacity.wait_random(0.01, 0.05),
    stop=tenacity.stop_after_delay(_SQLITE_SECONDS),
    reraise=True,
)
def _write_ahead(connection: sqlite3.Connection) -> None:
    """Put a file into WAL mode, where it stays.

    SQLite's own patience does not cover this change: with another connection at work in
    a new file it fails at once.
    """
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode=WAL")
