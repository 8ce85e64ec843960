"""The addresses that a block's policy excludes, found by arithmetic.

The cost of every question depends on how many ranges the policy has, never on how many
addresses they cover: a range over half a /64 costs what a range of one address costs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from ipamd.ipam.addresses import Cidr

_OCTETS = 256


class Exclusions:
    """The unusable ranges and octets of a policy, applied to one network.

    ``ranges`` are pairs (offset, length).  An offset counts from the first address of
    the network, a negative one from its end (-1 is the last address); what reaches
    beyond the network has no effect.

    ``octets`` match the last octet of an IPv4 address.  In IPv6 they match the last
    group of 16 bits, as Melange did: octet 5 excludes ``::5``, not ``::105``.

    Raises: ValueError for a negative length or a number that is no octet.
    """

    __slots__ = ("_cidr", "_excluded", "_firsts", "_lasts", "_period", "_spare", "longest_run")

    longest_run: int
    """The most consecutive addresses that the octets leave; the ranges do not count."""

    def __init__(
        self, cidr: Cidr, ranges: Iterable[tuple[int, int]], octets: Iterable[int]
    ) -> None:
        self._cidr = cidr
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in sorted(_absolute(cidr, ranges)):
            if self._lasts and first <= self._lasts[-1] + 1:
                self._lasts[-1] = max(self._lasts[-1], last)
            else:
                self._firsts.append(first)
                self._lasts.append(last)
        # The pattern of octets repeats with each value of the rest of the address.
        self._period = _OCTETS if cidr.version == 4 else 1 << 16
        excluded = sorted(set(octets))
        if excluded and not 0 <= excluded[0] <= excluded[-1] < _OCTETS:
            raise ValueError("an octet lies between 0 and 255")
        self._excluded = sum(1 << octet for octet in excluded)
        # In IPv6, 256 is the first value of the last group that no octet can match.
        always = 0 if self._period == _OCTETS else 1 << _OCTETS
        self._spare = (~self._excluded & ((1 << _OCTETS) - 1)) | always
        self.longest_run = cidr.size
        if excluded:
            following = [*excluded[1:], excluded[0] + self._period]
            gaps = (after - octet - 1 for octet, after in zip(excluded, following, strict=True))
            self.longest_run = max(gaps)

    @property
    def is_empty(self) -> bool:
        """Tell that nothing is excluded."""
        return not (self._firsts or self._excluded)

    def __bool__(self) -> bool:
        return not self.is_empty

    def allows(self, value: int) -> bool:
        """Tell whether an address lies in the network and is not excluded."""
        return self.next_allowed(value) == value

    def next_allowed(self, value: int) -> int | None:
        """Return the smallest allowed address from ``value`` on, or None."""
        value = max(value, self._cidr.first)
        # Each turn leaves one range behind, or is the last.
        while self._spare and value <= self._cidr.last:
            index = bisect_left(self._lasts, value)
            if index < len(self._lasts) and self._firsts[index] <= value:
                value = self._lasts[index] + 1
                continue
            skip = self._distance_to_allowed_octet(value)
            if not skip:
                return value
            value += skip
        return None

    def next_excluded(self, value: int) -> int | None:
        """Return the smallest excluded address of the network from ``value`` on, or None."""
        value = max(value, self._cidr.first)
        nearest = self._cidr.last + 1
        index = bisect_left(self._lasts, value)
        if index < len(self._lasts):
            nearest = min(nearest, max(value, self._firsts[index]))
        if self._excluded:
            nearest = min(nearest, value + self._distance_to_excluded_octet(value))
        return nearest if nearest <= self._cidr.last else None

    def _distance_to_allowed_octet(self, value: int) -> int:
        group = value % self._period
        if group >= _OCTETS:
            return 0
        ahead = self._spare >> group
        return _lowest_bit(ahead) if ahead else self._period - group + _lowest_bit(self._spare)

    def _distance_to_excluded_octet(self, value: int) -> int:
        group = value % self._period
        ahead = self._excluded >> group
        return _lowest_bit(ahead) if ahead else self._period - group + _lowest_bit(self._excluded)


def _absolute(cidr: Cidr, ranges: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    for offset, length in ranges:
        if length < 0:
            raise ValueError("the length of a range is not negative")
        start = cidr.first + offset if offset >= 0 else cidr.last + 1 + offset
        first = max(start, cidr.first)
        last = min(start + length - 1, cidr.last)
        if first <= last:
            yield first, last


def _lowest_bit(number: int) -> int:
    return (number & -number).bit_length() - 1
