"""One search over all nouns, by whatever somebody has at hand.

Every look is along an index; each list ends after ``limit`` finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.db.models import MacAddress, Network, Port, table_of
from ipamd.ipam.addresses import Cidr, network_of, parse_address, parse_cidr, version_of
from ipamd.ipam.mac import format_mac, parse_mac
from ipamd.operations import block_trees
from ipamd.operations.allocation import ADDRESSES
from ipamd.operations.common import Resource, Row, page_size, times
from ipamd.operations.interface_states import INTERFACES
from ipamd.operations.ip_blocks import BLOCKS, TYPES
from ipamd.operations.kinds import KINDS

_MACS = table_of(MacAddress)
_NETWORKS = table_of(Network)
_PORTS = table_of(Port)
LONGEST_TEXT = 255

Column = sa.ColumnElement[Any]


class Look(NamedTuple):
    """One search in a table: what is wanted, and the index's columns to go along."""

    condition: sa.ColumnElement[bool]
    order: Sequence[Column]


Looks = Mapping[str, Sequence[Look]]
_BY_ADDRESS = (BLOCKS.c.first, BLOCKS.c.prefix_length, BLOCKS.c.id)

FOUND = ("ip_blocks", "ip_addresses", "interfaces", "networks", "ports")


def search_resources(
    tx: Transaction, text: str, tenant_id: str | None = None, limit: int | None = None
) -> Resource:
    """Find resources by an address, CIDR, MAC address, or an id or name of anything.

    ``{read_as, ip_blocks, ip_addresses, interfaces, networks, ports, more}``: ``read_as`` is
    ``address``, ``cidr``, ``mac_address`` or ``name``, ``more`` names the lists that were
    cut after ``limit``.  An address finds the blocks around it, a CIDR also those inside
    it, a name what has it as its id, interface, instance, tenant, network or attachment.
    Interfaces are shown without their addresses, blocks as in ``list_ip_block_tree``.
    With ``tenant_id`` only what that tenant owns or leases.

    Raises: ValidationError for a text that is empty or longer than 255 characters
    """
    size = page_size(tx, limit)
    wanted = text.strip()
    if not 0 < len(wanted) <= LONGEST_TEXT:
        message = f"text should have 1 to {LONGEST_TEXT} characters"
        raise errors.ValidationError(fields={"text": [message]})
    read_as, looks = _read(wanted)
    found: Resource = {"read_as": read_as, **{kind: [] for kind in FOUND}, "more": []}
    for kind, conditions in looks.items():
        found[kind] = _look(tx, kind, conditions, tenant_id, size + 1)
        if len(found[kind]) > size:
            del found[kind][size:]
            found["more"].append(kind)
    return found


def _read(text: str) -> tuple[str, Looks]:
    ways: tuple[tuple[str, Callable[[str], Looks]], ...] = (
        ("cidr", lambda given: _of_cidr(parse_cidr(given))),
        ("address", lambda given: _of_address(parse_address(given))),
        ("mac_address", lambda given: _of_mac(parse_mac(given))),
    )
    for name, read in ways:
        try:
            return name, read(text)
        except ValueError:
            continue
    return "name", _of_name(text)


def _of_cidr(cidr: Cidr) -> Looks:
    inside = sa.and_(
        BLOCKS.c.type.in_(TYPES),
        BLOCKS.c.first.between(cidr.first, cidr.last),
        BLOCKS.c.last <= cidr.last,
    )
    around = _around(cidr.first, cidr.last, cidr.prefix_length)
    return {"ip_blocks": [around, Look(inside, _BY_ADDRESS)]}


def _of_address(address: int) -> Looks:
    longest = 32 if version_of(address) == 4 else 128
    held = Look(ADDRESSES.c.address == address, [ADDRESSES.c.id])
    return {"ip_blocks": [_around(address, address, longest)], "ip_addresses": [held]}


def _of_mac(mac: int) -> Looks:
    return {"interfaces": [Look(_MACS.c.address == mac, [INTERFACES.c.id])]}


def _of_name(text: str) -> Looks:
    def looks(table: sa.Table, *names: str) -> list[Look]:
        # A range of one value, as in ``common``: or else the planner may go by id.
        return [
            Look(
                sa.and_(table.c[name] >= text, table.c[name] <= text), [table.c[name], table.c.id]
            )
            for name in names
        ]

    return {
        "ip_blocks": looks(BLOCKS, "id", "tenant_id", "network_id"),
        "ip_addresses": looks(ADDRESSES, "interface_id", "used_by_device_id", "used_by_tenant_id"),
        "interfaces": looks(INTERFACES, "id", "device_id", "tenant_id"),
        "networks": looks(_NETWORKS, "id", "name", "tenant_id"),
        "ports": looks(_PORTS, "id", "attachment_id"),
    }


def _around(first: int, last: int, longest: int) -> Look:
    """Look for the blocks around a prefix, itself included.

    Such a block begins where one of the few shorter prefixes does: those are looked up.
    """
    starts = set()
    for length in range(longest + 1):
        try:
            starts.add(network_of(first, length).first)
        except ValueError:
            continue  # no block can be as large: IPv4 lies in it
    begins_there = sa.and_(BLOCKS.c.type.in_(TYPES), BLOCKS.c.first.in_(sorted(starts)))
    return Look(sa.and_(begins_there, BLOCKS.c.last >= last), _BY_ADDRESS)


def _look(
    tx: Transaction, kind: str, looks: Sequence[Look], tenant_id: str | None, size: int
) -> list[Resource]:
    """Read what any of the looks finds, one after the other, each thing once."""
    known = KINDS[kind]
    rows: dict[str, Row] = {}
    for look in looks:
        if len(rows) >= size:
            break
        statement = known.statement.where(look.condition)
        if tenant_id is not None:
            statement = statement.where(sa.or_(*[owner == tenant_id for owner in known.owners]))
        for row in tx.execute(statement.order_by(*look.order).limit(size)):
            rows.setdefault(row.id, row)
    found = list(rows.values())[:size]
    if kind == "interfaces":
        return [_brief(row) for row in found]
    return block_trees.show(tx, found) if kind == "ip_blocks" else known.show(tx, found)


def _brief(row: Row) -> Resource:
    """Show an interface without its addresses, of which it may have any number."""
    mac = None if row.mac is None else format_mac(row.mac)
    names = ("id", "tenant_id", "device_id")
    return {**{name: row._mapping[name] for name in names}, "mac_address": mac, **times(row)}
