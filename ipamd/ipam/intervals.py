"""The free space of a block: sorted, disjoint intervals of addresses.

The intervals are rows of a table whose key is the *last* address, so a row that is
shortened from its front, which is what handing out the next address does, keeps its key.
``FreeSpace`` works on the rows that were loaded and tells which rows to write.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ipamd.ipam.exclusions import Exclusions


class Interval(NamedTuple):
    """Consecutive addresses, both ends included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """Return how many addresses the interval has."""
        return self.last - self.first + 1


class Changes(NamedTuple):
    """The rows to write, each list in ascending order; apply deletes first.

    ``deletes`` holds keys, ``updates`` pairs (key, new first address), ``inserts`` rows.
    """

    deletes: list[int]
    updates: list[tuple[int, int]]
    inserts: list[Interval]

    def __bool__(self) -> bool:
        return bool(self.deletes or self.updates or self.inserts)


class FreeSpace:
    """The loaded free intervals of one block, and what has become of them since.

    Built from rows (first, last) in ascending order.  Only loaded rows count: whoever
    gives addresses back loads the rows next to them, or they stay unmerged.

    Raises: ValueError if the rows are out of order or overlap.
    """

    __slots__ = ("_before", "_first_of", "_lasts")

    def __init__(self, rows: Iterable[tuple[int, int]]) -> None:
        self._lasts: list[int] = []
        self._first_of: dict[int, int] = {}
        # What the table holds for each key touched so far; None: no such row.
        self._before: dict[int, int | None] = {}
        previous = -1
        for first, last in rows:
            if not previous < first <= last:
                raise ValueError("free intervals are out of order or overlap")
            self._lasts.append(last)
            self._first_of[last] = first
            previous = last

    def load(self, rows: Iterable[tuple[int, int]]) -> None:
        """Add further rows of the same block; those that are known already are left out.

        A row is known by its key: what was loaded before may have changed since.

        Raises: ValueError if a new row overlaps what is free already.
        """
        for first, last in rows:
            if last in self._before or last in self._first_of:
                continue
            index = bisect_left(self._lasts, last)
            below = self._lasts[index - 1] if index else -1
            above = index < len(self._lasts) and self._first_of[self._lasts[index]] <= last
            if above or not below < first <= last:
                raise ValueError("free intervals overlap")
            self._lasts.insert(index, last)
            self._first_of[last] = first

    def __iter__(self) -> Iterator[Interval]:
        return (Interval(self._first_of[last], last) for last in self._lasts)

    def __bool__(self) -> bool:
        return bool(self._lasts)

    @property
    def size(self) -> int:
        """Return how many addresses are free in the loaded intervals."""
        return sum(interval.size for interval in self)

    def contains(self, value: int) -> bool:
        """Tell whether an address is free."""
        index = bisect_left(self._lasts, value)
        return index < len(self._lasts) and self._first_of[self._lasts[index]] <= value

    def first_at_or_after(self, value: int, allowed: Exclusions | None = None) -> int | None:
        """Return the smallest free and allowed address from ``value`` on, or None."""
        index = bisect_left(self._lasts, value)
        while index < len(self._lasts):
            last = self._lasts[index]
            candidate = max(value, self._first_of[last])
            if not allowed:
                return candidate
            following = allowed.next_allowed(candidate)
            if following is None or following <= last:
                return following
            value = following
            index = bisect_left(self._lasts, value, index + 1)
        return None

    def longest_run(self, count: int, exclusions: Exclusions | None = None) -> int | None:
        """Return where the first run of ``count`` free, allowed addresses starts, or None.

        Raises: ValueError if ``count`` is less than one.
        """
        if count < 1:
            raise ValueError("a run has at least one address")
        # The pattern of octets repeats without end in a wide block: without this test the
        # search for a run longer than its gaps would look at every repetition.
        if exclusions and count > exclusions.longest_run:
            return None
        for run in self._runs(exclusions):
            if run.size >= count:
                return run.first
        return None

    def take(self, first: int, last: int | None = None) -> None:
        """Take the addresses from ``first`` to ``last``, or ``first`` alone.

        Raises: ValueError, with nothing taken, unless all of them are free.
        """
        last = _checked_last(first, last)
        start = bisect_left(self._lasts, first)
        end = start
        expected = first
        while True:
            if end == len(self._lasts) or self._first_of[self._lasts[end]] > expected:
                raise ValueError("the addresses to take are not all free")
            if self._lasts[end] >= last:
                break
            expected = self._lasts[end] + 1
            end += 1
        pieces = [
            Interval(self._first_of[self._lasts[start]], first - 1),
            Interval(last + 1, self._lasts[end]),
        ]
        self._replace(start, end + 1, [piece for piece in pieces if piece.size > 0])

    def give(self, first: int, last: int | None = None) -> None:
        """Give back the addresses from ``first`` to ``last``, or ``first`` alone.

        Raises: ValueError, with nothing given, if one of them is free already.
        """
        last = _checked_last(first, last)
        start = end = bisect_left(self._lasts, first)
        if end < len(self._lasts):
            following = self._first_of[self._lasts[end]]
            if following <= last:
                raise ValueError("an address to give back is free already")
            if following == last + 1:
                last = self._lasts[end]
                end += 1
        if start and self._lasts[start - 1] == first - 1:
            start -= 1
            first = self._first_of[self._lasts[start]]
        self._replace(start, end, [Interval(first, last)])

    def lowest(self, count: int, exclusions: Exclusions | None = None) -> list[Interval]:
        """Find the ``count`` lowest free, allowed addresses, or as many as there are.

        The caller compares the sizes of the answer with ``count``.

        Raises: ValueError if ``count`` is negative.
        """
        if count < 0:
            raise ValueError("the number of addresses is not negative")
        found: list[Interval] = []
        for run in self._runs(exclusions):
            if count == 0:
                break
            part = Interval(run.first, min(run.last, run.first + count - 1))
            found.append(part)
            count -= part.size
        return found

    def take_lowest(self, count: int, exclusions: Exclusions | None = None) -> list[Interval]:
        """Take what ``lowest`` finds, and return it.

        Raises: ValueError if ``count`` is negative.
        """
        taken = self.lowest(count, exclusions)
        for part in taken:
            self.take(*part)
        return taken

    def changes(self) -> Changes:
        """Return the fewest row changes from the loaded rows to the present state."""
        changes = Changes([], [], [])
        for last, before in sorted(self._before.items()):
            now = self._first_of.get(last)
            if now == before:
                continue
            if now is None:
                changes.deletes.append(last)
            elif before is None:
                changes.inserts.append(Interval(now, last))
            else:
                changes.updates.append((last, now))
        return changes

    def _runs(self, exclusions: Exclusions | None) -> Iterator[Interval]:
        """Yield the runs of free, allowed addresses, each as long as it can be."""
        for stretch in self._stretches():
            if not exclusions:
                yield stretch
                continue
            start = exclusions.next_allowed(stretch.first)
            while start is not None and start <= stretch.last:
                stop = exclusions.next_excluded(start)
                if stop is None or stop > stretch.last:
                    yield Interval(start, stretch.last)
                    break
                yield Interval(start, stop - 1)
                start = exclusions.next_allowed(stop)

    def _stretches(self) -> Iterator[Interval]:
        """Yield the intervals, with rows that touch each other as one."""
        pending: Interval | None = None
        for interval in self:
            if pending is None:
                pending = interval
            elif pending.last + 1 == interval.first:
                pending = Interval(pending.first, interval.last)
            else:
                yield pending
                pending = interval
        if pending is not None:
            yield pending

    def _replace(self, start: int, end: int, intervals: list[Interval]) -> None:
        """Put ``intervals`` in the place of those at the indexes from start to end."""
        for last in self._lasts[start:end]:
            self._before.setdefault(last, self._first_of[last])
            del self._first_of[last]
        for first, last in intervals:
            self._before.setdefault(last, None)
            self._first_of[last] = first
        self._lasts[start:end] = [interval.last for interval in intervals]


def _checked_last(first: int, last: int | None) -> int:
    if last is None:
        return first
    if last < first:
        raise ValueError("an interval ends before it starts")
    return last
