"""Reserved addresses, gateways by default, and the free space of a new block."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipamd.ipam.addresses import compact_address, parse_address, parse_cidr
from ipamd.ipam.intervals import Interval
from ipamd.ipam.reserved import default_gateway, initial_free, reserved_addresses, subtract


@pytest.mark.parametrize(
    ("network", "gateway", "reserve", "expected"),
    [
        ("10.0.0.0/24", "10.0.0.1", True, ["10.0.0.0", "10.0.0.1", "10.0.0.255"]),
        ("10.0.0.0/24", None, True, ["10.0.0.0", "10.0.0.255"]),
        ("10.0.0.0/24", None, False, ["10.0.0.255"]),
        ("10.0.0.0/24", "10.0.0.0", False, ["10.0.0.0", "10.0.0.255"]),
        ("10.0.0.0/24", "10.0.0.255", True, ["10.0.0.0", "10.0.0.255"]),
        ("10.0.0.0/24", "192.168.0.1", True, ["10.0.0.0", "10.0.0.255"]),
        ("10.0.0.0/24", "fd00::1", False, ["10.0.0.255"]),
        ("10.0.0.0/30", None, True, ["10.0.0.0", "10.0.0.3"]),
        ("10.0.0.0/30", None, False, ["10.0.0.3"]),
        ("10.0.0.4/31", None, True, []),
        ("10.0.0.4/31", "10.0.0.4", True, ["10.0.0.4"]),
        ("10.0.0.8/32", None, True, []),
        ("10.0.0.8/32", "10.0.0.8", False, ["10.0.0.8"]),
        ("fd00::/64", None, True, ["fd00::"]),
        ("fd00::/64", None, False, ["fd00::"]),
        ("fd00::/64", "fd00::1", True, ["fd00::", "fd00::1"]),
        ("fd00::/64", "fd00:1::1", True, ["fd00::"]),
        ("fd00::/126", None, True, ["fd00::"]),
        ("fd00::/127", None, True, []),
        ("fd00::/127", "fd00::1", True, ["fd00::1"]),
        ("fd00::/128", None, True, []),
    ],
)
def test_reserves_what_is_never_handed_out(
    network: str, gateway: str | None, reserve: bool, expected: list[str]
) -> None:
    cidr = parse_cidr(network)
    chosen = None if gateway is None else parse_address(gateway)
    reserved = reserved_addresses(cidr, chosen, reserve)
    assert [compact_address(value) for value in reserved] == expected
    free = initial_free(cidr, chosen, reserve)
    assert sum(interval.size for interval in free) == cidr.size - len(expected)
    assert not any(first <= value <= last for first, last in free for value in reserved)


def test_free_space_of_new_blocks() -> None:
    cidr = parse_cidr("10.0.0.0/24")
    base = cidr.first
    assert initial_free(cidr, base + 1, True) == [Interval(base + 2, base + 254)]
    assert initial_free(cidr, base + 9, False) == [
        Interval(base, base + 8),
        Interval(base + 10, base + 254),
    ]
    tiny = parse_cidr("10.0.0.8/32")
    assert initial_free(tiny, None, True) == [Interval(tiny.first, tiny.first)]
    assert initial_free(tiny, tiny.first, True) == []
    wide = parse_cidr("fd00::/64")
    assert initial_free(wide, wide.first + 1, True) == [Interval(wide.first + 2, wide.last)]


@pytest.mark.parametrize(
    ("network", "gateway"),
    [
        ("10.0.0.0/24", "10.0.0.1"),
        ("10.0.0.4/30", "10.0.0.5"),
        ("fd00::/64", "fd00::1"),
        ("fd00::4/126", "fd00::5"),
        ("10.0.0.4/31", None),
        ("10.0.0.8/32", None),
        ("fd00::/127", None),
        ("fd00::/128", None),
    ],
)
def test_gateway_by_default_is_the_second_address(network: str, gateway: str | None) -> None:
    value = default_gateway(parse_cidr(network))
    assert value == (None if gateway is None else parse_address(gateway))


@given(st.sets(st.integers(0, 60)), st.lists(st.integers(-5, 70)))
def test_subtracting_points_leaves_the_other_addresses(
    addresses: set[int], points: list[int]
) -> None:
    intervals: list[Interval] = []
    for value in sorted(addresses):
        if intervals and intervals[-1].last == value - 1:
            intervals[-1] = Interval(intervals[-1].first, value)
        else:
            intervals.append(Interval(value, value))
    left = subtract(intervals, points)
    assert all(first <= last for first, last in left)
    assert all(one.last + 1 < other.first for one, other in itertools.pairwise(left))
    remaining = {value for first, last in left for value in range(first, last + 1)}
    assert remaining == addresses - set(points)
