"""Which pages there are, by what their examples need."""

from __future__ import annotations

from pathlib import Path

from tests.docs.fences import blocks

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def all_pages() -> list[Path]:
    """Return every page that a reader may open."""
    built = DOCS / "_build"
    pages = [page for page in sorted(DOCS.rglob("*.md")) if built not in page.parents]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGES.md", *pages]


def pages_with(language: str) -> list[Path]:
    """Return the pages that have blocks of ``language``."""
    return [page for page in all_pages() if any(b.language == language for b in blocks(page))]


def name(page: Path) -> str:
    """Return a page's name as the ids of tests show it."""
    return str(page.relative_to(ROOT))
