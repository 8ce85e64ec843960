"""Which addresses of a block are never handed out, and what is free at the start.

In networks of two addresses or one every address is usable: RFC 3021 for /31, RFC 6164
for /127.
"""

from __future__ import annotations

from collections.abc import Iterable

from ipamd.ipam.addresses import Cidr
from ipamd.ipam.intervals import Interval


def reserved_addresses(
    cidr: Cidr, gateway: int | None, reserve_network_address: bool
) -> list[int]:
    """Return the addresses that are never handed out, in ascending order.

    IPv4: the broadcast address and, if asked for, the network address.  IPv6: the
    subnet-router anycast address (RFC 4291, section 2.6.1); the last address is an
    ordinary one.  A gateway inside the network always counts.
    """
    reserved: set[int] = set()
    if cidr.size > 2:
        if cidr.version == 6:
            reserved.add(cidr.first)
        else:
            reserved.add(cidr.last)
            if reserve_network_address:
                reserved.add(cidr.first)
    if gateway is not None and cidr.contains(gateway):
        reserved.add(gateway)
    return sorted(reserved)


def initial_free(cidr: Cidr, gateway: int | None, reserve_network_address: bool) -> list[Interval]:
    """Return the free intervals of a new block, in ascending order."""
    reserved = reserved_addresses(cidr, gateway, reserve_network_address)
    return subtract([Interval(cidr.first, cidr.last)], reserved)


def default_gateway(cidr: Cidr) -> int | None:
    """Return the second address, or None where a network has no more than two."""
    return cidr.first + 1 if cidr.size > 2 else None


def subtract(intervals: Iterable[Interval], points: Iterable[int]) -> list[Interval]:
    """Return what is left of ascending, disjoint intervals without the points.

    Points may come in any order, repeat, and lie outside the intervals.
    """
    left: list[Interval] = []
    holes = iter(sorted(set(points)))
    hole = next(holes, None)
    for first, last in intervals:
        while hole is not None and hole <= last:
            if first < hole:
                left.append(Interval(first, hole - 1))
            first = max(first, hole + 1)
            hole = next(holes, None)
        if first <= last:
            left.append(Interval(first, last))
    return left
