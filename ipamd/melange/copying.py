"""From the scratch store into ipamd's, in transactions each of which is whole.

A tree of blocks, from its root to the last address, is one transaction; so are pages of
what is smaller.  Rows that are there already are left as they are: an import that was
interrupted is run again.  Every row is told of by the event that a request would cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ipamd.context import RequestContext
from ipamd.db import bulk, outbox
from ipamd.db.database import Database, Transaction
from ipamd.db.models import (
    AllowedIp,
    FreeRange,
    Interface,
    IpAddress,
    IpBlock,
    IpNat,
    IpOctet,
    IpRange,
    IpRoute,
    MacAddress,
    MacAddressRange,
    Policy,
    table_of,
)
from ipamd.ipam.addresses import format_address
from ipamd.ipam.intervals import Interval
from ipamd.ipam.mac import format_mac
from ipamd.melange import target
from ipamd.melange.report import TAKEN, THERE, Report
from ipamd.melange.scratch import Row, Scratch
from ipamd.operations import (
    allocation,
    ip_blocks,
    mac_address_ranges,
    mac_addresses,
    policies,
    scopes,
)
from ipamd.operations.common import times
from ipamd.operations.free_space import MAC, StoredSpace

_ADDRESSES = table_of(IpAddress)
_BLOCKS = table_of(IpBlock)
_INTERFACES = table_of(Interface)
_MACS = table_of(MacAddress)
_MAC_RANGES = table_of(MacAddressRange)


# What a transaction wrote into other tables, to be counted when it is committed.
Also = dict[str, int] | None
Write = Callable[[Transaction, Sequence[Row]], Also]


class ClashError(Exception):
    """Somebody wrote into the store what is in the way of a row; one sentence."""


@dataclass
class Counted:
    """What one transaction did, counted when it is committed."""

    table: str
    taken: int = 0
    there: int = 0


class Copy:
    """One run from a scratch store into a database."""

    def __init__(self, db: Database, scratch: Scratch, report: Report) -> None:
        self._db = db
        self._scratch = scratch
        self._report = report
        self._context = RequestContext()

    def everything(self) -> None:
        """Copy all tables, those that others refer to first.

        Raises: ClashError; what was copied before it stays, and is whole.
        """
        self._pages("policies", table_of(Policy), self._policies)
        self._pages("interfaces", _INTERFACES, self._interfaces)
        self._pages("mac_addresses", _MACS, self._macs)
        self._pages("mac_address_ranges", _MAC_RANGES, self._mac_ranges)
        roots = sa.select(_BLOCKS).where(_BLOCKS.c.parent_id.is_(None))
        total, done = self._count(_BLOCKS), 0
        for root in self._scratch.rows(roots, _BLOCKS.c.id):
            done += self._tree(root)
            self._report.progress("ip_blocks", done, total)
        self._pages("ip_nats", table_of(IpNat), self._nats)
        self._pages("allowed_ips", table_of(AllowedIp), self._allowed)

    def _pages(
        self,
        name: str,
        table: sa.Table,
        write: Write,
    ) -> None:
        """Copy a table's rows that are not there yet, each page in one transaction."""
        total, done = self._count(table), 0
        for page in self._scratch.chunks(sa.select(table), table.c.id):

            def work(tx: Transaction, page: Sequence[Row] = page) -> tuple[int, Also]:
                there = target.existing(tx, table, [row.id for row in page])
                fresh = [row for row in page if row.id not in there]
                return len(there), (write(tx, fresh) if fresh else None)

            there, also = self._db.run(self._context, work)
            self._report.count(name, THERE, there)
            self._report.count(name, TAKEN, len(page) - there)
            for other, number in (also or {}).items():
                self._report.count(other, TAKEN, number)
            done += len(page)
            self._report.progress(name, done, total)

    # --- policies, interfaces, MAC addresses --------------------------------------------

    def _policies(self, tx: Transaction, fresh: Sequence[Row]) -> Also:
        """Copy policies with what they exclude."""
        bulk.insert(tx, table_of(Policy), [row._asdict() for row in fresh])
        ids = [row.id for row in fresh]
        rules: dict[sa.Table, dict[str, list[Row]]] = {}
        for table in (table_of(IpRange), table_of(IpOctet)):
            mine = sa.select(table).where(table.c.policy_id.in_(ids))
            rules[table] = {}
            for chunk in self._scratch.chunks(mine, table.c.id):
                bulk.insert(tx, table, [row._asdict() for row in chunk])
                for row in chunk:
                    rules[table].setdefault(row.policy_id, []).append(row)
        ranges, octets = rules.values()
        for row in fresh:
            names = ("id", "tenant_id", "name", "description")
            shown = {**{name: getattr(row, name) for name in names}, **times(row)}
            shown["unusable_ip_ranges"] = list(map(policies.show_range, ranges.get(row.id, [])))
            shown["unusable_ip_octets"] = list(map(policies.show_octet, octets.get(row.id, [])))
            tx.emit("policy.create", shown, tenant_id=row.tenant_id)
        return {t.name: sum(map(len, by_policy.values())) for t, by_policy in rules.items()}

    def _interfaces(self, tx: Transaction, fresh: Sequence[Row]) -> None:
        bulk.insert(tx, _INTERFACES, [row._asdict() for row in fresh])
        ids = {row.id for row in fresh}
        macs = self._scratch.by_key(_MACS, _MACS.c.interface_id, ids)
        for row in fresh:
            mac = macs.get(row.id)
            shown = {
                "id": row.id,
                "tenant_id": row.tenant_id,
                "device_id": row.device_id,
                "mac_address": format_mac(mac.address) if mac else None,
                "ip_addresses": [],
                **times(row),
            }
            tx.emit("interface.create", shown, tenant_id=row.tenant_id)

    def _macs(self, tx: Transaction, fresh: Sequence[Row]) -> None:
        """Copy MAC addresses; they come to their range with it, unless it is there."""
        self._stop_at(target.mac_clashes(tx, fresh))
        sources = {row.mac_address_range_id for row in fresh if row.mac_address_range_id}
        there = target.existing(tx, _MAC_RANGES, sources)
        rows = [row._asdict() for row in fresh]
        for row in rows:
            if row["mac_address_range_id"] not in there:
                row["mac_address_range_id"] = None
        bulk.insert(tx, _MACS, rows)
        # Ranges that are there lose what is in use now.
        for found in tx.execute(mac_addresses.LOCK_RANGES).all():
            space = StoredSpace(tx, MAC, found.id, Interval(found.first, found.last))
            for row in rows:
                if found.first <= row["address"] <= found.last and space.is_free(row["address"]):
                    space.take(row["address"])
            space.flush()
        owners = self._scratch.by_key(
            _INTERFACES, _INTERFACES.c.id, {row.interface_id for row in fresh}
        )
        for mac in fresh:
            names = {"id": mac.id, "interface_id": mac.interface_id}
            event = {**names, "address": format_mac(mac.address)}
            tenant_id = owners[mac.interface_id].tenant_id
            tx.emit("mac_address.create", event, tenant_id=tenant_id)

    def _mac_ranges(self, tx: Transaction, fresh: Sequence[Row]) -> None:
        """Copy ranges with what is free of them; the MAC addresses in use are there."""
        mac_address_ranges.lock(tx)
        bulk.insert(tx, _MAC_RANGES, [row._asdict() for row in fresh])
        for found in fresh:
            mac_address_ranges.insert_free(tx, found.id, Interval(found.first, found.last))
            mine = sa.select(_MACS.c.id).where(_MACS.c.mac_address_range_id == found.id)
            for chunk in self._scratch.chunks(mine, _MACS.c.id):
                belong = sa.update(_MACS).values(mac_address_range_id=found.id)
                bulk.by_ids(tx, belong.where, _MACS.c.id, [row.id for row in chunk])

    # --- blocks -------------------------------------------------------------------------

    def _tree(self, root: Row) -> int:
        """Copy a block with its subnets, addresses and routes; return how many blocks."""
        counted = self._db.run(self._context, lambda tx: self._write_tree(tx, root))
        for each in counted:
            self._report.count(each.table, TAKEN, each.taken)
            self._report.count(each.table, THERE, each.there)
        return counted[0].taken + counted[0].there

    def _write_tree(self, tx: Transaction, root: Row) -> list[Counted]:
        blocks, addresses = Counted("ip_blocks"), Counted("ip_addresses")
        routes = Counted("ip_routes")
        there = bool(target.existing(tx, _BLOCKS, [root.id]))
        if not there:
            names = {n for b in self._walk(root) for n in scopes.of_block(b.type, b.network_id)}
            scopes.lock(tx, sorted(names))
        for block in self._walk(root):
            if there:
                blocks.there += 1
            else:
                self._stop_at(target.block_clashes(tx, self._scratch, [block]))
                bulk.insert(tx, _BLOCKS, [block._asdict()])
                tx.emit("ip_block.create", ip_blocks.show(block), tenant_id=block.tenant_id)
                blocks.taken += 1
            self._fill(tx, block, addresses, routes, there=there)
            _store_events(tx)
        return [blocks, addresses, routes]

    def _walk(self, block: Row) -> Iterator[Row]:
        """Yield a block and all that is inside it, each before its subnets."""
        yield block
        below = sa.select(_BLOCKS).where(_BLOCKS.c.parent_id == block.id)
        for child in self._scratch.rows(below, _BLOCKS.c.id):
            yield from self._walk(child)

    def _fill(
        self, tx: Transaction, block: Row, addresses: Counted, routes: Counted, *, there: bool
    ) -> None:
        held = sa.select(_ADDRESSES).where(_ADDRESSES.c.ip_block_id == block.id)
        for chunk in self._scratch.chunks(held, _ADDRESSES.c.address):
            if there:
                addresses.there += len(chunk)
                continue
            bulk.insert(tx, _ADDRESSES, [row._asdict() for row in chunk])
            for row in chunk:
                quarantined = row.deallocated_at is not None
                tx.emit(
                    "ip_address.deallocate" if quarantined else "ip_address.create",
                    allocation.show(row),
                    tenant_id=row.used_by_tenant_id,
                    address=row.address,
                )
            _store_events(tx)
            addresses.taken += len(chunk)
        route_table = table_of(IpRoute)
        mine = sa.select(route_table).where(route_table.c.ip_block_id == block.id)
        for row in self._scratch.rows(mine, route_table.c.id):
            if there:
                routes.there += 1
                continue
            bulk.insert(tx, route_table, [row._asdict()])
            names = ("id", "ip_block_id", "destination", "netmask", "gateway")
            shown = {**{name: getattr(row, name) for name in names}, **times(row)}
            tx.emit("ip_route.create", shown, tenant_id=block.tenant_id)
            routes.taken += 1
        if there:
            return
        free = sa.select(table_of(FreeRange)).where(table_of(FreeRange).c.ip_block_id == block.id)
        for chunk in self._scratch.chunks(free, table_of(FreeRange).c.last):
            bulk.insert(tx, table_of(FreeRange), [row._asdict() for row in chunk])

    # --- pairs --------------------------------------------------------------------------

    def _nats(self, tx: Transaction, fresh: Sequence[Row]) -> None:
        for row, (local, outer) in self._with_addresses(
            tx, table_of(IpNat), fresh, "inside_local_address_id", "inside_global_address_id"
        ):
            payload = {
                "inside_local": {"id": local.id, "address": format_address(local.address)},
                "inside_global": {"id": outer.id, "address": format_address(outer.address)},
            }
            tx.emit("ip_nat.create", payload, tenant_id=local.used_by_tenant_id)
            bulk.insert(tx, table_of(IpNat), [row._asdict()])

    def _allowed(self, tx: Transaction, fresh: Sequence[Row]) -> None:
        owners = self._scratch.by_key(
            _INTERFACES, _INTERFACES.c.id, {row.interface_id for row in fresh}
        )
        for row, (address,) in self._with_addresses(
            tx, table_of(AllowedIp), fresh, "ip_address_id"
        ):
            shown = {"interface_id": row.interface_id, "ip_address": allocation.show(address)}
            tenant_id = owners[row.interface_id].tenant_id
            tx.emit("allowed_ip.create", shown, tenant_id=tenant_id)
            bulk.insert(tx, table_of(AllowedIp), [row._asdict()])

    def _with_addresses(
        self, tx: Transaction, table: sa.Table, fresh: Sequence[Row], *ends: str
    ) -> Iterator[tuple[Row, list[Row]]]:
        """Yield rows with their addresses; those of addresses that have gone are left out.

        They can have gone only between two runs of an import, from trees that the first
        has copied.
        """
        wanted = {getattr(row, end) for row in fresh for end in ends}
        there = target.existing(tx, _ADDRESSES, wanted)
        known = self._scratch.by_key(_ADDRESSES, _ADDRESSES.c.id, wanted)
        for row in fresh:
            gone = [getattr(row, end) for end in ends if getattr(row, end) not in there]
            if gone:
                text = f"left out, since address {gone[0]} has gone from this store"
                self._report.note(table.name, row.id, text)
            else:
                yield row, [known[getattr(row, end)] for end in ends]

    # --- reading the scratch store --------------------------------------------------------

    def _count(self, table: sa.Table) -> int:
        counted = sa.select(sa.func.count()).select_from(table)
        return int(self._scratch.connection.execute(counted).scalar_one())

    @staticmethod
    def _stop_at(clashes: Iterator[target.Clash]) -> None:
        for table, row_id, reason in clashes:
            raise ClashError(f"{table} {row_id}: {reason}")


def _store_events(tx: Transaction) -> None:
    """Write what is put off, and the events so far: a tree may be larger than memory."""
    events, tx.events = tx.events, []
    outbox.store(tx, events)
    tx.flush()
