"""Handing addresses out: which one, and the rows that say so.

``BlockAllocation`` works on one locked block.  Picking is done in memory; the rows of
everything that was handed out are written together by ``flush()``.

Invariant: free space, rows and reserved addresses stay disjoint and cover the block;
the block's counters say how many rows there are.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from ipamd import errors
from ipamd.db import bulk
from ipamd.db.database import Transaction
from ipamd.db.models import IpAddress, IpBlock, IpOctet, IpRange, table_of
from ipamd.db.outbox import timestamp
from ipamd.db.prepared import Prepared
from ipamd.ids import new_id, new_ids
from ipamd.ipam.addresses import Cidr, format_address, version_of
from ipamd.ipam.exclusions import Exclusions
from ipamd.ipam.generators import GENERATORS
from ipamd.ipam.intervals import Interval
from ipamd.ipam.reserved import reserved_addresses
from ipamd.operations import free_space, quotas
from ipamd.operations.common import Resource, Row
from ipamd.operations.free_space import IP, StoredSpace
from ipamd.operations.interface_states import InterfaceState
from ipamd.operations.thresholds import Fill, tell_crossed

ADDRESSES = table_of(IpAddress)
_BLOCKS = table_of(IpBlock)
_RANGES = table_of(IpRange)
_OCTETS = table_of(IpOctet)

_RULES = sa.union_all(
    sa.select(_RANGES.c.offset, _RANGES.c.length, sa.literal(-1).label("octet")).where(
        _RANGES.c.policy_id == sa.bindparam("policy")
    ),
    sa.select(sa.literal(0), sa.literal(0), _OCTETS.c.octet).where(
        _OCTETS.c.policy_id == sa.bindparam("policy")
    ),
)
_COUNT = Prepared(
    sa.update(_BLOCKS)
    .where(_BLOCKS.c.id.in_(sa.bindparam("blocks", expanding=True)))
    .values(
        allocated=_BLOCKS.c.allocated + sa.bindparam("held"),
        quarantined=_BLOCKS.c.quarantined + sa.bindparam("released"),
    )
)
_MOVE_CURSOR = (
    sa.update(_BLOCKS)
    .where(_BLOCKS.c.id == sa.bindparam("block"))
    .values(cursor=sa.bindparam("address"))
)
_OLDEST = (
    sa.select(ADDRESSES)
    .where(
        ADDRESSES.c.ip_block_id == sa.bindparam("block"),
        ADDRESSES.c.deallocated_at.is_not(None),
    )
    .order_by(ADDRESSES.c.deallocated_at, ADDRESSES.c.id)
    .limit(sa.bindparam("row_limit"))
    .offset(sa.bindparam("row_offset"))
)
# Nearly always the first ones will do; a policy may forbid some of them.
_LOOK_AT = 256


class BlockAllocation:
    """The addresses that one transaction hands out from one locked block.

    ``counted``: how many addresses its ``allocated`` column counts in advance.
    """

    def __init__(self, tx: Transaction, block: Row, *, counted: int = 0) -> None:
        self._tx = tx
        self.block = block
        self.cidr = Cidr(block.first, block.last, block.prefix_length)
        self.space = StoredSpace(
            tx,
            IP,
            block.id,
            Interval(block.first, block.last),
            exclusions_of(tx, block, self.cidr),
        )
        self.rows: list[Resource] = []
        self._counted = counted
        self._allocated = block.allocated - counted
        self._quarantined = block.quarantined
        self._used = self._allocated + self._quarantined
        self._cursor: int | None = block.cursor
        self._asker = tx.context, tx.request_key

    def allocate(self, interface: InterfaceState, chosen: int | None) -> Resource:
        """Hand out the address ``chosen``, or the next one, to ``interface``.

        Raises: BlockHasSubnets, InterfaceOnAnotherNetwork, QuotaExceeded, NoMoreAddressesError,
            AddressNotInBlock, AddressDisallowedByPolicy, AddressAlreadyAllocated,
            MissingParameters (an IPv6 address is made from a MAC address)
        """
        if self.block.subnets:
            raise errors.BlockHasSubnets()
        interface.check_network(self.block.network_id)
        quotas.check(self._tx, "ip_addresses", interface.tenant_id)
        if chosen is None:
            address = self._next(interface)
        else:
            self._check_chosen(chosen)
            address = chosen
        interface.join(self.block.network_id)
        self.space.take(address)
        quotas.use(self._tx, "ip_addresses", interface.tenant_id)
        return self._hold(interface, address, new_id())

    def allocate_many(self, interface: InterfaceState, count: int) -> list[Resource]:
        """Hand out ``count`` addresses, contiguous where possible, or none at all.

        Raises: as ``allocate``
        """
        if self.block.subnets:
            raise errors.BlockHasSubnets()
        interface.check_network(self.block.network_id)
        quotas.take(self._tx, "ip_addresses", interface.tenant_id, count)
        found = self.space.lowest(count)
        missing = count - sum(interval.size for interval in found)
        if missing:
            self._reclaim(missing)
            found = self.space.lowest(count)
        interface.join(self.block.network_id)
        for interval in found:
            self.space.take(interval.first, interval.last)
        addresses = (
            address for interval in found for address in range(interval.first, interval.last + 1)
        )
        return [
            self._hold(interface, address, row_id)
            for address, row_id in zip(addresses, new_ids(count), strict=True)
        ]

    def released(self, held: int) -> None:
        """Count addresses whose rows the caller has put into quarantine."""
        self._allocated -= held
        self._quarantined += held

    def _next(self, interface: InterfaceState) -> int:
        start = self._start(interface)
        while True:
            address = self.space.next_free(start)
            if address is None and start is not None:
                address = self.space.next_free()
            if address is not None:
                self._cursor = address
                return address
            self._reclaim()

    def _start(self, interface: InterfaceState) -> int | None:
        """Return where to look first; the search goes on from there and then from the start.

        Raises: MissingParameters
        """
        strategy = self.block.allocation_strategy
        if strategy == "random":
            return self.cidr.first + secrets.randbelow(self.cidr.size)
        if strategy == "cyclic":
            last = self._cursor
            return None if last is None or last >= self.cidr.last else last + 1
        if self.cidr.version == 4:
            return None
        if interface.mac is None:
            raise errors.MissingParameters(names=["mac_address"])
        generate = GENERATORS[self._tx.conf.ipam.ipv6_generator]
        return generate(self.cidr, interface.tenant_id, interface.mac)

    def _check_chosen(self, chosen: int) -> None:
        if self.cidr.contains(chosen) and self.space.is_free(chosen):
            if self.space.allows(chosen):
                return
            refusal: errors.IpamError = errors.AddressDisallowedByPolicy()
        elif not self.cidr.contains(chosen):
            refusal = errors.AddressNotInBlock()
        else:
            refusal = errors.AddressAlreadyAllocated()
        # Melange answered "full" to whatever was asked of a full block.
        may_reclaim = self._tx.conf.ipam.reclaim_when_full and self._quarantined
        if self._is_full() and not may_reclaim:
            raise errors.NoMoreAddressesError()
        raise refusal

    def _reclaim(self, count: int = 1) -> None:
        """Take back the ``count`` addresses that were released longest ago.

        Those that the policy excludes now stay where they are.

        Raises: NoMoreAddressesError when there are fewer, or they are not wanted.
        """
        tx = self._tx
        if not tx.conf.ipam.reclaim_when_full or self._quarantined < count:
            raise errors.NoMoreAddressesError()
        oldest = self._oldest_released(count)
        free(tx, oldest)
        for row in oldest:
            self.space.give(row.address)
        self._quarantined -= count

    def _oldest_released(self, count: int) -> list[Row]:
        """Read ``count`` addresses in quarantine that the policy allows, oldest first."""
        found: list[Row] = []
        look_at, seen = max(count, _LOOK_AT), 0
        while len(found) < count:
            values = {"block": self.block.id, "row_limit": look_at, "row_offset": seen}
            rows = self._tx.execute(_OLDEST, values).all()
            if not rows:
                raise errors.NoMoreAddressesError()
            found += [row for row in rows if self.space.allows(row.address)]
            seen += len(rows)
        return found[:count]

    def _hold(self, interface: InterfaceState, address: int, row_id: str) -> Resource:
        tx = self._tx
        row = {
            "id": row_id,
            "ip_block_id": self.block.id,
            "address": address,
            "interface_id": interface.id,
            "used_by_tenant_id": interface.tenant_id,
            "used_by_device_id": interface.device_id,
            "deallocated_at": None,
            "created_at": tx.now,
            "updated_at": tx.now,
        }
        self.rows.append(row)
        self._asker = tx.context, tx.request_key
        moment = tx.moment
        result = {
            "id": row_id,
            "ip_block_id": self.block.id,
            "address": format_address(address),
            "version": version_of(address),
            "interface_id": interface.id,
            "used_by_tenant": interface.tenant_id,
            "used_by_device": interface.device_id,
            "created_at": moment,
            "updated_at": moment,
        }
        tx.emit("ip_address.create", result, tenant_id=interface.tenant_id, address=address)
        return result

    def flush(self) -> None:
        """Write the free space, the new rows and the block's counters."""
        flush(self._tx, [self])

    def counts(self) -> tuple[int, int]:
        """Return what to add to the block's columns ``allocated`` and ``quarantined``."""
        held = self._allocated + len(self.rows) - self.block.allocated
        return held, self._quarantined - self.block.quarantined

    def new_cursor(self) -> int | None:
        """Return the address a cyclic block gave last, if it gave one."""
        cyclic = self.block.allocation_strategy == "cyclic"
        return self._cursor if cyclic and self._cursor != self.block.cursor else None

    def tell_how_full(self) -> None:
        """Emit ``ip_block.utilization`` for thresholds crossed, and ``ip_block.full``.

        They are events of the request that got the last address, whoever else is in the
        transaction.
        """
        if not self.rows:
            return
        tx, block, fill = self._tx, self.block, self._fill()
        tx.context, tx.request_key = self._asker
        tell_crossed(tx, block, self.cidr, Fill(fill.reserved, self._used, 0), fill)
        if fill.used + fill.reserved >= self.cidr.size:
            payload = {"id": block.id, "cidr": str(self.cidr)}
            tx.emit("ip_block.full", payload, tenant_id=block.tenant_id)

    def _is_full(self) -> bool:
        """Tell from the counters whether no address is free, whatever the policy says."""
        fill = self._fill()
        return fill.used + fill.reserved >= self.cidr.size

    def _fill(self) -> Fill:
        """Return how full the block is by now."""
        block = self.block
        reserved = reserved_addresses(self.cidr, block.gateway, block.reserve_network_address)
        return Fill(len(reserved), self._allocated + len(self.rows), self._quarantined)


