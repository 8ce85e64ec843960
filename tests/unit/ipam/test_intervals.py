"""Free space: handing out and giving back, and the row changes that result."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ipamd.ipam.addresses import V4_BASE, Cidr, parse_cidr
from ipamd.ipam.exclusions import Exclusions
from ipamd.ipam.intervals import Changes, FreeSpace, Interval

BLOCK = parse_cidr("10.0.0.0/26")
OFFSETS = st.integers(0, BLOCK.size - 1)


def rows_of(addresses: Iterable[int], splits: Iterable[int] = ()) -> list[Interval]:
    """Return the intervals of a set of addresses, cut before each address in splits."""
    rows: list[Interval] = []
    cuts = set(splits)
    for value in sorted(addresses):
        if rows and rows[-1].last == value - 1 and value not in cuts:
            rows[-1] = Interval(rows[-1].first, value)
        else:
            rows.append(Interval(value, value))
    return rows


def addresses_of(rows: Iterable[Interval]) -> set[int]:
    return {value for first, last in rows for value in range(first, last + 1)}


def written(rows: Iterable[Interval], changes: Changes) -> list[Interval]:
    """Return the rows of a table (key: last) after the changes were written to it."""
    table = {last: first for first, last in rows}
    for key in changes.deletes:
        del table[key]
    for key, first in changes.updates:
        assert key in table
        table[key] = first
    for first, last in changes.inserts:
        assert last not in table
        table[last] = first
    return sorted(Interval(first, last) for last, first in table.items())


def absolute(offsets: Iterable[int], cidr: Cidr = BLOCK) -> set[int]:
    return {cidr.first + offset for offset in offsets}


class FreeSpaceAgainstASet(RuleBasedStateMachine):
    """Any sequence of takes and gives does to the intervals what it does to a set."""

    @initialize(offsets=st.sets(OFFSETS), splits=st.sets(OFFSETS))
    def load(self, offsets: set[int], splits: set[int]) -> None:
        self.model = absolute(offsets)
        self.rows = rows_of(self.model, absolute(splits))
        self.space = FreeSpace(self.rows)

    @rule(offset=OFFSETS, length=st.integers(1, 12))
    def take(self, offset: int, length: int) -> None:
        first = BLOCK.first + offset
        wanted = set(range(first, first + length))
        if wanted <= self.model:
            self.space.take(first, first + length - 1)
            self.model -= wanted
        else:
            with pytest.raises(ValueError, match="not all free"):
                self.space.take(first, first + length - 1)

    @rule(offset=OFFSETS, length=st.integers(1, 12))
    def give(self, offset: int, length: int) -> None:
        first = BLOCK.first + offset
        # Free space never reaches beyond its block.
        last = min(first + length - 1, BLOCK.last)
        given_back = set(range(first, last + 1))
        if given_back & self.model:
            with pytest.raises(ValueError, match="free already"):
                self.space.give(first, last)
        else:
            self.space.give(first, last)
            self.model |= given_back

    @rule(count=st.integers(0, 20), octets=st.sets(st.integers(0, 63), max_size=5))
    def take_lowest(self, count: int, octets: set[int]) -> None:
        exclusions = Exclusions(BLOCK, [], octets)
        usable = sorted(value for value in self.model if exclusions.allows(value))
        taken = self.space.take_lowest(count, exclusions)
        assert addresses_of(taken) == set(usable[:count])
        assert sum(part.size for part in taken) == len(usable[:count])
        self.model -= set(usable[:count])

    @rule()
    def write(self) -> None:
        self.rows = written(self.rows, self.space.changes())
        self.space = FreeSpace(self.rows)

    @invariant()
    def agrees(self) -> None:
        present = list(self.space)
        assert addresses_of(present) == self.model
        assert self.space.size == len(self.model)
        assert bool(self.space) == bool(self.model)
        for value in range(BLOCK.first - 1, BLOCK.last + 14):
            assert self.space.contains(value) == (value in self.model)

    @invariant()
    def changes_lead_from_the_loaded_rows_to_the_present_ones(self) -> None:
        changes = self.space.changes()
        assert written(self.rows, changes) == list(self.space)
        # The fewest: a row that is the same before and after is not mentioned, and a
        # key that stays is updated in place.
        before = {last: first for first, last in self.rows}
        now = {last: first for first, last in self.space}
        assert changes.deletes == sorted(before.keys() - now.keys())
        assert [row.last for row in changes.inserts] == sorted(now.keys() - before.keys())
        assert changes.updates == sorted(
            (key, now[key]) for key in before.keys() & now.keys() if now[key] != before[key]
        )


FreeSpaceAgainstASet.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None
)
TestFreeSpaceAgainstASet = FreeSpaceAgainstASet.TestCase


@given(st.sets(OFFSETS), st.data())
def test_rows_loaded_on_demand_keep_what_was_done_before(
    offsets: set[int], data: st.DataObject
) -> None:
    free = absolute(offsets)
    rows = rows_of(free, absolute(data.draw(st.sets(OFFSETS, max_size=5))))
    space = FreeSpace([])
    taken: set[int] = set()
    for offset in data.draw(st.lists(OFFSETS, max_size=30)):
        value = BLOCK.first + offset
        # The table is read as it was: nothing has been written to it yet.  Neighbours
        # are read as well, so that an address given back finds them.
        space.load([row for row in rows if row.first - 1 <= value <= row.last + 1])
        assert space.contains(value) == (value in free - taken)
        if value in taken:
            space.give(value)
            taken.remove(value)
        elif value in free:
            space.take(value)
            taken.add(value)
    assert addresses_of(written(rows, space.changes())) == free - taken


def test_a_row_that_was_read_before_is_left_out() -> None:
    space = FreeSpace([(100, 199)])
    space.take(199)
    space.take(100)
    space.load([(100, 199), (250, 260)])
    assert list(space) == [Interval(101, 198), Interval(250, 260)]
    space.load([(10, 20), (201, 240)])
    assert [row.first for row in space] == [10, 101, 201, 250]
    assert space.changes() == Changes([199], [], [Interval(101, 198)])


@pytest.mark.parametrize("row", [(150, 250), (50, 100), (120, 130), (90, 300), (260, 255)])
def test_refuses_to_load_a_row_that_overlaps(row: tuple[int, int]) -> None:
    space = FreeSpace([(100, 199), (220, 230)])
    with pytest.raises(ValueError, match="overlap"):
        space.load([row])
    assert list(space) == [Interval(100, 199), Interval(220, 230)]


def test_finding_the_lowest_addresses_takes_none_of_them() -> None:
    space = FreeSpace([(100, 101), (110, 119)])
    assert space.lowest(4) == [Interval(100, 101), Interval(110, 111)]
    assert space.lowest(0) == []
    assert not space.changes()
    assert space.take_lowest(4) == [Interval(100, 101), Interval(110, 111)]
    assert list(space) == [Interval(112, 119)]


@st.composite
def policies(draw: st.DrawFn) -> tuple[Cidr, Exclusions]:
    cidr = parse_cidr(draw(st.sampled_from(["10.0.0.0/24", "10.0.3.64/26", "fd00::/120"])))
    ranges = draw(st.lists(st.tuples(st.integers(-80, 80), st.integers(0, 40)), max_size=3))
    octets = draw(st.sets(st.integers(0, 255), max_size=12))
    return cidr, Exclusions(cidr, ranges, octets)


@given(policies(), st.data())
@settings(deadline=None)
def test_next_address_is_the_smallest_free_and_allowed_one(
    policy: tuple[Cidr, Exclusions], data: st.DataObject
) -> None:
    cidr, exclusions = policy
    free = absolute(data.draw(st.sets(st.integers(0, cidr.size - 1))), cidr)
    space = FreeSpace(rows_of(free))
    start = cidr.first + data.draw(st.integers(-2, cidr.size + 2))
    later = sorted(value for value in free if value >= start)
    assert space.first_at_or_after(start) == (later[0] if later else None)
    allowed = [value for value in later if exclusions.allows(value)]
    assert space.first_at_or_after(start, exclusions) == (allowed[0] if allowed else None)


@given(policies(), st.data(), st.integers(1, 30))
@settings(deadline=None)
def test_first_run_of_consecutive_addresses(
    policy: tuple[Cidr, Exclusions], data: st.DataObject, count: int
) -> None:
    cidr, exclusions = policy
    taken = absolute(data.draw(st.sets(st.integers(0, cidr.size - 1), max_size=12)), cidr)
    splits = absolute(data.draw(st.sets(st.integers(0, cidr.size - 1), max_size=6)), cidr)
    free = set(range(cidr.first, cidr.last + 1)) - taken
    space = FreeSpace(rows_of(free, splits))
    for limits in (exclusions, None):
        usable = {value for value in free if limits is None or limits.allows(value)}
        starts = (
            value
            for value in sorted(usable)
            if all(value + step in usable for step in range(count))
        )
        assert space.longest_run(count, limits) == next(starts, None)


def test_handing_out_the_next_address_updates_one_row() -> None:
    space = FreeSpace([(100, 199)])
    first = space.first_at_or_after(0)
    assert first == 100
    space.take(first)
    assert space.changes() == Changes([], [(199, 101)], [])


def test_taking_from_the_middle_keeps_the_key_of_the_upper_part() -> None:
    space = FreeSpace([(100, 199)])
    space.take(150)
    assert space.changes() == Changes([], [(199, 151)], [Interval(100, 149)])


def test_taking_the_last_address_of_a_row_replaces_the_row() -> None:
    space = FreeSpace([(100, 199)])
    space.take(199)
    assert space.changes() == Changes([199], [], [Interval(100, 198)])


def test_taking_the_only_address_of_a_row_deletes_it() -> None:
    space = FreeSpace([(100, 100), (150, 160)])
    space.take(100)
    assert space.changes() == Changes([100], [], [])
    assert list(space) == [Interval(150, 160)]


def test_giving_back_below_a_row_updates_it() -> None:
    space = FreeSpace([(100, 199)])
    space.give(99)
    assert space.changes() == Changes([], [(199, 99)], [])


def test_giving_back_above_a_row_replaces_it() -> None:
    space = FreeSpace([(100, 199)])
    space.give(200)
    assert space.changes() == Changes([199], [], [Interval(100, 200)])


def test_giving_back_the_gap_between_two_rows_makes_one() -> None:
    space = FreeSpace([(100, 149), (151, 199)])
    space.give(150)
    assert space.changes() == Changes([149], [(199, 100)], [])


def test_giving_back_away_from_every_row_inserts_one() -> None:
    space = FreeSpace([(100, 110)])
    space.give(120, 129)
    assert space.changes() == Changes([], [], [Interval(120, 129)])


def test_what_is_undone_leaves_no_change() -> None:
    space = FreeSpace([(100, 199)])
    space.take(150)
    space.take(199)
    assert space.changes()
    space.give(199)
    space.give(150)
    assert not space.changes()
    assert space.changes() == Changes([], [], [])


def test_a_refused_change_changes_nothing() -> None:
    space = FreeSpace([(100, 110), (120, 130)])
    for first, last in [(105, 125), (111, 111), (99, 100), (130, 131), (10, 20), (200, 201)]:
        with pytest.raises(ValueError, match="not all free"):
            space.take(first, last)
    for first, last in [(105, 105), (90, 100), (111, 120), (90, 200)]:
        with pytest.raises(ValueError, match="free already"):
            space.give(first, last)
    assert list(space) == [Interval(100, 110), Interval(120, 130)]
    assert not space.changes()


@pytest.mark.parametrize("rows", [[(5, 4)], [(1, 5), (5, 9)], [(10, 20), (1, 5)], [(-1, 5)]])
def test_refuses_rows_that_overlap_or_are_out_of_order(rows: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="out of order or overlap"):
        FreeSpace(rows)


def test_refuses_impossible_amounts() -> None:
    space = FreeSpace([(100, 199)])
    with pytest.raises(ValueError, match="ends before it starts"):
        space.take(110, 109)
    with pytest.raises(ValueError, match="ends before it starts"):
        space.give(90, 89)
    with pytest.raises(ValueError, match="at least one"):
        space.longest_run(0)
    with pytest.raises(ValueError, match="not negative"):
        space.take_lowest(-1)


def test_taking_more_than_there_is_takes_what_there_is() -> None:
    space = FreeSpace([(100, 101), (110, 110)])
    assert space.take_lowest(5) == [Interval(100, 101), Interval(110, 110)]
    assert not space
    assert space.take_lowest(1) == []


@pytest.mark.parametrize("text", ["10.0.0.0/8", "fd00::/64", "fd00::/16"])
@pytest.mark.timeout(5)
def test_a_wide_block_with_many_gaps_is_searched_by_arithmetic(text: str) -> None:
    cidr = parse_cidr(text)
    half = cidr.size // 2
    # Longer runs exist in no repetition of the octets, shorter ones in the first.
    exclusions = Exclusions(cidr, [(0, half), (-1, 1)], [0, 100, 255])
    space = FreeSpace([(cidr.first, cidr.last)])
    start = cidr.first + half
    group = 256 if cidr.version == 4 else 1 << 16
    assert space.longest_run(99, exclusions) == start + 1
    assert space.longest_run(100, exclusions) == start + 101
    assert space.longest_run(group, exclusions) is None
    assert space.first_at_or_after(cidr.first, exclusions) == start + 1
    assert space.take_lowest(100, exclusions) == [
        Interval(start + 1, start + 99),
        Interval(start + 101, start + 101),
    ]


def test_a_crowded_block_is_changed_without_touching_the_other_rows() -> None:
    rows = [(V4_BASE + 4 * index, V4_BASE + 4 * index + 1) for index in range(50_000)]
    space = FreeSpace(rows)
    for first, _ in itertools.islice(rows, 25_000, 25_010):
        space.take(first)
    changes = space.changes()
    assert not changes.deletes
    assert not changes.inserts
    assert changes.updates == [(last, last) for _, last in rows[25_000:25_010]]
