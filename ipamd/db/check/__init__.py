"""Do free space, addresses, counters and events agree?  Asked of the whole store.

Reads block by block in pages, each block as it is at one moment, and locks nothing: the
service goes on meanwhile, and what it does meanwhile is no finding.
"""

from __future__ import annotations

from collections.abc import Iterator

from ipamd.db.check import blocks, journal, macs, references
from ipamd.db.check.findings import Finding, Progress
from ipamd.db.check.repair import repair
from ipamd.db.check.snapshots import reader
from ipamd.db.database import Database

__all__ = ["Finding", "Progress", "check", "find", "repair"]


def check(db: Database, progress: Progress | None = None) -> list[Finding]:
    """Return everything that is off in the store; an empty list when all is well.

    Raises: sqlalchemy.exc.SQLAlchemyError when the database cannot be read.
    """
    return list(find(db, progress))


def find(db: Database, progress: Progress | None = None) -> Iterator[Finding]:
    """Yield what is off as it is found.

    ``progress`` is told of each part of the check: its name, what is done of it, and how
    much there is to do.

    Raises: as ``check``
    """
    report = progress or _silent
    with reader(db) as connection:
        for part in (references.find, blocks.find, macs.find, journal.find):
            yield from part(connection, report)


def _silent(part: str, done: int, total: int) -> None:
    del part, done, total