def flush(tx: Transaction, allocations: Sequence[BlockAllocation]) -> None:
    """Write what was handed out from several blocks: one statement for each table."""
    free_space.flush(tx, IP, [allocation.space for allocation in allocations])
    rows = [row for allocation in allocations for row in allocation.rows]
    bulk.insert(tx, ADDRESSES, rows)
    count_many(tx, [(each.block.id, *each.counts()) for each in allocations])
    for allocation in allocations:
        cursor = allocation.new_cursor()
        if cursor is not None:
            tx.execute(_MOVE_CURSOR, {"block": allocation.block.id, "address": cursor})
        allocation.tell_how_full()


def count(tx: Transaction, block_id: str, *, held: int = 0, released: int = 0) -> None:
    """Add to a locked block's counters of held and quarantined addresses."""
    count_many(tx, [(block_id, held, released)])


def count_many(tx: Transaction, changes: Iterable[tuple[str, int, int]]) -> None:
    """Add to counters of locked blocks: (block, held, quarantined) each.

    One statement for all the blocks whose counters change alike.
    """
    alike: dict[tuple[int, int], list[str]] = {}
    for block_id, held, released in changes:
        if held or released:
            alike.setdefault((held, released), []).append(block_id)
    for (held, released), blocks in alike.items():
        values = {"blocks": blocks, "held": held, "released": released}
        _COUNT.put_off(tx, _BLOCKS, values)


