"""What sends the hot path's statements to a database: past SQLAlchemy, by its connection.

PostgreSQL gets those that are ready at the same time in one round trip (libpq's pipeline
mode), BEGIN before the first of them and COMMIT behind the last ones.  A cursor of the other
drivers executes them one after the other.

Source: PostgreSQL's manual, "Pipeline Mode"; psycopg's, ``psycopg.pq`` and ``Transformer``.
"""

from __future__ import annotations

import itertools
import re
import select
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import psycopg
import sqlalchemy as sa
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result

_MOST_PREPARED = 300
"""Statements that a connection keeps prepared; those beyond are parsed each time."""
_DONE = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
_COPIES = (pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT, pq.ExecStatus.COPY_BOTH)
_PLACE = re.compile("%([s%])")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL in the driver's own spelling, with its parameters by position.

    ``many``: ``parameters`` are those of many rows.
    """

    sql: str
    parameters: Sequence[Any] = ()
    many: bool = False


class Done(NamedTuple):
    """What came of a statement: raw rows, and how many it returned or changed."""

    rows: Sequence[Any]
    affected: int


class Driver(Protocol):
    """A connection in a transaction, to be given statements.

    Errors are those of the DB-API module.
    """

    def run(self, statements: Sequence[Statement]) -> list[Done]:
        """Execute statements in their order; none behind the first that fails."""

    def run_and_commit(self, statements: Sequence[Statement]) -> None:
        """Execute the last statements of a transaction, and commit if that saves a trip."""


def driver_of(connection: sa.Connection) -> Driver:
    """Return the driver of a connection that SQLAlchemy has begun a transaction on."""
    pooled: Any = connection.connection
    if connection.dialect.driver != "psycopg":
        return _Cursor(pooled.cursor())
    found = pooled.info.get(Pipeline)
    if found is None:
        found = pooled.info[Pipeline] = Pipeline(pooled.driver_connection)
    return found  # type: ignore[no-any-return]


# The engine's isolation level is psycopg's word when it begins a transaction, not the server's.
_BEGIN = Statement("BEGIN ISOLATION LEVEL READ COMMITTED")
_COMMIT = Statement("COMMIT")


class _Cursor:
    """A cursor as the DB-API has it."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def run(self, statements: Sequence[Statement]) -> list[Done]:
        return [self._done(statement) for statement in statements]

    def run_and_commit(self, statements: Sequence[Statement]) -> None:
        self.run(statements)

    def _done(self, statement: Statement) -> Done:
        cursor = self._cursor
        execute = cursor.executemany if statement.many else cursor.execute
        execute(statement.sql, statement.parameters)
        rows = () if cursor.description is None else cursor.fetchall()
        return Done(rows, cursor.rowcount)


