"""Figures as people read them, and the Hilbert curve."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ipamd.api.ui import hilbert, maps
from ipamd.api.ui.figures import bar_of, duration, moment, number, share

NARROW = "\u202f"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (256, "256"),
        (65_536, f"65{NARROW}536"),
        (2**64, "2⁶⁴"),
        (2**64 - 3, f"≈{NARROW}2⁶⁴"),
        (2**80 + 1, f"≈{NARROW}2⁸⁰"),
    ],
)
def test_numbers(value: int, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 10, "0"),
        (0, 0, "0"),
        (1, 10**9, f"<{NARROW}0.1"),
        (13, 1000, "1.3"),
        (1, 2, "50"),
        (10**9 - 1, 10**9, f">{NARROW}99.9"),
        (7, 7, "100"),
    ],
)
def test_shares_are_not_rounded_to_nothing_or_all(part: int, whole: int, text: str) -> None:
    assert share(part, whole) == f"{text}{NARROW}%"


def test_moments_and_durations() -> None:
    assert moment("2026-11-26T01:02:03.456789Z") == "2026-11-26 01:02:03 UTC"
    assert moment(None) == "–"
    start = "2026-11-26T00:00:00.000000Z"
    assert duration(start, "2026-11-28T03:04:05.000000Z") == f"2{NARROW}d 3{NARROW}h"
    assert duration(start, "2026-11-26T00:01:00.900000Z") == f"1{NARROW}min 0{NARROW}s"
    assert duration(start, "2026-11-26T00:00:00.900000Z") == "less than a second"


def test_a_bar_shows_what_is_there_at_all_and_says_when_it_is_nearly_full() -> None:
    figures = {"size": 2**64, "reserved": 2, "allocated": 1, "quarantined": 0, "free": 2**64 - 3}
    bar = bar_of({"utilization": figures})
    assert (bar.width(bar.allocated), bar.width(0), bar.level) == ("0.80", "0.00", "ok")
    for used, level in ((202, "ok"), (203, "high"), (241, "full")):
        figures = {
            "size": 256, "reserved": 3, "allocated": used - 1, "quarantined": 1,
            "free": 253 - used,
        }  # fmt: skip
        assert bar_of({"utilization": figures}).level == level


def test_a_bar_of_a_block_with_subnets_adds_them_up() -> None:
    figures = {"size": 256, "reserved": 3, "allocated": 0, "quarantined": 0, "free": 253}
    below = {"subnets": 2, "size": 128, "allocated": 60, "quarantined": 4}
    bar = bar_of({"utilization": figures, "below": below})
    assert (bar.allocated, bar.covered, bar.free) == (60, 128, 192)
    assert bar.used_share == f"25{NARROW}%"
    assert "50\u202f% covered by subnets" in bar.words


@pytest.mark.parametrize("side", [1, 2, 4, 32])
def test_the_curve_visits_every_cell_once_and_goes_on_next_door(side: int) -> None:
    places = [hilbert.place(position, side) for position in range(side * side)]
    assert len(set(places)) == side * side
    for (column, row), (next_column, next_row) in pairwise(places):
        assert abs(column - next_column) + abs(row - next_row) == 1
    grid = hilbert.positions(side)
    assert all(grid[row][column] == n for n, (column, row) in enumerate(places))


def test_an_aligned_quarter_is_a_square() -> None:
    for quarter in range(4):
        places = [hilbert.place(quarter * 64 + n, 16) for n in range(64)]
        columns = {column for column, _ in places}
        rows = {row for _, row in places}
        assert (len(columns), len(rows)) == (8, 8)


def test_levels_keep_nothing_and_all_apart_from_nearly_so() -> None:
    assert [maps.level(used, 64) for used in (0, 1, 63, 64)] == [0, 1, 9, 10]
    assert maps.level(0, 0) == 0


def test_a_small_block_with_subnets_has_no_more_cells_than_addresses() -> None:
    figures = {"size": 4, "reserved": 3, "allocated": 1, "quarantined": 0, "free": 0}
    subnet = {"id": "s", "cidr": "10.0.0.8/30", "utilization": figures, "below": None}
    found = {"cidr": "10.0.0.0/27", "scale": "subnets", "subnets": [subnet], "complete": True}
    drawn = maps.draw(found, "10.0.0.0/24")
    cells = list(drawn.cells)
    assert len(cells) == 16
    assert [cell.look for cell in cells].count("none") == 14
    assert {cell.link for cell in cells} == {None, "../s/"}
    assert drawn.around == ["10.0.0.0/24"]
