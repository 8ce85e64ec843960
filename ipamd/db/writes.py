"""Writes that are put off until the end of a transaction, and put together there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from ipamd.db.drivers import Statement


@dataclass(frozen=True, slots=True)
class Write(Statement):
    """An INSERT, UPDATE or DELETE."""

    table: str = field(kw_only=True)


def compose(writes: Iterable[Write]) -> Iterator[Write]:
    """Make one statement of consecutive writes to different tables (PostgreSQL).

    Within one statement no row may be changed twice, hence different tables.
    """
    group: list[Write] = []
    for write in writes:
        if write.many or any(write.table == other.table for other in group):
            yield from _composed(group)
            group = []
        if write.many:
            yield write
        else:
            group.append(write)
    yield from _composed(group)


def _composed(group: Sequence[Write]) -> Iterator[Write]:
    if len(group) < 2:
        yield from group
        return
    parameters = [value for write in group for value in write.parameters]
    sql = _with_clause(tuple(write.sql for write in group))
    yield Write(sql, parameters, table=group[-1].table)


@lru_cache
def _with_clause(statements: tuple[str, ...]) -> str:
    # WITH w0 AS (INSERT …), w1 AS (UPDATE …) INSERT …
    parts = ", ".join(f"w{number} AS ({sql})" for number, sql in enumerate(statements[:-1]))
    return f"WITH {parts} {statements[-1]}"
