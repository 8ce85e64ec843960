"""The scratch store: a file of SQLite with ipamd's schema, gone at the end.

Two tables more: which rows were refused, and under which id ipamd has Melange's
interfaces, whose rows refer to each other by ids that callers never saw.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from oslo_config import cfg

from ipamd import config
from ipamd.db.check.snapshots import pages
from ipamd.db.database import Database
from ipamd.db.models import Base

Row = sa.Row[Any]

_EXTRA = sa.MetaData()
REFUSED = sa.Table(
    "melange_refused",
    _EXTRA,
    sa.Column("table_name", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
)
INTERFACE_ROWS = sa.Table(
    "melange_interfaces",
    _EXTRA,
    sa.Column("row_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, nullable=False),
)
CHUNK = 1000
# SQLite takes 32,766 parameters in a statement.
_PORTION = 10_000


class Scratch:
    """The store and one connection to it; ``db`` is for what works on a whole store."""

    def __init__(self, db: Database, connection: sa.Connection) -> None:
        self.db = db
        self.connection = connection

    def insert(self, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        """Insert rows, all with the same keys."""
        if rows:
            self.connection.execute(sa.insert(table), rows)

    def by_key(
        self, table: sa.Table, column: sa.Column[Any], keys: Collection[Any]
    ) -> dict[Any, Row]:
        """Return the rows with one of ``keys`` in a unique column, by that key."""
        wanted = list(keys)
        found: dict[Any, Row] = {}
        for start in range(0, len(wanted), _PORTION):
            portion = wanted[start : start + _PORTION]
            rows = self.connection.execute(sa.select(table).where(column.in_(portion)))
            found |= {row._mapping[column]: row for row in rows}
        return found

    def rows(self, statement: sa.Select[Any], key: sa.ColumnElement[Any]) -> Iterator[Row]:
        """Yield the rows of ``statement`` in the order of a unique ``key``."""
        return pages(self.connection, statement, key)

    def chunks(self, statement: sa.Select[Any], key: sa.ColumnElement[Any]) -> Iterator[list[Row]]:
        """Yield the same, a thousand at a time."""
        rows = self.rows(statement, key)
        while chunk := list(islice(rows, CHUNK)):
            yield chunk

    def refuse(self, table: str, row_id: str) -> None:
        """Remember that a row is not taken."""
        self.connection.execute(
            sa.insert(REFUSED).prefix_with("OR IGNORE"), {"table_name": table, "id": row_id}
        )

    def was_refused(self, table: str, row_id: str) -> bool:
        """Tell whether a row is not taken, as opposed to: does not exist."""
        found = sa.select(REFUSED).where(REFUSED.c.table_name == table, REFUSED.c.id == row_id)
        return self.connection.execute(found).first() is not None

    def commit(self) -> None:
        """Let other connections see what was written."""
        self.connection.commit()


@contextmanager
def scratch_store() -> Iterator[Scratch]:
    """Make a scratch store in the folder for temporary files (``TMPDIR``)."""
    with tempfile.TemporaryDirectory(prefix="ipamd-melange-") as folder:
        db = Database(_configuration(Path(folder)))
        try:
            with db.engine.connect() as connection:
                Base.metadata.create_all(connection)
                _EXTRA.create_all(connection)
                connection.commit()
                yield Scratch(db, connection)
        finally:
            db.close()


def _configuration(folder: Path) -> cfg.ConfigOpts:
    conf = config.load(["--config-dir", str(folder)])
    conf.set_override("connection", f"sqlite:///{folder}/scratch.sqlite", group="database")
    conf.set_override("sqlite_synchronous", "NORMAL", group="database")
    # ``Scratch`` keeps one, and what works on the whole store takes another.
    conf.set_override("pool_size", 2, group="database")
    return conf
