"""Rows that refer to rows that are gone: what foreign keys forbid, unless switched off."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from ipamd.db.check.findings import MOST, REFERENCES, Finding, Progress
from ipamd.db.models import Base


def find(connection: sa.Connection, progress: Progress) -> Iterator[Finding]:
    """Look for orphans of every foreign key; of each a few are named."""
    keys = [
        (table, key)
        for table in Base.metadata.sorted_tables
        for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)
    ]
    for number, (table, key) in enumerate(keys):
        progress("references", number, len(keys))
        parent = key.column.table.alias("parent")
        known = parent.c[key.column.name]
        orphans = (
            sa.select(*table.primary_key.columns, key.parent)
            .select_from(table.outerjoin(parent, known == key.parent))
            .where(key.parent.is_not(None), known.is_(None))
            .limit(MOST)
        )
        with connection.begin():
            rows = connection.execute(orphans).all()
        for row in rows:
            ident = ", ".join(str(row._mapping[column]) for column in table.primary_key.columns)
            missing = f"refers to {key.target_fullname} {row._mapping[key.parent]}, which is gone"
            yield Finding(REFERENCES, "", f"{table.name} {ident}", missing)
    progress("references", len(keys), len(keys))
