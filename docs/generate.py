"""Writes docs/reference/ from the tables in the code; ``--check`` only compares.

Each page is made by a module of ``reference_pages``.

Exit status of ``--check``: 1 when a page is not what the code says now.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from reference_pages.access import access
from reference_pages.commands import commands
from reference_pages.error_codes import error_codes
from reference_pages.event_types import event_types
from reference_pages.metrics import metrics
from reference_pages.options import options
from reference_pages.rest_routes import openapi_document, rest_routes
from reference_pages.rpc_methods import rpc_methods

FOLDER = Path(__file__).parent / "reference"


def pages() -> dict[str, str]:
    """Return the text of each generated page by its file's name."""
    return {
        "rest-routes.md": rest_routes(),
        "access.md": access(),
        "openapi.json": openapi_document(),
        "rpc-methods.md": rpc_methods(),
        "errors.md": error_codes(),
        "events.md": event_types(),
        "options.md": options(),
        "commands.md": commands(),
        "metrics.md": metrics(),
    }


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or name those that are stale."""
    stale = []
    for name, text in pages().items():
        path = FOLDER / name
        if not path.exists() or path.read_text() != text:
            stale.append(path.name)
            if "--check" not in arguments:
                FOLDER.mkdir(exist_ok=True)
                path.write_text(text)
    if stale:
        done = "stale, run 'make docs-tables'" if "--check" in arguments else "written"
        print(f"docs/reference: {', '.join(stale)} {done}")  # noqa: T201
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
