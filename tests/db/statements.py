"""Counting the SQL statements that reach the database, whoever sends them.

The drivers' own cursors count, and our pipeline: what goes past SQLAlchemy is seen as well.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import psycopg
import pymysql
import sqlalchemy as sa

from ipamd.db.database import Database
from ipamd.db.drivers import Done, Pipeline, Statement

# Sent around the statements of a request, not for it.
_FRAME = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA", "SET ", ";")
Note = Callable[[str, int], None]


@contextmanager
def counted(db: Database) -> Iterator[list[str]]:
    """Collect the statements executed meanwhile, without BEGIN and COMMIT.

    A statement with the parameters of many rows counts once for each time the server
    executes it: PyMySQL makes one multi-row INSERT of it, and with SQLite nothing travels.
    """
    found: list[str] = []

    def note(sql: str, times: int) -> None:
        if not sql.startswith(_FRAME):
            found.extend([sql] * times)

    more: dict[str, Callable[[], dict[str, Any]]] = {
        "sqlite": lambda: {"factory": _sqlite(note)},
        "postgresql": lambda: {"cursor_factory": _psycopg(note)},
        "mysql": lambda: {"cursorclass": _pymysql(note)},
    }

    def connect(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
        options.update(more[db.dialect]())

    def run(pipeline: Pipeline, statements: Sequence[Statement]) -> list[Done]:
        for statement in statements:
            note(statement.sql, 1)
        return plainly(pipeline, statements)

    db.engine.dispose()
    sa.event.listen(db.engine, "do_connect", connect)
    plainly = Pipeline.run
    try:
        with db.engine.connect():  # settings of a new connection are no statements of ours
            found.clear()
        with mock.patch.object(Pipeline, "run", run):
            yield found
    finally:
        sa.event.remove(db.engine, "do_connect", connect)
        db.engine.dispose()


def _sqlite(note: Note) -> type[sqlite3.Connection]:
    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *args: Any) -> Any:
            note(sql, 1)
            return super().execute(sql, *args)

        def executemany(self, sql: str, *args: Any) -> Any:
            note(sql, 1)
            return super().executemany(sql, *args)

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

    return Connection


def _psycopg(note: Note) -> type[psycopg.Cursor[Any]]:
    class Cursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **options: Any) -> Any:
            note(str(query), 1)
            return super().execute(query, *args, **options)

        def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
            rows = list(params_seq)
            note(str(query), len(rows))
            super().executemany(query, rows, **options)

    return Cursor


def _pymysql(note: Note) -> type[pymysql.cursors.Cursor]:
    class Cursor(pymysql.cursors.Cursor):
        def execute(self, query: Any, args: object = None) -> int:
            # executemany() comes by here with what it has made of its rows.
            begin = query[:100]
            note(begin if isinstance(begin, str) else bytes(begin).decode(errors="replace"), 1)
            return super().execute(query, args)

    return Cursor
