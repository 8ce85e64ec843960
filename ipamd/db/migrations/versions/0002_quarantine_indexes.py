"""Indexes of quarantine hold the addresses in quarantine alone, where the database can."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_INDEXES = (
    ("ix_ip_addresses_deallocated_at", ["deallocated_at"]),
    ("ix_ip_addresses_ip_block_id_deallocated_at", ["ip_block_id", "deallocated_at"]),
)


def upgrade() -> None:
    """Make the indexes partial; MariaDB has no such indexes and keeps its own."""
    _replace(sa.text("deallocated_at IS NOT NULL"))


def downgrade() -> None:
    """Index every address again."""
    _replace(None)


def _replace(where: sa.TextClause | None) -> None:
    if op.get_context().dialect.name not in ("postgresql", "sqlite"):
        return
    for name, columns in _INDEXES:
        op.drop_index(name, "ip_addresses")
        op.create_index(name, "ip_addresses", columns, postgresql_where=where, sqlite_where=where)
