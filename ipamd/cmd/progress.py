"""A progress bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_INTERVAL = 0.1


class ProgressBar:
    """One line that is drawn ten times a second, and at the end of each part."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._on = stream.isatty()
        self._drawn = False
        self._next = 0.0

    def show(self, part: str, done: int, total: int) -> None:
        """Draw how much of a part is done."""
        now = time.monotonic()
        if not self._on or (now < self._next and done < total):
            return
        self._next = now + _INTERVAL
        share = min(done / total, 1.0) if total else 1.0
        width = max(min(shutil.get_terminal_size().columns - 40, 50), 10)
        bar = ("#" * round(share * width)).ljust(width)
        self._stream.write(f"\r\x1b[K{part:<12} [{bar}] {share:4.0%} of {total}")
        self._stream.flush()
        self._drawn = True

    def clear(self) -> None:
        """Take the line away, so that something else can be printed."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False


@contextmanager
def progress_bar(stream: TextIO) -> Iterator[ProgressBar]:
    """Give a progress bar, and take it away at the end."""
    bar = ProgressBar(stream)
    try:
        yield bar
    finally:
        bar.clear()
