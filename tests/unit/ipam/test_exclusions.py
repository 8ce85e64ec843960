"""Policies: which addresses ranges and octets exclude, found without trying each."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipamd.ipam.addresses import Cidr, parse_address, parse_cidr
from ipamd.ipam.exclusions import Exclusions


def excluded_in(text: str, ranges: list[tuple[int, int]], octets: list[int]) -> list[int]:
    """Return the offsets of the excluded addresses of a small network."""
    cidr = parse_cidr(text)
    exclusions = Exclusions(cidr, ranges, octets)
    return [
        value - cidr.first
        for value in range(cidr.first, cidr.last + 1)
        if not exclusions.allows(value)
    ]


@pytest.mark.parametrize(
    ("ranges", "offsets"),
    [
        ([(-1, 1)], [7]),
        ([(-2, 2)], [6, 7]),
        # What reaches beyond the end neither wraps around nor counts.
        ([(-2, 9)], [6, 7]),
        ([(100, 5)], []),
        ([(5, 100)], [5, 6, 7]),
        ([(-8, 8)], [0, 1, 2, 3, 4, 5, 6, 7]),
        ([(0, 0)], []),
        ([(-100, 5)], []),
        ([(-10, 5)], [0, 1, 2]),
        ([(0, 2), (4, 1), (-3, 2)], [0, 1, 4, 5, 6]),
        ([(0, 3), (1, 1), (2, 3), (5, 1)], [0, 1, 2, 3, 4, 5]),
        ([], []),
    ],
)
def test_ranges_count_from_the_first_address_or_from_the_end(
    ranges: list[tuple[int, int]], offsets: list[int]
) -> None:
    assert excluded_in("10.0.0.0/29", ranges, []) == offsets
    assert excluded_in("fd00::/125", ranges, []) == offsets


def test_octets_match_the_last_octet_of_ipv4() -> None:
    assert excluded_in("10.0.0.0/22", [], [0, 7, 255]) == [
        256 * third + octet for third in range(4) for octet in (0, 7, 255)
    ]
    assert excluded_in("10.0.0.16/28", [], [0, 17, 40]) == [1]


def test_octets_match_the_whole_last_group_of_ipv6() -> None:
    cidr = parse_cidr("fd00:aaaa:bbbb:1::/64")
    exclusions = Exclusions(cidr, [], [5])
    assert not exclusions.allows(parse_address("fd00:aaaa:bbbb:1::5"))
    assert not exclusions.allows(parse_address("fd00:aaaa:bbbb:1:1:2:3:5"))
    assert exclusions.allows(parse_address("fd00:aaaa:bbbb:1::105"))


def test_addresses_outside_the_network_are_not_allowed() -> None:
    cidr = parse_cidr("10.0.0.0/29")
    for exclusions in (Exclusions(cidr, [], []), Exclusions(cidr, [(0, 1)], [3])):
        assert not exclusions.allows(cidr.first - 1)
        assert not exclusions.allows(cidr.last + 1)
        assert exclusions.next_allowed(cidr.last + 1) is None
        assert exclusions.next_excluded(cidr.last + 1) is None
    assert Exclusions(cidr, [], []).next_allowed(0) == cidr.first


def test_is_empty_when_nothing_is_excluded() -> None:
    cidr = parse_cidr("10.0.0.0/29")
    for nothing in (Exclusions(cidr, [], []), Exclusions(cidr, [(0, 0), (100, 5)], [])):
        assert nothing.is_empty
        assert not nothing
        assert nothing.next_excluded(cidr.first) is None
        assert nothing.longest_run == cidr.size
    for something in (Exclusions(cidr, [(7, 1)], []), Exclusions(cidr, [], [1])):
        assert not something.is_empty
        assert something


@pytest.mark.parametrize("octet", [-1, 256, 1000])
def test_refuses_what_is_no_octet(octet: int) -> None:
    with pytest.raises(ValueError, match="between 0 and 255"):
        Exclusions(parse_cidr("10.0.0.0/24"), [], [1, octet])


def test_refuses_a_negative_length() -> None:
    with pytest.raises(ValueError, match="not negative"):
        Exclusions(parse_cidr("10.0.0.0/24"), [(5, -1)], [])


def test_all_octets_exclude_every_ipv4_address() -> None:
    exclusions = Exclusions(parse_cidr("10.0.0.0/8"), [], range(256))
    assert exclusions.next_allowed(0) is None
    assert exclusions.longest_run == 0


def test_all_octets_leave_most_of_an_ipv6_network() -> None:
    cidr = parse_cidr("fd00::/64")
    exclusions = Exclusions(cidr, [], range(256))
    assert exclusions.next_allowed(cidr.first) == cidr.first + 256
    assert exclusions.next_excluded(cidr.first + 256) == cidr.first + 65536
    assert exclusions.longest_run == 65536 - 256


@pytest.mark.timeout(5)
@pytest.mark.parametrize("text", ["10.0.0.0/8", "fd00::/16"])
def test_a_wide_range_costs_no_more_than_a_narrow_one(text: str) -> None:
    cidr = parse_cidr(text)
    exclusions = Exclusions(cidr, [(0, cidr.size - 1)], [])
    assert exclusions.next_allowed(cidr.first) == cidr.last
    assert exclusions.next_excluded(cidr.first) == cidr.first
    whole = Exclusions(cidr, [(0, cidr.size)], [])
    assert whole.next_allowed(cidr.first) is None


networks = st.one_of(
    st.tuples(st.sampled_from(["10.0.0.0", "10.0.7.192"]), st.integers(24, 32)),
    st.tuples(st.sampled_from(["10.0.4.0"]), st.integers(22, 23)),
    st.tuples(st.sampled_from(["fd00::", "fd00::1:ff80", "fd00::1:100"]), st.integers(118, 128)),
).map(lambda pair: parse_cidr(f"{pair[0]}/{pair[1]}"))
ranges_of_policies = st.lists(st.tuples(st.integers(-1100, 1100), st.integers(0, 300)), max_size=6)
octets_of_policies = st.one_of(
    st.sets(st.integers(0, 255), max_size=8),
    st.sets(st.integers(0, 255), min_size=1, max_size=3).map(lambda kept: set(range(256)) - kept),
)


def brute_force(cidr: Cidr, ranges: list[tuple[int, int]], octets: set[int]) -> set[int]:
    """Return the allowed addresses of a network, each tried in turn."""
    gone: set[int] = set()
    for offset, length in ranges:
        start = cidr.first + offset if offset >= 0 else cidr.last + 1 + offset
        gone.update(range(start, start + length))
    mask = 0xFF if cidr.version == 4 else 0xFFFF
    return {
        value
        for value in range(cidr.first, cidr.last + 1)
        if value not in gone and value & mask not in octets
    }


@given(networks, ranges_of_policies, octets_of_policies)
@settings(deadline=None)
def test_agrees_with_trying_every_address(
    cidr: Cidr, ranges: list[tuple[int, int]], octets: set[int]
) -> None:
    exclusions = Exclusions(cidr, ranges, octets)
    allowed = brute_force(cidr, ranges, octets)
    next_allowed: int | None = None
    next_excluded: int | None = None
    for value in range(cidr.last, cidr.first - 1, -1):
        if value in allowed:
            next_allowed = value
        else:
            next_excluded = value
        assert exclusions.allows(value) == (value in allowed)
        assert exclusions.next_allowed(value) == next_allowed
        assert exclusions.next_excluded(value) == next_excluded
    assert exclusions.next_allowed(cidr.first - 5) == next_allowed
    assert exclusions.next_excluded(cidr.first - 5) == next_excluded


@given(octets_of_policies.filter(bool))
def test_longest_run_is_the_widest_gap_between_octets(octets: set[int]) -> None:
    cidr = parse_cidr("10.0.0.0/16")
    excluded = [value for value in range(1024) if value % 256 in octets]
    gaps = [after - value - 1 for value, after in itertools.pairwise(excluded)]
    assert Exclusions(cidr, [], octets).longest_run == max(gaps)
