"""Engines for the three databases, set up so that they behave alike."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

import sqlalchemy as sa
from oslo_config import cfg

from ipamd import config

# The driver of a URL that names none.
_DRIVERS = {
    "postgresql": "psycopg",
    "mysql": "pymysql",
    "mariadb": "pymysql",
    "sqlite": "pysqlite",
}


def make_engine(conf: cfg.ConfigOpts) -> sa.Engine:
    """Build the engine of ``[database] connection``.

    PostgreSQL and MariaDB run at READ COMMITTED: a statement after the block's lock
    sees what the lock's last holder committed.

    Raises: sqlalchemy.exc.ArgumentError when the URL is none, or of another database.
    """
    url = sa.make_url(config.database_url(conf))
    backend = url.get_backend_name()
    if backend not in _DRIVERS:
        raise sa.exc.ArgumentError(
            f"{backend} is not supported, it has to be one of {', '.join(_DRIVERS)}"
        )
    if url.drivername == backend:
        url = url.set(drivername=f"{backend}+{_DRIVERS[backend]}")
    if backend == "sqlite":
        return _sqlite_engine(url, conf)
    connect_args: dict[str, Any] = {"connect_timeout": conf.database.pool_timeout}
    if backend == "postgresql":
        # Timestamps are written in UTC and read as they are.
        connect_args["options"] = "-c timezone=UTC"
    else:
        url = url.update_query_dict({"charset": "utf8mb4"})
    return sa.create_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_size=conf.database.pool_size,
        max_overflow=conf.database.pool_size,
        pool_timeout=conf.database.pool_timeout,
        pool_pre_ping=True,
        # MariaDB's compiler tells the linter of none of the joins behind the first one.
        enable_from_linting=backend == "postgresql",
        connect_args=connect_args,
    )


def _sqlite_engine(url: sa.URL, conf: cfg.ConfigOpts) -> sa.Engine:
    if url.database and url.database != ":memory:":
        os.makedirs(os.path.dirname(os.path.abspath(url.database)), exist_ok=True)
    engine = sa.create_engine(
        url,
        pool_size=conf.database.pool_size,
        max_overflow=conf.database.pool_size,
        pool_timeout=conf.database.pool_timeout,
        # Transactions are begun by the hook below, not by the driver's guesses.
        connect_args={"timeout": 10.0, "check_same_thread": False, "isolation_level": None},
        poolclass=sa.QueuePool,
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in (
            "journal_mode=WAL",
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
