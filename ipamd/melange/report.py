"""What becomes of Melange's rows: counted by table, and said where it is not as expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

READ, TAKEN, FREE, REFUSED, THERE = "read", "taken", "free", "refused", "already there"


class Report:
    """Counts rows, and passes on a sentence about each that is refused or changed."""

    def __init__(self, say: Callable[[str], None], progress: Callable[[str, int, int], None]):
        self._say = say
        self.progress = progress
        self.counts: dict[str, Counter[str]] = {}

    def count(self, table: str, what: str, number: int = 1) -> None:
        """Count rows of a table."""
        self.counts.setdefault(table, Counter())[what] += number

    def refuse(self, table: str, row_id: object, reason: str) -> None:
        """Say why a row is not taken."""
        self.count(table, REFUSED)
        self._say(f"refused {table} {row_id}: {reason}")

    def note(self, table: str, row_id: object, text: str) -> None:
        """Say what of a row that is taken will differ."""
        self._say(f"changed {table} {row_id}: {text}")

    @property
    def refused(self) -> int:
        """How many rows are not taken."""
        return sum(counter[REFUSED] for counter in self.counts.values())
