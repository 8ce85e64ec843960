"""Melange's rows into the scratch store, table by table, in the order of references.

What is refused is said with its reason; a row that needs a refused one is refused too,
but for addresses, which stay held even where their interface could not be taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ipamd.db.models import (
    AllowedIp,
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
from ipamd.ipam.mac import MacRange, format_mac
from ipamd.melange import rows
from ipamd.melange.report import READ, Report
from ipamd.melange.rows import Refused, Values
from ipamd.melange.scratch import INTERFACE_ROWS, Row, Scratch
from ipamd.melange.source import Source

_POLICIES = table_of(Policy)
_BLOCKS = table_of(IpBlock)
_ADDRESSES = table_of(IpAddress)
_INTERFACES = table_of(Interface)
_MAC_RANGES = table_of(MacAddressRange)
_MACS = table_of(MacAddress)

Page = list[dict[str, Any]]
# What a page's rows refer to, by the name of the column.
Known = Mapping[str, Mapping[Any, Row]]
Translate = Callable[[dict[str, Any], Known], Values]


class Translation:
    """One run over a Melange database."""

    def __init__(self, source: Source, scratch: Scratch, report: Report, now: datetime) -> None:
        self.source = source
        self.scratch = scratch
        self.report = report
        self.now = now

    def policies(self) -> None:
        """Translate policies and what they exclude."""
        self._table("policies", _POLICIES, lambda row, _: rows.policy(row, self.now))
        for name, table, read in (
            ("ip_ranges", table_of(IpRange), rows.ip_range),
            ("ip_octets", table_of(IpOctet), rows.ip_octet),
        ):

            def rule(row: dict[str, Any], known: Known, read: Any = read) -> Values:
                values: Values = read(row, self.now)
                self.refer("policies", values["policy_id"], known["policy_id"])
                return values

            self._table(name, table, rule, {"policy_id": _POLICIES.c.id})

    def mac_address_ranges(self) -> None:
        """Translate MAC address ranges."""
        read = rows.mac_range
        self._table("mac_address_ranges", _MAC_RANGES, lambda row, _: read(row, self.now))

    def interfaces(self) -> None:
        """Translate interfaces, and remember which row became which."""
        for page in self.pages("interfaces"):
            read = [(row, self._read("interfaces", row, rows.interface)) for row in page]
            names = {values["id"] for _, values in read if values}
            taken = set(self.scratch.by_key(_INTERFACES, _INTERFACES.c.id, names))
            fresh, ids = [], []
            for row, values in read:
                if values is None:
                    continue
                if values["id"] in taken:
                    self.refuse("interfaces", row, f"the id {values['id']} is there twice")
                    continue
                taken.add(values["id"])
                fresh.append(values)
                ids.append({"row_id": row["id"], "id": values["id"]})
            self.scratch.insert(_INTERFACES, fresh)
            self.scratch.insert(INTERFACE_ROWS, ids)

    def mac_addresses(self) -> None:
        """Translate the MAC addresses of interfaces."""
        for page in self.pages("mac_addresses"):
            read = [(row, self._read("mac_addresses", row, rows.mac_address)) for row in page]
            owners = self._interfaces_of(values for _, values in read if values)
            given = [(row, values) for row, values in read if values]
            by_address = {v["address"] for _, v in given}
            used = set(self.scratch.by_key(_MACS, _MACS.c.address, by_address))
            holding = set(self.scratch.by_key(_MACS, _MACS.c.interface_id, owners.values()))
            ranges = self.scratch.by_key(
                _MAC_RANGES, _MAC_RANGES.c.id, {v["mac_address_range_id"] for _, v in given}
            )
            fresh = []
            for row, values in given:
                owner = owners.get(values["interface_id"])
                if owner is None:
                    reason = self.missing("interfaces", values["interface_id"])
                elif values["address"] in used:
                    reason = f"{format_mac(values['address'])} is there twice"
                elif owner in holding:
                    reason = f"interface {owner} has another MAC address"
                else:
                    source = ranges.get(values["mac_address_range_id"])
                    inside = source and MacRange(source.first, source.last).contains(
                        values["address"]
                    )
                    values["mac_address_range_id"] = source.id if source and inside else None
                    values["interface_id"] = owner
                    used.add(values["address"])
                    holding.add(owner)
                    fresh.append(values)
                    continue
                self.refuse("mac_addresses", row, reason)
            self.scratch.insert(_MACS, fresh)

    def ip_routes(self) -> None:
        """Translate static routes."""

        def route(row: dict[str, Any], known: Known) -> Values:
            values = rows.ip_route(row, self.now)
            self.refer("ip_blocks", values["ip_block_id"], known["source_block_id"])
            return values

        self._table("ip_routes", table_of(IpRoute), route, {"source_block_id": _BLOCKS.c.id})

    def ip_nats(self) -> None:
        """Translate NAT associations."""
        ends = ("inside_local_address_id", "inside_global_address_id")
        self._pairs("ip_nats", table_of(IpNat), dict.fromkeys(ends, _ADDRESSES.c.id))

    def allowed_ips(self) -> None:
        """Translate the addresses that interfaces may use besides their own."""
        needed = {"interface_id": INTERFACE_ROWS.c.row_id, "ip_address_id": _ADDRESSES.c.id}
        self._pairs("allowed_ips", table_of(AllowedIp), needed)

    def _pairs(self, name: str, table: sa.Table, needed: dict[str, sa.Column[Any]]) -> None:
        """Translate rows that are nothing but a unique pair of references."""
        owners = {"interface_id": "interfaces"}
        for page in self.pages(name):
            known = self._known(page, needed)
            fresh = []
            for row in page:
                try:
                    values = {"id": rows.own_id(row)}
                    for column in needed:
                        value = rows.text(row, column, required=True)
                        owner = owners.get(column, "ip_addresses")
                        values[column] = self.refer(owner, value, known[column]).id
                    values["created_at"] = rows.times(row, self.now)["created_at"]
                except Refused as refused:
                    self.refuse(name, row, str(refused))
                    continue
                fresh.append(values)
            for values in fresh:
                pair = [table.c[column] == values[column] for column in needed]
                if self.scratch.connection.execute(sa.select(table.c.id).where(*pair)).first():
                    self.refuse(name, values, "the same is there twice")
                    continue
                self.scratch.insert(table, [values])

    # --- what all of them need ----------------------------------------------------------

    def _table(
        self,
        name: str,
        table: sa.Table,
        translate: Translate,
        needed: Mapping[str, sa.Column[Any]] | None = None,
    ) -> None:
        """Translate a table row by row; ``needed`` are its references, by column."""
        for page in self.pages(name):
            known = self._known(page, needed or {})
            fresh = []
            for row in page:
                try:
                    fresh.append(translate(row, known))
                except Refused as refused:
                    self.refuse(name, row, str(refused))
            self.scratch.insert(table, fresh)

    def pages(self, name: str) -> Iterator[Page]:
        """Yield the pages of a table; count its rows, and show how far it is."""
        total, done = self.source.count(name), 0
        for page in self.source.pages(name):
            yield page
            done += len(page)
            self.report.count(name, READ, len(page))
            self.report.progress(name, done, total)
        self.scratch.commit()

    def _known(self, page: Page, needed: Mapping[str, sa.Column[Any]]) -> Known:
        return {
            name: self.scratch.by_key(
                column.table, column, {row.get(name) for row in page if row.get(name)}
            )
            for name, column in needed.items()
        }

    def _read(self, name: str, row: dict[str, Any], read: Any) -> Values | None:
        try:
            values: Values = read(row, self.now)
        except Refused as refused:
            self.refuse(name, row, str(refused))
            return None
        return values

    def _interfaces_of(self, values: Any) -> dict[str, str]:
        wanted = {each["interface_id"] for each in values if each["interface_id"]}
        found = self.scratch.by_key(INTERFACE_ROWS, INTERFACE_ROWS.c.row_id, wanted)
        return {row_id: row.id for row_id, row in found.items()}

    def refer(self, table: str, row_id: str | None, known: Mapping[Any, Row]) -> Row:
        """Return the row that another one refers to.

        Raises: Refused when it does not exist, or was refused itself.
        """
        if row_id not in known:
            raise Refused(self.missing(table, row_id))
        return known[row_id]

    def missing(self, table: str, row_id: str | None) -> str:
        """Say that a row is not there, and whether it was in Melange."""
        refused = self.scratch.was_refused(table, str(row_id))
        return f"{table} {row_id} {'was refused' if refused else 'does not exist'}"

    def refuse(self, table: str, row: Mapping[str, Any], reason: str) -> None:
        """Leave a row out, and say why."""
        self.report.refuse(table, row["id"], reason)
        self.scratch.refuse(table, str(row["id"]))
