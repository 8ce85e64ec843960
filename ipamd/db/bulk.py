"""Many rows in one statement, on each of the three databases the fastest way it has.

PostgreSQL unnests one array per column; PyMySQL rewrites an executemany INSERT into one
of many rows; SQLite takes a hundred rows at a time.  What is inserted here is put off until
the transaction's next statement, and goes by the driver itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from ipamd.db import arrays
from ipamd.db.prepared import Convert, bind_converter
from ipamd.db.writes import Write

if TYPE_CHECKING:
    from ipamd.db.database import Transaction

Rows = Sequence[Mapping[str, Any]]
T = TypeVar("T")
_MANY = 10_000
# Parameters that any build of SQLite takes.  Rows inserted together up to that number take
# two thirds of the time that they take one by one.
_SQLITE_PARAMETERS = 999


def insert(tx: Transaction, table: sa.Table, rows: Rows) -> None:
    """Insert ``rows``, all with the same keys, as one statement."""
    if rows:
        _put_off(tx, table, rows, "")


def upsert(tx: Transaction, table: sa.Table, rows: Rows, changed: str) -> None:
    """Insert ``rows``, or set the column ``changed`` of those whose primary key exists."""
    if rows:
        _put_off(tx, table, rows, _upsert_tail(table, changed, tx.dialect))


def delete(tx: Transaction, table: sa.Table, keys: Rows) -> None:
    """Delete the rows with the primary keys ``keys``, all of it as one statement.

    MariaDB takes one statement for each value of the first part of the key.
    """
    if not keys:
        return
    if tx.dialect in ("mysql", "mariadb"):
        *owners, last = table.primary_key.columns
        groups: dict[tuple[Any, ...], list[Any]] = {}
        for key in keys:
            groups.setdefault(tuple(key[c.name] for c in owners), []).append(key[last.name])
        for values, members in groups.items():
            same = [column == value for column, value in zip(owners, values, strict=True)]
            for portion in portions(tx, members):
                tx.execute(sa.delete(table).where(*same, last.in_(portion)))
        return
    statement = _statement(table, tuple(keys[0]), tx.connection.dialect)
    condition = statement.conditions
    if tx.dialect == "sqlite":
        sql = f'DELETE FROM "{table.name}" WHERE {condition}'  # noqa: S608 - our own names
        tx.put_off(Write(sql, [statement.bind(key) for key in keys], many=True, table=table.name))
    elif len(keys) == 1:
        # What an allocation deletes; a join with an array of one takes several times as long.
        sql = f'DELETE FROM "{table.name}" WHERE {statement.one}'  # noqa: S608
        tx.put_off(Write(sql, statement.bind(keys[0]), table=table.name))
    else:
        sql = (
            f'DELETE FROM "{table.name}" USING {statement.arrays} '  # noqa: S608
            f"AS given({statement.names}) WHERE {condition}"
        )
        tx.put_off(Write(sql, statement.bind_columns(keys), table=table.name))


def _put_off(tx: Transaction, table: sa.Table, rows: Rows, tail: str) -> None:
    statement = _statement(table, tuple(rows[0]), tx.connection.dialect)
    if len(rows) == 1:
        sql = f"{statement.values}{tail}"
        tx.put_off(Write(sql, statement.bind(rows[0]), table=table.name))
    elif tx.dialect == "postgresql":
        # INSERT INTO t (a, b) SELECT * FROM unnest(%s::text[], %s::bytea[]) ON CONFLICT …
        sql = f"{statement.into} SELECT * FROM {statement.arrays}{tail}"  # noqa: S608
        tx.put_off(Write(sql, statement.bind_columns(rows), table=table.name))
    else:
        bound = [statement.bind(row) for row in rows]
        size = statement.rows_at_once
        whole = len(bound) // size * size if tx.dialect == "sqlite" else 0
        if whole:
            groups = [
                list(chain.from_iterable(bound[start : start + size]))
                for start in range(0, whole, size)
            ]
            sql = f"{statement.values_of_many}{tail}"
            tx.put_off(Write(sql, groups, many=True, table=table.name))
            bound = bound[whole:]
        if bound:
            sql = f"{statement.values}{tail}"
            tx.put_off(Write(sql, bound, many=True, table=table.name))


class _Statement:
    """The parts of statements with certain columns of a table, for one dialect."""

    def __init__(self, table: sa.Table, names: tuple[str, ...], dialect: sa.Dialect) -> None:
        quote = dialect.identifier_preparer.quote_identifier
        sign = "?" if dialect.paramstyle == "qmark" else "%s"
        kinds = [table.c[name].type for name in names]
        self._converters: list[tuple[str, Convert]] = [
            (name, bind_converter(kind, dialect)) for name, kind in zip(names, kinds, strict=True)
        ]
        self.names = ", ".join(quote(name) for name in names)
        self.into = f"INSERT INTO {quote(table.name)} ({self.names})"
        one_row = f"({', '.join(sign for _ in names)})"
        self.values = f"{self.into} VALUES {one_row}"
        self.rows_at_once = max(1, _SQLITE_PARAMETERS // len(names))
        self.values_of_many = f"{self.into} VALUES {', '.join([one_row] * self.rows_at_once)}"
        if dialect.name == "postgresql":
            typed = ", ".join(f"%s::{kind.compile(dialect=dialect)}[]" for kind in kinds)
            self.arrays = f"unnest({typed})"
            pairs = [f"{quote(table.name)}.{quote(n)} = given.{quote(n)}" for n in names]
        else:
            pairs = [f"{quote(name)} = {sign}" for name in names]
        self.conditions = " AND ".join(pairs)
        # The same for one row, given by plain parameters.
        self.one = " AND ".join(f"{quote(name)} = {sign}" for name in names)

    def bind(self, row: Mapping[str, Any]) -> list[Any]:
        """Return the parameters of one row."""
        return [
            row[name] if convert is None else convert(row[name])
            for name, convert in self._converters
        ]

    def bind_columns(self, rows: Rows) -> list[str]:
        """Return the parameters of many rows: an array for each column."""
        return [
            arrays.literal(
                [row[name] for row in rows]
                if convert is None
                else [convert(row[name]) for row in rows]
            )
            for name, convert in self._converters
        ]


@lru_cache
def _statement(table: sa.Table, names: tuple[str, ...], dialect: sa.Dialect) -> _Statement:
    return _Statement(table, names, dialect)


@lru_cache
def _upsert_tail(table: sa.Table, changed: str, dialect: str) -> str:
    if dialect in ("mysql", "mariadb"):
        return f" ON DUPLICATE KEY UPDATE {changed} = VALUES({changed})"
    keys = ", ".join(column.name for column in table.primary_key)
    return f" ON CONFLICT ({keys}) DO UPDATE SET {changed} = excluded.{changed}"


def by_ids(
    tx: Transaction,
    statement: Callable[[sa.ColumnElement[bool]], sa.Executable],
    column: sa.ColumnElement[str],
    ids: Sequence[str],
) -> None:
    """Execute ``statement(condition)`` for the rows whose ``column`` is one of ``ids``.

    One statement with an array on PostgreSQL; elsewhere one for each 10,000 ids, since
    the number of bind parameters has a limit.
    """
    for condition in _conditions(tx, column, ids):
        tx.execute(statement(condition))


def select_by_ids(
    tx: Transaction,
    statement: Callable[[sa.ColumnElement[bool]], sa.Executable],
    column: sa.ColumnElement[str],
    ids: Sequence[str],
) -> list[sa.Row[Any]]:
    """Read the rows of ``statement(condition)``, as ``by_ids`` executes it."""
    found: list[sa.Row[Any]] = []
    for condition in _conditions(tx, column, ids):
        found += tx.execute(statement(condition)).all()
    return found


def portions(tx: Transaction, members: Sequence[T]) -> list[Sequence[T]]:
    """Cut a list into those that one statement takes: on PostgreSQL any, elsewhere 10,000."""
    if not members or tx.dialect == "postgresql":
        return [members] if members else []
    return [members[start : start + _MANY] for start in range(0, len(members), _MANY)]


def _conditions(
    tx: Transaction, column: sa.ColumnElement[str], ids: Sequence[str]
) -> list[sa.ColumnElement[bool]]:
    if not ids:
        return []
    if tx.dialect == "postgresql":
        array = sa.bindparam("ids", list(ids), type_=postgresql.ARRAY(sa.String))
        return [column == sa.any_(array)]
    return [column.in_(portion) for portion in portions(tx, ids)]
