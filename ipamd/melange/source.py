"""Reading a Melange database: SQLite, MySQL or PostgreSQL, as it is at one moment.

Columns are read without types: the same column is an integer here and a boolean there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from ipamd.db.engine import DRIVERS

PAGE = 1000

Row = dict[str, Any]

# The tables and the columns without which nothing can be moved.
_NEEDED = {
    "ip_blocks": ("id", "cidr", "type", "tenant_id", "network_id", "parent_id", "gateway"),
    "ip_addresses": ("id", "address", "ip_block_id", "interface_id", "marked_for_deallocation"),
    "interfaces": ("id", "device_id", "tenant_id"),
}


class NotMelangeError(Exception):
    """The database cannot be opened, or is none of Melange; one sentence."""


class Source:
    """The tables of a Melange database, on one connection in one transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        inspector = sa.inspect(connection)
        names = set(inspector.get_table_names())
        self._tables = {
            name: sa.table(name, *(sa.column(c["name"]) for c in inspector.get_columns(name)))
            for name in names
        }
        for name, columns in _NEEDED.items():
            lacking = [c for c in columns if name not in names or c not in self._tables[name].c]
            if lacking:
                raise NotMelangeError(
                    f"this is not a database of Melange: it has no {name}.{lacking[0]}"
                )

    def columns(self, table: str) -> set[str]:
        """Return the names of a table's columns; none when it does not exist."""
        return set(self._tables[table].c.keys()) if table in self._tables else set()

    def count(self, table: str) -> int:
        """Return how many rows a table has; none when it does not exist."""
        if table not in self._tables:
            return 0
        counted = sa.select(sa.func.count()).select_from(self._tables[table])
        return int(self._connection.execute(counted).scalar_one())

    def pages(self, table: str) -> Iterator[list[Row]]:
        """Yield the rows of a table in the order of their ids, a page at a time."""
        if table not in self._tables:
            return
        rows = self._tables[table]
        ordered = sa.select(rows).order_by(rows.c.id).limit(PAGE)
        statement = ordered
        while page := [dict(row) for row in self._connection.execute(statement).mappings()]:
            yield page
            if len(page) < PAGE:
                return
            statement = ordered.where(rows.c.id > page[-1]["id"])


@contextmanager
def opened(url: str) -> Iterator[Source]:
    """Open the database at an SQLAlchemy URL, for reading only.

    Raises: NotMelangeError
    """
    try:
        engine = _engine(sa.make_url(url))
    except sa.exc.ArgumentError as error:
        raise NotMelangeError(f"the URL of Melange's database is wrong: {error}") from None
    try:
        with engine.connect() as connection, connection.begin():
            yield Source(connection)
    finally:
        engine.dispose()


def _engine(url: sa.URL) -> sa.Engine:
    backend = url.get_backend_name()
    if backend not in DRIVERS:
        raise sa.exc.ArgumentError(
            f"{backend} is not supported, it has to be one of {', '.join(DRIVERS)}"
        )
    if backend == "sqlite":
        return _sqlite(url)
    if url.drivername == backend:
        url = url.set(drivername=f"{backend}+{DRIVERS[backend]}")
    # Every statement sees the database as the first one did.
    return sa.create_engine(url, isolation_level="REPEATABLE READ", poolclass=sa.NullPool)


def _sqlite(url: sa.URL) -> sa.Engine:
    path = Path(url.database or "")
    if not path.is_file():
        raise NotMelangeError(f"there is no file {path}")
    name = f"file:{quote(str(path.absolute()))}?mode=ro"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(name, uri=True, isolation_level=None)

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine
