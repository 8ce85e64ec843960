"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ipamd.db.types import Address, Time, name_type, sequence_type, text_type, uuid_type

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Change the schema."""


def downgrade() -> None:
    """Undo ``upgrade``."""
