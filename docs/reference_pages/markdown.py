"""Markdown: pages of paragraphs and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NOTE = "<!-- Written by docs/generate.py from the code; run make docs-tables after a change. -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
                     for row in lines)  # fmt: skip


def page(parts: Iterable[str]) -> str:
    """Write a page of paragraphs."""
    return "\n\n".join(parts) + "\n"


def one_line(text: str) -> str:
    """Join the lines of a text, and write its names as Markdown does."""
    return " ".join(text.split()).replace("``", "`")
