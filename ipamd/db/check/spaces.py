"""Do runs of addresses, told in ascending order, cover a space exactly once?  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ipamd.ipam.intervals import Interval

FREE = "free"
NOTHING = "nothing"


class Run(NamedTuple):
    """Consecutive addresses and what they are: ``free``, ``held``, ``reserved`` …"""

    first: int
    last: int
    what: str


class Problem(NamedTuple):
    """Addresses that are ``outside`` the space, ``nothing`` at all, or two things."""

    first: int
    last: int
    what: tuple[str, ...]

    @property
    def outside(self) -> bool:
        """Whether the addresses do not belong to the space."""
        return len(self.what) == 1 and self.what[0] != NOTHING

    @property
    def of_free_space(self) -> bool:
        """Whether the free ranges are wrong, rather than the rows."""
        return FREE in self.what or NOTHING in self.what

    def __str__(self) -> str:
        what = " and ".join(self.what)
        if self.outside:
            return f"{what}, but not of it"
        return f"both {what}" if len(self.what) > 1 else "neither free nor in use"


def problems(bounds: Interval, runs: Iterable[Run]) -> Iterator[Problem]:
    """Yield the gaps, overlaps and strays of runs in ascending order."""
    position = bounds.first
    before = ""
    for first, last, what in runs:
        if first > last or first < bounds.first or last > bounds.last:
            yield Problem(first, last, (what,))
            first, last = max(first, bounds.first), min(last, bounds.last)
            if first > last:
                continue
        if first > position:
            yield Problem(position, first - 1, (NOTHING,))
        elif first < position:
            yield Problem(first, min(last, position - 1), (before, what))
        if last >= position:
            position, before = last + 1, what
    if position <= bounds.last:
        yield Problem(position, bounds.last, (NOTHING,))


def gaps(bounds: Interval, used: Iterable[int]) -> Iterator[Interval]:
    """Yield what ascending single addresses leave free of a space."""
    position = bounds.first
    for address in used:
        if not position <= address <= bounds.last:
            continue
        if address > position:
            yield Interval(position, address - 1)
        position = address + 1
    if position <= bounds.last:
        yield Interval(position, bounds.last)
