"""What every noun needs: JSON shapes, pages of lists, timestamps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.db.outbox import timestamp

Resource = dict[str, Any]
Row = sa.Row[Any]


def page(
    tx: Transaction,
    name: str,
    statement: sa.Select[Any],
    key: sa.ColumnElement[str],
    show: Callable[[Row], Resource],
    limit: int | None,
    marker: str | None,
) -> Resource:
    """Read one page of a list: ``{name: […], "next_marker": id | null}``.

    Rows are ordered by ``key``; the page starts behind ``marker``, which need not exist
    (any more).  One row more than the page is read, to know whether another follows.

    Raises: ValidationError for a limit below 1.
    """
    size = page_size(tx, limit)
    if marker is not None:
        statement = statement.where(key > marker)
    rows = tx.execute(statement.order_by(key).limit(size + 1)).all()
    return {
        name: [show(row) for row in rows[:size]],
        "next_marker": rows[size - 1].id if len(rows) > size else None,
    }


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
