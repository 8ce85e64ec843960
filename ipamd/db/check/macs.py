"""MAC address ranges: their free space is the range without the MAC addresses in use."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import sqlalchemy as sa

from ipamd.db.check import spaces
from ipamd.db.check.findings import MACS, Finding, Progress, shortened
from ipamd.db.check.snapshots import Row, pages
from ipamd.db.check.spaces import Run
from ipamd.db.models import FreeMacRange, MacAddress, MacAddressRange, table_of
from ipamd.ipam.intervals import Interval
from ipamd.ipam.mac import format_mac

_RANGES = table_of(MacAddressRange)
_FREE = table_of(FreeMacRange)
_MACS = table_of(MacAddress)


def find(connection: sa.Connection, progress: Progress) -> Iterator[Finding]:
    """Check every range, each in a snapshot of its own."""
    with connection.begin():
        ranges = connection.execute(sa.select(_RANGES.c.id).order_by(_RANGES.c.id)).scalars().all()
    for number, range_id in enumerate(ranges):
        progress("MAC ranges", number, len(ranges))
        with connection.begin():
            row = connection.execute(sa.select(_RANGES).where(_RANGES.c.id == range_id)).first()
            if row is not None:
                yield from shortened(_of_range(connection, row))
    progress("MAC ranges", len(ranges), len(ranges))


def in_use(connection: sa.Connection, row: Row) -> Iterator[int]:
    """Yield the MAC addresses in use inside a range row, in ascending order."""
    inside = sa.select(_MACS.c.address).where(_MACS.c.address.between(row.first, row.last))
    return (found.address for found in pages(connection, inside, _MACS.c.address))


def subject(row: Row) -> str:
    """Name a range for people."""
    return f"mac_address_range {row.id} ({row.cidr})"


def _of_range(connection: sa.Connection, row: Row) -> Iterator[Finding]:
    free = sa.select(_FREE).where(_FREE.c.mac_address_range_id == row.id)
    runs = heapq.merge(
        (Run(run.first, run.last, spaces.FREE) for run in pages(connection, free, _FREE.c.last)),
        (Run(mac, mac, "in use") for mac in in_use(connection, row)),
    )
    for problem in spaces.problems(Interval(row.first, row.last), runs):
        span = " to ".join(format_mac(mac) for mac in sorted({problem.first, problem.last}))
        yield Finding(MACS, row.id, subject(row), f"{span}: {problem}")
