"""What a worker says of itself when it is asked whether it is ready."""

from __future__ import annotations

import os
import socket

from ipamd import __version__, errors
from ipamd.context import RequestContext
from ipamd.db import outbox, schema
from ipamd.db.database import Database, Transaction
from ipamd.operations.common import Resource


def get_health(tx: Transaction) -> Resource:
    """Report version, database and how many events wait to be sent (10,000 at most)."""
    waiting = outbox.backlog(tx)
    return {
        "version": __version__,
        "database": tx.connection.dialect.name,
        "outbox_backlog": waiting.events,
        "outbox_oldest": waiting.oldest and outbox.timestamp(waiting.oldest),
    }


def get_worker_status(db: Database) -> Resource:
    """Report who a worker is, and whether it can work; it answers without its database, too.

    ``status`` is ``ok`` or ``unavailable``, for the ``reason`` given; ``schema`` is the
    revision that the database has, ``schema_needed`` the one that this worker knows.
    """
    found = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "version": __version__,
        "database": db.dialect,
        "schema": None,
        "schema_needed": schema.head(),
        "outbox_backlog": None,
        "outbox_oldest": None,
    }

    def read(tx: Transaction) -> Resource:
        return {"schema": schema.revision(tx.connection), **get_health(tx)}

    try:
        found |= db.run(RequestContext(overwrite=False), read, read_only=True)
    except errors.Unavailable as error:
        return {**found, "status": "unavailable", "reason": error.message}
    if found["schema"] != found["schema_needed"]:
        return {**found, "status": "unavailable", "reason": "The schema is another one"}
    return {**found, "status": "ok", "reason": None}
