"""Equality that makes PostgreSQL walk along the index it is meant for.

With ``owner = x ORDER BY id LIMIT 1`` its planner may walk along the primary key instead,
past all the rows of others, and does so while a table has no statistics yet.  A range of
one owner, ordered by owner and id, leaves it no choice.  MariaDB and SQLite find the index
by the equality, and MariaDB would not find it by the range.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class along(FunctionElement[bool]):  # noqa: N801 - used as SQLAlchemy's own functions are
    """``column = value``, for a query that is ordered by ``column`` and the key."""

    type = sa.Boolean()
    inherit_cache = True

    def __init__(self, column: sa.ColumnElement[Any], value: sa.ColumnElement[Any]) -> None:
        super().__init__(column, value)

    def self_group(self, against: object = None) -> Any:
        """Stand among other conditions as it is: ``… = 1`` would hide it from MariaDB."""
        return self


@compiles(along)
def _equal(element: along, compiler: SQLCompiler, **more: Any) -> str:
    column, value = (compiler.process(each, **more) for each in element.clauses)
    return f"{column} = {value}"


@compiles(along, "postgresql")
def _range(element: along, compiler: SQLCompiler, **more: Any) -> str:
    column, value = (compiler.process(each, **more) for each in element.clauses)
    return f"{column} >= {value} AND {column} <= {value}"
