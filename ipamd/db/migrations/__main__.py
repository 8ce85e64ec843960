"""Make the file of a new revision from its template."""

from __future__ import annotations

import sys

from alembic import command
from alembic.script import ScriptDirectory

from ipamd.db import schema


def main() -> None:
    """Write ``versions/<number>_<message>.py``, the number following the newest one's."""
    if len(sys.argv) != 2:
        sys.exit('usage: python -m ipamd.db.migrations "what it changes"')
    config = schema.alembic_config()
    newest = ScriptDirectory.from_config(config).get_current_head()
    command.revision(config, sys.argv[1], rev_id=f"{int(newest or 0) + 1:04}")


if __name__ == "__main__":
    main()
