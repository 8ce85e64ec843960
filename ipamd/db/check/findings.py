"""What a check finds, and whom it tells how far it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Progress = Callable[[str, int, int], None]
Kind = Literal["free_space", "counters", "addresses", "blocks", "macs", "journal", "references"]

FREE_SPACE: Kind = "free_space"
COUNTERS: Kind = "counters"
ADDRESSES: Kind = "addresses"
BLOCKS: Kind = "blocks"
MACS: Kind = "macs"
JOURNAL: Kind = "journal"
REFERENCES: Kind = "references"

MOST = 20
"""Findings of one kind that are told of one block; of the others only the number."""


@dataclass(frozen=True)
class Finding:
    """Something that is off: ``owner_id`` is the block's or MAC range's, or empty."""

    kind: Kind
    owner_id: str
    subject: str
    problem: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}"


def shortened(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the first findings of each kind, and one that counts the others."""
    seen: Counter[Kind] = Counter()
    last: dict[Kind, Finding] = {}
    for finding in findings:
        seen[finding.kind] += 1
        last[finding.kind] = finding
        if seen[finding.kind] <= MOST:
            yield finding
    for kind, finding in last.items():
        if seen[kind] > MOST:
            more = f"… and {seen[kind] - MOST} more like these"
            yield Finding(kind, finding.owner_id, finding.subject, more)
