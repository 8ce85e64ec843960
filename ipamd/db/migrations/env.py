"""What alembic runs for every command: the revisions, on the connection it was given.

``ipamd.db.schema`` opens the connection, with the lock that keeps upgrades apart.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context

from ipamd.db.models import Base

connection: sa.Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    # SQLite changes columns by copying the table.
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
