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

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler

    from ipamd.db.database import Transaction

Convert = Callable[[Any], Any] | None
_NAMED = re.compile(r"%\((\w+)\)s")


class _Compiled:
    """A statement as one dialect has it: SQL with positions, and the conversions."""

    def __init__(self, statement: sa.ClauseElement, dialect: sa.Dialect) -> None:
        compiled = cast("SQLCompiler", statement.compile(dialect=dialect))
        if compiled.positiontup is None:
            # psycopg's named parameters, which it would only put in order again.
            names = _NAMED.findall(compiled.string)
            self.sql = _NAMED.sub("%s", compiled.string)
        else:
            names = compiled.positiontup
            self.sql = compiled.string
        fixed = compiled.params
        self.parameters: list[tuple[str, Any, Convert]] = [
            (name, fixed[name], bind_converter(compiled.binds[name].type, dialect))
            for name in names
        ]
        if isinstance(statement, sa.Select):
            columns = statement.selected_columns
            row_type: Any = namedtuple("Row", columns.keys())  # type: ignore[misc]
            self.make_row: Callable[[Any], Any] = row_type._make
            found = [result_converter(column.type, dialect) for column in columns]
            self.conversions = [(n, convert) for n, convert in enumerate(found) if convert]

    def bind(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the parameters in their order, as the driver wants them."""
        bound = []
        for name, fixed, convert in self.parameters:
            value = values.get(name, fixed)
            bound.append(value if convert is None or value is None else convert(value))
        return bound

    def read(self, raw: Sequence[Any]) -> Any:
        """Return a row with its columns as attributes."""
        values = list(raw)
        for position, convert in self.conversions:
            values[position] = convert(values[position])
        return self.make_row(values)


class Prepared:
    """A statement with bind parameters only; no lists that expand."""

    def __init__(self, statement: sa.ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def fetch(self, tx: Transaction, values: Mapping[str, Any]) -> list[Any]:
        """Execute a SELECT and return its rows, columns as attributes."""
        compiled = self._for(tx)
        raw = tx.driver_fetch(compiled.sql, compiled.bind(values))
        return [compiled.read(row) for row in raw]

    def apply(self, tx: Transaction, values: Mapping[str, Any]) -> int:
        """Execute a change and return how many rows it found."""
        compiled = self._for(tx)
        return tx.driver_apply(compiled.sql, compiled.bind(values))

    def bind(self, tx: Transaction, values: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """Return SQL and parameters, to be executed later."""
        compiled = self._for(tx)
        return compiled.sql, compiled.bind(values)

    def _for(self, tx: Transaction) -> _Compiled:
        compiled = self._compiled.get(tx.dialect)
        if compiled is None:
            compiled = _Compiled(self._statement, tx.connection.dialect)
            self._compiled[tx.dialect] = compiled
        return compiled


def bind_converter(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Convert:
    """Return what makes the driver's value of one of ours; None: they are the same."""
    return kind.dialect_impl(dialect).bind_processor(dialect)


def result_converter(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Convert:
    """Return what makes our value of the driver's; None: they are the same."""
    return kind.dialect_impl(dialect).result_processor(dialect, None)
