"""Lists of any resource by filters and order, over all tenants or for one.

Filters (see ``filters``) are joined by AND.  Order is by ``field[:asc|desc]``, then by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ipamd.db.database import Transaction
from ipamd.operations.common import Resource, page_size
from ipamd.operations.filters import Condition, condition, wrong
from ipamd.operations.kinds import KINDS, Kind
from ipamd.operations.ways import Ways

MAX_SORT_KEYS = 5
MAX_CONDITIONS = 50


def query_resources(
    tx: Transaction,
    kind: str,
    tenant_id: str | None = None,
    filters: Resource | None = None,
    sort: list[Any] | None = None,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List resources of a kind: ``{kind: […], next_marker}``.

    ``tenant_id`` keeps those that the tenant owns or leases.  ``filters`` maps fields to
    a text, or a list of texts that must all hold.  ``marker`` is the last id of the page
    before.

    Raises: ValidationError for an unknown kind, field, value or marker
    """
    found = KINDS.get(kind)
    if found is None:
        raise wrong("kind", f"kind should be one among {', '.join(KINDS)}")
    size = page_size(tx, limit)
    statement = found.statement
    statement = statement.where(*_conditions(found, filters or {}))
    order = _order(found, sort or [])
    if marker is not None:
        statement = statement.where(_behind(tx, found, order, marker))
    columns = [column.desc() if down else column.asc() for column, down in order]
    if tenant_id is not None and found.owners:
        by_key = marker if len(order) == 1 else None
        ways = Ways(tx.dialect, found, columns, by_key, size + 1, is_by_key=len(order) == 1)
        statement = ways.keep(statement, tenant_id)
    rows = tx.execute(statement.order_by(*columns).limit(size + 1)).all()
    return {
        kind: found.show(tx, rows[:size]),
        "next_marker": rows[size - 1].id if len(rows) > size else None,
    }


def _conditions(kind: Kind, filters: Resource) -> list[Condition]:
    wanted = [
        (name, text)
        for name, given in filters.items()
        for text in (given if isinstance(given, list) else [given])
    ]
    if len(wanted) > MAX_CONDITIONS:
        raise wrong("filters", f"filters can be {MAX_CONDITIONS} at most")
    return [condition(kind.fields, name, text) for name, text in wanted]


def _order(kind: Kind, sort: Sequence[Any]) -> list[tuple[sa.ColumnElement[Any], bool]]:
    if len(sort) > MAX_SORT_KEYS:
        raise wrong("sort", f"sort can be by {MAX_SORT_KEYS} fields at most")
    order = []
    for part in sort:
        name, _, direction = str(part).partition(":")
        field = kind.fields.get(name)
        if field is None or not field.sortable or direction not in ("", "asc", "desc"):
            raise wrong("sort", f"sort can not be by {str(part)[:80]}")
        order.append((field.column, direction == "desc"))
    return [*order, (kind.key, False)]


def _behind(
    tx: Transaction,
    kind: Kind,
    order: Sequence[tuple[sa.ColumnElement[Any], bool]],
    marker: str,
) -> sa.ColumnElement[bool]:
    """Build the condition of the rows that follow the marker's row in ``order``."""
    if len(order) == 1:
        return kind.key > marker
    columns = [column for column, _ in order]
    inner = kind.statement.with_only_columns(*columns).where(kind.key == marker)
    last = tx.execute(inner).first()
    if last is None:
        raise wrong("marker", "marker is gone")
    # (a > x) OR (a = x AND b > y) OR (a = x AND b = y AND id > z)
    alternatives = []
    for position, (column, down) in enumerate(order):
        same = [columns[n] == last[n] for n in range(position)]
        beyond = column < last[position] if down else column > last[position]
        alternatives.append(sa.and_(*same, beyond))
    return sa.or_(*alternatives)
