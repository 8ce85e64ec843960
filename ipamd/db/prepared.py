"""Statements of the hot path: compiled once, and executed by the driver itself.

A Core statement costs four to five times what the driver needs for it, nearly all of it
in preparing the execution and the result anew each time.  Here both are worked out once
for a dialect; types are converted as Core would.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from ipamd.db import arrays
from ipamd.db.drivers import Done, Statement
from ipamd.db.writes import Write

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler

    from ipamd.db.database import Transaction

Convert = Callable[[Any], Any] | None
# Where SQLAlchemy puts parameters: psycopg's by name, the others' by position, and lists.
_PLACES = re.compile(r"%\((\w+)\)s|%s|\?|IN \(__\[POSTCOMPILE_(\w+)\]\)")
_MARKS = {"qmark": "?", "format": "%s", "pyformat": "%s"}


class _Parameter:
    """A bind parameter: its value unless another is given, and its conversion."""

    __slots__ = ("array", "convert", "fixed", "is_list", "name")

    def __init__(
        self, name: str, bind: sa.BindParameter[Any], fixed: Any, dialect: sa.Dialect
    ) -> None:
        self.name = name
        self.fixed = fixed
        self.convert = bind_converter(bind.type, dialect)
        self.is_list = bool(bind.expanding)
        self.array = dialect.name == "postgresql"

    def append_to(self, bound: list[Any], value: Any) -> None:
        """Add what the driver is given for ``value``."""
        convert = self.convert
        if not self.is_list:
            bound.append(value if convert is None or value is None else convert(value))
            return
        values = value if convert is None else [convert(each) for each in value]
        if self.array:
            bound.append(arrays.literal(values))
        else:
            bound.extend(values)


class _Compiled:
    """A statement as one dialect has it: SQL with positions, and the conversions."""

    def __init__(self, statement: sa.ClauseElement, dialect: sa.Dialect) -> None:
        compiled = cast("SQLCompiler", statement.compile(dialect=dialect))
        self._mark = _MARKS[dialect.paramstyle]
        self.parameters: list[_Parameter] = []
        self._pieces: list[str] = []
        positions = iter(compiled.positiontup or ())
        end = 0
        for place in _PLACES.finditer(compiled.string):
            name = place[1] or place[2]
            if compiled.positiontup is not None:
                name = next(positions)
            bind = compiled.binds[name]
            self.parameters.append(_Parameter(name, bind, compiled.params[name], dialect))
            piece = compiled.string[end : place.start()]
            if place[2] and dialect.name == "postgresql":
                kind = bind.type.compile(dialect=dialect)
                self._pieces += [piece, f"= ANY(%s::{kind}[])"]
            else:
                self._pieces += [piece, self._mark]
            end = place.end()
        self._pieces.append(compiled.string[end:])
        lists = any(each.is_list for each in self.parameters)
        self._varies = lists and dialect.name != "postgresql"
        self._sql = "".join(self._pieces)
        self._is_select = isinstance(statement, sa.Select)
        if isinstance(statement, sa.Select):
            columns = statement.selected_columns
            row_type: Any = namedtuple("Row", columns.keys())  # type: ignore[misc]
            self._make_row: Callable[[Any], Any] = row_type._make
            found = [result_converter(column.type, dialect) for column in columns]
            self._conversions = [(n, convert) for n, convert in enumerate(found) if convert]

    def bind(self, values: Mapping[str, Any]) -> Statement:
        """Return the SQL and its parameters in their order, as the driver wants them."""
        bound: list[Any] = []
        for parameter in self.parameters:
            parameter.append_to(bound, values.get(parameter.name, parameter.fixed))
        return Statement(self._for_lists(values) if self._varies else self._sql, bound)

    def _for_lists(self, values: Mapping[str, Any]) -> str:
        pieces = list(self._pieces)
        for number, parameter in enumerate(self.parameters):
            if parameter.is_list:
                marks = ", ".join([self._mark] * len(values[parameter.name]))
                pieces[2 * number + 1] = f"IN ({marks})"
        return "".join(pieces)

    def result(self, done: Done) -> Any:
        """Return the rows of a SELECT, columns as attributes; else how many were changed."""
        return [self._row(raw) for raw in done.rows] if self._is_select else done.affected

    def _row(self, raw: Sequence[Any]) -> Any:
        values = list(raw)
        for position, convert in self._conversions:
            values[position] = convert(values[position])
        return self._make_row(values)


class Prepared:
    """A statement whose values are bind parameters, lists (``expanding``) among them.

    A list is not empty; on MariaDB and SQLite it has at most some ten thousand members.
    """

    def __init__(self, statement: sa.ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def fetch(self, tx: Transaction, values: Mapping[str, Any]) -> list[Any]:
        """Execute a SELECT and return its rows, columns as attributes."""
        (rows,) = together(tx, (self, values))
        return cast("list[Any]", rows)

    def apply(self, tx: Transaction, values: Mapping[str, Any]) -> int:
        """Execute a change and return how many rows it found."""
        (count,) = together(tx, (self, values))
        return cast("int", count)

    def put_off(self, tx: Transaction, table: sa.Table, values: Mapping[str, Any]) -> None:
        """Have a change of ``table`` done before the next statement, or at the end."""
        statement = self.compiled(tx).bind(values)
        tx.put_off(Write(statement.sql, statement.parameters, table=table.name))

    def compiled(self, tx: Transaction) -> _Compiled:
        """Return the statement as the transaction's database has it."""
        compiled = self._compiled.get(tx.dialect)
        if compiled is None:
            compiled = _Compiled(self._statement, tx.connection.dialect)
            self._compiled[tx.dialect] = compiled
        return compiled


def together(tx: Transaction, *asked: tuple[Prepared, Mapping[str, Any]]) -> list[Any]:
    """Execute statements with their values, PostgreSQL in one round trip.

    Returns for each what ``fetch`` or ``apply`` does: rows of a SELECT, else a number.
    """
    bound = [(prepared.compiled(tx), values) for prepared, values in asked]
    done = tx.run([compiled.bind(values) for compiled, values in bound])
    return [compiled.result(each) for (compiled, _), each in zip(bound, done, strict=True)]


def bind_converter(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Convert:
    """Return what makes the driver's value of one of ours; None: they are the same."""
    return kind.dialect_impl(dialect).bind_processor(dialect)


def result_converter(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Convert:
    """Return what makes our value of the driver's; None: they are the same."""
    return kind.dialect_impl(dialect).result_processor(dialect, None)
