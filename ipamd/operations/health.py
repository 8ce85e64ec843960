"""What a worker says of itself when it is asked whether it is ready."""

from __future__ import annotations

import sqlalchemy as sa

from ipamd import __version__
from ipamd.db.database import Transaction
from ipamd.db.models import Outbox, table_of
from ipamd.db.outbox import timestamp
from ipamd.operations.common import Resource

_OUTBOX = table_of(Outbox)
_MOST = 10_000


def get_health(tx: Transaction) -> Resource:
    """Report version, database and how many events wait to be sent (10,000 at most)."""
    waiting = sa.select(_OUTBOX.c.id).where(_OUTBOX.c.sent_at.is_(None)).limit(_MOST)
    backlog = tx.execute(sa.select(sa.func.count()).select_from(waiting.subquery())).scalar_one()
    oldest = tx.execute(
        sa.select(sa.func.min(_OUTBOX.c.occurred_at)).where(_OUTBOX.c.sent_at.is_(None))
    ).scalar()
    return {
        "version": __version__,
        "database": tx.connection.dialect.name,
        "outbox_backlog": backlog,
        "outbox_oldest": None if oldest is None else timestamp(oldest),
    }
