"""Fenced blocks of Markdown pages: commands with what they print, and programs.

A ``console`` block holds commands behind ``$ `` and, below each, its output.  A command
goes on over the next line while a quote is open or its line ends with a backslash.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\{?[\w-]*\}?)")


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text and the number of its first line."""

    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Example:
    """A command and the output that the page shows for it, which may be none."""

    command: str
    expected: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page in their order.

    Raises: ValueError for a block that is not closed.
    """
    language: str | None = None
    start = 0
    lines: list[str] = []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = _FENCE.match(line)
        if fence is None:
            lines.append(line)
        elif language is None:
            language, start, lines = fence[1], number + 1, []
        else:
            yield Block(language, "\n".join(lines) + "\n", start)
            language = None
    if language is not None:
        raise ValueError(f"{page.name}:{start}: the block is not closed")


def examples(page: Path) -> list[Example]:
    """Return the examples of all ``console`` blocks of a page."""
    return [
        example
        for block in blocks(page)
        if block.language == "console"
        for example in _examples(block)
    ]


def _examples(block: Block) -> Iterator[Example]:
    lines = block.text.splitlines()
    position = 0
    while position < len(lines):
        number = block.line + position
        if not lines[position].startswith("$ "):
            raise ValueError(f"line {number}: output without a command")
        command = lines[position][2:]
        position += 1
        while _is_open(command):
            command += "\n" + lines[position]
            position += 1
        shown = []
        while position < len(lines) and not lines[position].startswith("$ "):
            shown.append(lines[position])
            position += 1
        yield Example(command, "\n".join(shown).strip(), number)


def _is_open(command: str) -> bool:
    if command.endswith("\\"):
        return True
    try:
        shlex.split(command)
    except ValueError:
        return True
    return False
