"""Reading much without holding it: pages along a key, all of them of one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from ipamd.db.database import Database

PAGE = 2000

Row = sa.Row[Any]


@contextmanager
def reader(db: Database) -> Iterator[sa.Connection]:
    """Open a connection of which each transaction sees the store at one moment.

    SQLite's read transactions do so by themselves.
    """
    with db.engine.connect() as connection:
        connection.execution_options(ipamd_read_only=True)
        if db.dialect != "sqlite":
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def pages(
    connection: sa.Connection,
    statement: sa.Select[Any],
    *key: sa.ColumnElement[Any],
    tick: Callable[[int], None] | None = None,
) -> Iterator[Row]:
    """Yield the rows of ``statement`` in the order of a unique ``key`` of its columns.

    ``tick`` is told the number of rows of each page that was read.
    """
    ordered = statement.order_by(*key).limit(PAGE)
    page = connection.execute(ordered).all()
    while True:
        if tick is not None:
            tick(len(page))
        yield from page
        if len(page) < PAGE:
            return
        last = [page[-1]._mapping[column] for column in key]
        page = connection.execute(ordered.where(_behind(key, last))).all()


def _behind(key: Sequence[sa.ColumnElement[Any]], last: Sequence[Any]) -> sa.ColumnElement[bool]:
    # (a, b) > (x, y), written so that every engine walks along an index:
    # a >= x AND (a > x OR b > y)
    first, *others = key
    beyond: sa.ColumnElement[bool] = first > last[0]
    if not others:
        return beyond
    return sa.and_(first >= last[0], sa.or_(beyond, _behind(others, last[1:])))
