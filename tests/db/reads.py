"""Counting what the database itself does for a request, beneath the statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import sqlalchemy as sa

from ipamd.db.database import Database
from ipamd.db.drivers import Done, Pipeline, Statement

_POSTGRESQL = """
    SELECT coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)
    FROM pg_stat_xact_user_tables
"""
_MARIADB = """
    SELECT sum(variable_value) FROM information_schema.session_status
    WHERE variable_name LIKE 'Handler_read_%'
"""


class Reads:
    """How much was read: rows, or on SQLite the steps of its virtual machine.

    On MariaDB the look at its counters adds a few rows of its own, always as many.
    """

    def __init__(self) -> None:
        self.rows = 0


@contextmanager
def counted_reads(db: Database) -> Iterator[Reads]:
    """Count the rows that transactions read meanwhile, from tables and indexes alike."""
    reads = Reads()
    before: dict[int, int] = {}
    counters = _POSTGRESQL if db.dialect == "postgresql" else _MARIADB

    def begun(connection: sa.Connection) -> None:
        if db.dialect == "sqlite":
            _count_steps(connection, reads)
        else:
            before[id(connection)] = _scalar(connection, counters)

    def committed(connection: sa.Connection) -> None:
        if db.dialect == "sqlite":
            _driver(connection).set_progress_handler(None, 0)
        else:
            reads.rows += _scalar(connection, counters) - before.pop(id(connection))

    def run(pipeline: Pipeline, statements: Sequence[Statement]) -> list[Done]:
        # The counters are those of the transaction: they are read before it ends.
        if statements and statements[-1].sql == "COMMIT":
            statements = statements[:-1]
        return plainly(pipeline, statements)

    sa.event.listen(db.engine, "begin", begun)
    sa.event.listen(db.engine, "commit", committed)
    plainly = Pipeline.run
    try:
        with mock.patch.object(Pipeline, "run", run):
            yield reads
    finally:
        sa.event.remove(db.engine, "begin", begun)
        sa.event.remove(db.engine, "commit", committed)


def _count_steps(connection: sa.Connection, reads: Reads) -> None:
    def step() -> int:
        reads.rows += 1
        return 0

    _driver(connection).set_progress_handler(step, 1)


def _driver(connection: sa.Connection) -> sqlite3.Connection:
    found: Any = connection.connection.dbapi_connection
    assert isinstance(found, sqlite3.Connection)
    return found


def _scalar(connection: sa.Connection, sql: str) -> int:
    cursor = connection.connection.cursor()
    try:
        cursor.execute(sql)
        row = cursor.fetchone()
        assert row is not None
        return int(row[0])
    finally:
        cursor.close()
