"""What every noun needs: JSON shapes, pages of lists, timestamps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.db.outbox import timestamp

Resource = dict[str, Any]
Row = sa.Row[Any]
Owner = tuple[sa.ColumnElement[Any], str]


def page(
    tx: Transaction,
    name: str,
    statement: sa.Select[Any],
    key: sa.ColumnElement[str],
    show: Callable[[Row], Resource],
    limit: int | None,
    marker: str | None,
    within: Owner | None = None,
) -> Resource:
    """Read one page of a list: ``{name: […], "next_marker": id | null}``.

    Raises: ValidationError for a limit below 1.
    """
    rows, next_marker = read_page(tx, statement, key, limit, marker, within)
    return {name: [show(row) for row in rows], "next_marker": next_marker}


def read_page(
    tx: Transaction,
    statement: sa.Select[Any],
    key: sa.ColumnElement[Any],
    limit: int | None,
    marker: Any,
    within: Owner | None = None,
) -> tuple[Sequence[Row], str | None]:
    """Read the rows of one page, and the marker of the next one.

    Rows are ordered by ``key``; the page starts behind ``marker``, which need not exist
    (any more).  One row more than the page is read, to know whether another follows.
    ``within`` is the owner whose rows are wanted, where an index of owner and key exists:
    the list then is not read beyond the page, however many rows there are.

    Raises: ValidationError for a limit below 1.
    """
    size = page_size(tx, limit)
    if within is not None:
        statement = of_owner(tx.dialect, statement, key, marker, *within)
    elif marker is not None:
        statement = statement.where(key > marker)
    rows = tx.execute(statement.order_by(key).limit(size + 1)).all()
    last = rows[size - 1] if len(rows) > size else None
    return rows[:size], None if last is None else str(last._mapping[key])


def of_owner(
    dialect: str,
    statement: sa.Select[Any],
    key: sa.ColumnElement[Any],
    marker: Any,
    column: sa.ColumnElement[Any],
    owner: str | sa.ColumnElement[Any],
) -> sa.Select[Any]:
    """Have the engine walk along the index (owner, key), and along no other.

    With ``owner = x ORDER BY key`` the planners of PostgreSQL and MariaDB may walk along
    the primary key instead, past all the rows of others that came before.  A range of
    one owner, ordered by both, leaves them no choice.  SQLite prefers whatever index it
    finds an equality for, and is told which one to take.
    """
    beginning = column >= owner
    if marker is not None and dialect in ("mysql", "mariadb"):
        # MariaDB makes the range (x, m) … x of this, and nothing of a pair.
        beginning = sa.and_(beginning, sa.or_(column > owner, key > marker))
    elif marker is not None:
        whose = sa.literal(owner) if isinstance(owner, str) else owner
        pair = sa.tuple_(whose, sa.literal(marker, key.type))
        beginning = sa.tuple_(column, key) > pair
    statement = statement.where(beginning, column <= owner).order_by(column)
    table = getattr(column, "table", None)
    if dialect == "sqlite" and isinstance(table, sa.Table):
        index = _index(table, column, key)
        if index is not None:
            return statement.with_hint(table, f"INDEXED BY {index}", "sqlite")
    return statement


def _index(
    table: sa.Table, column: sa.ColumnElement[Any], key: sa.ColumnElement[Any]
) -> str | None:
    """Return the name of the index on ``column`` and ``key``; None where a constraint has it."""
    named = key.element if isinstance(key, sa.Label) else key
    for index in table.indexes:
        first, *more = index.columns
        if first is column and len(more) == 1 and more[0] is named:
            return str(index.name)
    return None


def page_size(tx: Transaction, limit: int | None) -> int:
    """Return the rows of a page: ``limit``, its default, at most the maximum.

    Raises: ValidationError for a limit below 1.
    """
    if limit is None:
        return int(tx.conf.api.default_limit)
    if limit < 1:
        raise errors.ValidationError(fields={"limit": ["limit should be a positive integer"]})
    return min(limit, int(tx.conf.api.max_limit))


def times(row: Row) -> Resource:
    """Return the two timestamps that every resource has."""
    return {"created_at": timestamp(row.created_at), "updated_at": timestamp(row.updated_at)}
