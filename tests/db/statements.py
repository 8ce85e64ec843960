"""Counting the SQL statements that reach the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from ipamd.db.database import Database


@contextmanager
def counted(db: Database) -> Iterator[list[str]]:
    """Collect the statements executed meanwhile, without BEGIN and COMMIT.

    A statement with many rows of parameters counts as often as the server executes it:
    once for each row, except where the driver makes one multi-row INSERT of it (PyMySQL)
    or nothing travels at all (SQLite).
    """
    found: list[str] = []

    def note(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, _: Any, many: bool
    ) -> None:
        if statement.startswith("BEGIN"):
            return
        at_once = db.dialect == "sqlite" or (
            db.dialect in ("mysql", "mariadb") and statement.startswith("INSERT")
        )
        found.extend([statement] * (1 if not many or at_once else len(parameters)))

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)