def show(row: Row) -> Resource:
    """Return an address as RPC results and events carry it.

    In quarantine it belongs to nobody: interface, tenant and device are null.
    """
    held = row.deallocated_at is None
    return {
        "id": row.id,
        "ip_block_id": row.ip_block_id,
        "address": format_address(row.address),
        "version": version_of(row.address),
        "interface_id": row.interface_id if held else None,
        "used_by_tenant": row.used_by_tenant_id if held else None,
        "used_by_device": row.used_by_device_id if held else None,
        "created_at": timestamp(row.created_at),
        "updated_at": timestamp(row.updated_at),
    }


def free(tx: Transaction, rows: Sequence[Row]) -> None:
    """Delete address rows and tell of it; the caller gives the space back."""
    ids = [row.id for row in rows]
    bulk.by_ids(tx, lambda these: sa.delete(ADDRESSES).where(these), ADDRESSES.c.id, ids)
    for row in rows:
        tx.emit(
            "ip_address.delete", show(row), tenant_id=row.used_by_tenant_id, address=row.address
        )


def exclusions_of(tx: Transaction, block: Row, cidr: Cidr) -> Exclusions | None:
    """Read what the block's policy excludes; None without a policy."""
    if block.policy_id is None:
        return None
    rules = tx.execute(_RULES, {"policy": block.policy_id}).all()
    ranges = [(rule.offset, rule.length) for rule in rules if rule.octet < 0]
    octets = [rule.octet for rule in rules if rule.octet >= 0]
    return Exclusions(cidr, ranges, octets)