class Pipeline:
    """A connection of psycopg's, with libpq beneath it.

    psycopg's own cursors cost several times the CPU time that libpq needs.  Statements are
    prepared when they are first seen.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._libpq = connection.pgconn
        self._prepared: dict[bytes, bytes] = {}
        self._names = itertools.count()
        self._types = Transformer(connection)
        self._encoding = connection.info.encoding
        self._readable, self._either = select.poll(), select.poll()
        self._readable.register(self._libpq.socket, select.POLLIN)
        self._either.register(self._libpq.socket, select.POLLIN | select.POLLOUT)

    def run(self, statements: Sequence[Statement]) -> list[Done]:
        """Execute statements in one round trip, in the transaction or as its first ones."""
        if self._libpq.transaction_status != pq.TransactionStatus.IDLE:
            return self._travel(statements)
        return self._travel([_BEGIN, *statements])[1:]

    def run_and_commit(self, statements: Sequence[Statement]) -> None:
        """Execute statements and commit, in one round trip."""
        self.run([*statements, _COMMIT])

    def _travel(self, statements: Sequence[Statement]) -> list[Done]:
        libpq = self._libpq
        # Before anything is sent: a value that is none for the database costs no connection.
        bound = [(_numbered(each.sql), self._bound(each.parameters)) for each in statements]
        libpq.enter_pipeline_mode()
        try:
            new = [self._send(sql, values) for sql, values in bound]
            libpq.pipeline_sync()
            results = self._results()
        except BaseException:
            # Answers still on their way would be taken for those to what is sent next.
            libpq.finish()
            raise
        libpq.exit_pipeline_mode()
        return self._read(new, results)

    def _bound(self, parameters: Sequence[Any]) -> Sequence[Any] | None:
        """Convert a statement's parameters to what libpq takes."""
        if not parameters:
            return None
        as_text = [PyFormat.TEXT] * len(parameters)
        return self._types.dump_sequence(parameters, as_text)

    def _send(self, sql: bytes, bound: Sequence[Any] | None) -> tuple[bytes, bytes] | None:
        """Send a statement; if it is prepared with it, return its SQL and its new name."""
        name = self._prepared.get(sql)
        if name is not None:
            self._libpq.send_query_prepared(name, bound)
            return None
        if len(self._prepared) >= _MOST_PREPARED:
            self._libpq.send_query_params(sql, bound)
            return None
        name = b"ipamd_%d" % next(self._names)
        self._libpq.send_prepare(name, sql)
        self._libpq.send_query_prepared(name, bound)
        return sql, name

    def _results(self) -> list[Any]:
        """Receive everything up to the end of the pipeline, which is not returned."""
        libpq = self._libpq
        results: list[Any] = []
        while libpq.flush():
            self._either.poll()
            libpq.consume_input()
        while True:
            while libpq.is_busy():
                self._readable.poll()
                libpq.consume_input()
            result = libpq.get_result()
            if result is None:  # the end of one statement's results
                if libpq.status == pq.ConnStatus.BAD:
                    message = libpq.error_message.decode(errors="replace").strip()
                    raise psycopg.OperationalError(message)
            elif result.status == pq.ExecStatus.PIPELINE_SYNC:
                return results
            elif result.status in _COPIES:  # it would never end
                raise psycopg.NotSupportedError("COPY goes by a cursor")
            else:
                results.append(result)

    def _read(self, new: Sequence[tuple[bytes, bytes] | None], results: list[Any]) -> list[Done]:
        found = []
        received = iter(results)
        for prepared in new:
            if prepared is not None:
                self._check(next(received))
                self._prepared[prepared[0]] = prepared[1]
            found.append(self._done(next(received)))
        return found

    def _done(self, result: Any) -> Done:
        self._check(result)
        if result.status != pq.ExecStatus.TUPLES_OK:
            return Done((), result.command_tuples or 0)
        self._types.set_pgresult(result)
        return Done(self._types.load_rows(0, result.ntuples, tuple), result.ntuples)

    def _check(self, result: Any) -> None:
        if result.status not in _DONE:
            error = error_from_result(result, self._encoding)
            if isinstance(error, psycopg.errors.InvalidSqlStatementName):
                # Somebody made the server forget them: psycopg does when a savepoint is
                # rolled back or a table changed by its cursors.
                self._prepared.clear()
            raise error


def roll_back(connection: Any) -> None:
    """Roll back as ``connection.rollback()`` does, and leave what is prepared as it is.

    psycopg would have the server forget all of it, ours with its own.  ``connection`` is the
    pool's, which stands for psycopg's and has an ``info`` of its own.
    """
    libpq = connection.pgconn
    if connection.closed or libpq.transaction_status == pq.TransactionStatus.IDLE:
        connection.rollback()  # an error, or nothing
        return
    result = libpq.exec_(b"ROLLBACK")
    if result.status != pq.ExecStatus.COMMAND_OK:
        raise error_from_result(result, connection.driver_connection.info.encoding)


@lru_cache(maxsize=1000)
def _numbered(sql: str) -> bytes:
    """Write the places of parameters as the server wants them: ``%s, %s`` → ``$1, $2``."""
    numbers = itertools.count(1)
    return _PLACE.sub(lambda place: f"${next(numbers)}" if place[1] == "s" else "%", sql).encode()
