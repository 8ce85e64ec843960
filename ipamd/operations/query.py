"""Lists of any resource by filters and order, over all tenants or for one.

A filter names a field and a value, with an operator in front where it is not equality:
``in:a,b``, ``nin:a,b``, ``neq:a``, ``gt:``, ``gte:``, ``lt:``, ``lte:`` (OpenStack API-SIG,
filtering).  Filters are joined by AND.  Order is by ``field[:asc|desc]``, then by id.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.db.models import IpNat, IpRoute, MacAddressRange, Network, Policy, Port, table_of
from ipamd.db.outbox import timestamp
from ipamd.ipam.addresses import format_address, parse_address, parse_cidr
from ipamd.operations import allocation, interfaces, ip_blocks, utilization
from ipamd.operations.allocation import ADDRESSES
from ipamd.operations.common import Resource, Row, page_size, times
from ipamd.operations.interface_states import INTERFACES
from ipamd.operations.ip_blocks import BLOCKS
from ipamd.operations.policies import OCTETS_TABLE, RANGES_TABLE, show_octet, show_range

_ROUTES = table_of(IpRoute)
_NATS = table_of(IpNat)
_MAC_RANGES = table_of(MacAddressRange)
_NETWORKS = table_of(Network)
_POLICIES = table_of(Policy)
_PORTS = table_of(Port)
_LOCAL = ADDRESSES.alias("local_address")
_GLOBAL = ADDRESSES.alias("global_address")

Parse = Callable[[str], Any]
Show = Callable[[Transaction, Sequence[Row]], list[Resource]]


@dataclass(frozen=True)
class Field:
    """A field to filter by: its column, and how its text is read."""

    column: sa.ColumnElement[Any]
    parse: Parse = str
    sortable: bool = True


@dataclass(frozen=True)
class Kind:
    """A resource that can be listed: its rows, fields, owner and JSON form."""

    statement: sa.Select[Any]
    key: sa.ColumnElement[str]
    fields: Mapping[str, Field]
    owners: Sequence[sa.ColumnElement[Any]]
    show: Show


def query_resources(
    tx: Transaction,
    kind: str,
    tenant_id: str | None = None,
    filters: Resource | None = None,
    sort: list[Any] | None = None,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List resources of a kind: ``{kind: […], next_marker}``.

    ``tenant_id`` keeps those that the tenant owns or leases.  ``filters`` maps fields to
    a text, or a list of texts that must all hold.  ``marker`` is the last id of the page
    before.

    Raises: ValidationError for an unknown kind, field, value or marker
    """
    found = KINDS.get(kind)
    if found is None:
        raise _wrong("kind", f"kind should be one among {', '.join(KINDS)}")
    size = page_size(tx, limit)
    statement = found.statement
    if tenant_id is not None and found.owners:
        statement = statement.where(sa.or_(*[owner == tenant_id for owner in found.owners]))
    for name, wanted in (filters or {}).items():
        for text in wanted if isinstance(wanted, list) else [wanted]:
            statement = statement.where(_condition(found, name, text))
    order = _order(found, sort or [])
    if marker is not None:
        statement = statement.where(_behind(tx, found, order, marker))
    columns = [column.desc() if down else column.asc() for column, down in order]
    rows = tx.execute(statement.order_by(*columns).limit(size + 1)).all()
    return {
        kind: found.show(tx, rows[:size]),
        "next_marker": rows[size - 1].id if len(rows) > size else None,
    }


def _condition(kind: Kind, name: str, text: object) -> sa.ColumnElement[bool]:
    field = kind.fields.get(name)
    if field is None:
        raise _wrong(name, f"{name} is not a field to filter by")
    if text is None:
        return field.column.is_(None)
    if not isinstance(text, str) or not text.isprintable():
        raise _wrong(name, f"{name} should be a string")
    operator, colon, rest = text.partition(":")
    if not colon or operator not in _OPERATORS:
        equal: sa.ColumnElement[bool] = field.column == _parse(field, name, text)
        return equal
    values = rest.split(",") if operator in ("in", "nin") else [rest]
    return _OPERATORS[operator](field.column, [_parse(field, name, value) for value in values])


_OPERATORS: dict[str, Callable[[Any, list[Any]], sa.ColumnElement[bool]]] = {
    "in": lambda column, values: column.in_(values),
    # What has no value differs from every value.
    "nin": lambda column, values: sa.or_(column.is_(None), column.not_in(values)),
    "neq": lambda column, values: sa.or_(column.is_(None), column != values[0]),
    "gt": lambda column, values: column > values[0],
    "gte": lambda column, values: column >= values[0],
    "lt": lambda column, values: column < values[0],
    "lte": lambda column, values: column <= values[0],
}


def _parse(field: Field, name: str, text: str) -> Any:
    try:
        return field.parse(text)
    except (ValueError, OverflowError):
        raise _wrong(name, f"{name} has a value that is not valid") from None


def _order(kind: Kind, sort: Sequence[Any]) -> list[tuple[sa.ColumnElement[Any], bool]]:
    order = []
    for part in sort:
        name, _, direction = str(part).partition(":")
        field = kind.fields.get(name)
        if field is None or not field.sortable or direction not in ("", "asc", "desc"):
            raise _wrong("sort", f"sort can not be by {str(part)[:80]}")
        order.append((field.column, direction == "desc"))
    return [*order, (kind.key, False)]


def _behind(
    tx: Transaction,
    kind: Kind,
    order: Sequence[tuple[sa.ColumnElement[Any], bool]],
    marker: str,
) -> sa.ColumnElement[bool]:
    """Build the condition of the rows that follow the marker's row in ``order``."""
    if len(order) == 1:
        return kind.key > marker
    columns = [column for column, _ in order]
    inner = kind.statement.with_only_columns(*columns).where(kind.key == marker)
    last = tx.execute(inner).first()
    if last is None:
        raise _wrong("marker", "marker is gone")
    # (a > x) OR (a = x AND b > y) OR (a = x AND b = y AND id > z)
    alternatives = []
    for position, (column, down) in enumerate(order):
        same = [columns[n] == last[n] for n in range(position)]
        beyond = column < last[position] if down else column > last[position]
        alternatives.append(sa.and_(*same, beyond))
    return sa.or_(*alternatives)


def _wrong(name: str, text: str) -> errors.ValidationError:
    return errors.ValidationError(fields={name: [text]})


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# --- the kinds ----------------------------------------------------------------------


def _own(table: sa.Table, **parse: Parse) -> dict[str, Field]:
    """Make fields of a table's columns of the same names; nullable ones do not sort."""
    return {
        name: Field(table.c[name], read, not table.c[name].nullable)
        for name, read in parse.items()
    }


def _show_each(show: Callable[[Row], Resource]) -> Show:
    return lambda _tx, rows: [show(row) for row in rows]


def show_block(row: Row) -> Resource:
    """Return a block with its strategy and utilisation."""
    return {
        **ip_blocks.show(row),
        "allocation_strategy": row.allocation_strategy,
        "utilization": utilization.of_block(row),
    }


def show_address(row: Row) -> Resource:
    """Return an address with its state."""
    released = row.deallocated_at
    return {
        **allocation.show(row),
        "status": "allocated" if released is None else "quarantined",
        "deallocated_at": None if released is None else timestamp(released),
    }


def _show_route(row: Row) -> Resource:
    names = ("id", "ip_block_id", "destination", "netmask", "gateway")
    return {**{name: getattr(row, name) for name in names}, **times(row)}


def _show_nat(row: Row) -> Resource:
    return {
        "id": row.id,
        "inside_local": {
            "ip_block_id": row.local_block_id,
            "address": format_address(row.local_address),
        },
        "inside_global": {
            "ip_block_id": row.global_block_id,
            "address": format_address(row.global_address),
        },
        "created_at": timestamp(row.created_at),
    }


def _show_plain(*names: str) -> Show:
    return _show_each(lambda row: {**{n: getattr(row, n) for n in names}, **times(row)})


def _show_with_extra(*names: str) -> Show:
    def show(row: Row) -> Resource:
        return {**json.loads(row.extra), **{n: getattr(row, n) for n in names}, **times(row)}

    return _show_each(show)


def _show_policies(tx: Transaction, rows: Sequence[Row]) -> list[Resource]:
    ids = [row.id for row in rows]
    rules: dict[str, dict[str, list[Resource]]] = {
        policy_id: {"unusable_ip_ranges": [], "unusable_ip_octets": []} for policy_id in ids
    }
    for table, name, show in (
        (RANGES_TABLE, "unusable_ip_ranges", show_range),
        (OCTETS_TABLE, "unusable_ip_octets", show_octet),
    ):
        found = sa.select(table).where(table.c.policy_id.in_(ids)).order_by(table.c.id)
        for rule in tx.execute(found) if ids else []:
            rules[rule.policy_id][name].append(show(rule))
    names = ("id", "tenant_id", "name", "description")
    return [
        {**{name: getattr(row, name) for name in names}, **rules[row.id], **times(row)}
        for row in rows
    ]


_TIMES: dict[str, Parse] = {"created_at": _moment, "updated_at": _moment}

KINDS: Mapping[str, Kind] = {
    "ip_blocks": Kind(
        sa.select(BLOCKS),
        BLOCKS.c.id,
        {
            **_own(BLOCKS, id=str, tenant_id=str, type=str, network_id=str, parent_id=str,
                   policy_id=str, allocation_strategy=str, gateway=parse_address, **_TIMES),
            "cidr": Field(BLOCKS.c.first, lambda text: parse_cidr(text).first),
            "prefix_length": Field(BLOCKS.c.prefix_length, int),
        },
        [BLOCKS.c.tenant_id],
        _show_each(show_block),
    ),
    "ip_addresses": Kind(
        sa.select(ADDRESSES),
        ADDRESSES.c.id,
        {
            **_own(ADDRESSES, id=str, ip_block_id=str, address=parse_address, interface_id=str,
                   **_TIMES),
            "used_by_tenant": Field(ADDRESSES.c.used_by_tenant_id, sortable=False),
            "used_by_device": Field(ADDRESSES.c.used_by_device_id, sortable=False),
            "status": Field(
                sa.case((ADDRESSES.c.deallocated_at.is_(None), "allocated"), else_="quarantined"),
                sortable=False,
            ),
        },
        [ADDRESSES.c.used_by_tenant_id],
        _show_each(show_address),
    ),
    "interfaces": Kind(
        interfaces.ROWS,
        INTERFACES.c.id,
        _own(INTERFACES, id=str, tenant_id=str, device_id=str, **_TIMES),
        [INTERFACES.c.tenant_id],
        interfaces.show,
    ),
    "networks": Kind(
        sa.select(_NETWORKS),
        _NETWORKS.c.id,
        _own(_NETWORKS, id=str, tenant_id=str, name=str, op_status=str, **_TIMES),
        [_NETWORKS.c.tenant_id],
        _show_with_extra("id", "tenant_id", "name", "op_status"),
    ),
    "ports": Kind(
        sa.select(_PORTS, _NETWORKS.c.tenant_id).join(
            _NETWORKS, _NETWORKS.c.id == _PORTS.c.network_id
        ),
        _PORTS.c.id,
        {
            **_own(_PORTS, id=str, network_id=str, state=str, op_status=str, attachment_id=str,
                   **_TIMES),
            "tenant_id": Field(_NETWORKS.c.tenant_id),
        },
        [_NETWORKS.c.tenant_id],
        _show_with_extra("id", "tenant_id", "network_id", "state", "op_status", "attachment_id"),
    ),
    "policies": Kind(
        sa.select(_POLICIES),
        _POLICIES.c.id,
        _own(_POLICIES, id=str, tenant_id=str, name=str, **_TIMES),
        [_POLICIES.c.tenant_id],
        _show_policies,
    ),
    "ip_routes": Kind(
        sa.select(_ROUTES, BLOCKS.c.tenant_id).join(BLOCKS, BLOCKS.c.id == _ROUTES.c.ip_block_id),
        _ROUTES.c.id,
        {
            **_own(_ROUTES, id=str, ip_block_id=str, destination=str, gateway=str, **_TIMES),
            "tenant_id": Field(BLOCKS.c.tenant_id),
        },
        [BLOCKS.c.tenant_id],
        _show_each(_show_route),
    ),
    "nat": Kind(
        sa.select(
            _NATS.c.id,
            _NATS.c.created_at,
            _LOCAL.c.ip_block_id.label("local_block_id"),
            _LOCAL.c.address.label("local_address"),
            _GLOBAL.c.ip_block_id.label("global_block_id"),
            _GLOBAL.c.address.label("global_address"),
        )
        .join(_LOCAL, _LOCAL.c.id == _NATS.c.inside_local_address_id)
        .join(_GLOBAL, _GLOBAL.c.id == _NATS.c.inside_global_address_id),
        _NATS.c.id,
        {
            "id": Field(_NATS.c.id),
            "inside_local": Field(_LOCAL.c.address, parse_address),
            "inside_global": Field(_GLOBAL.c.address, parse_address),
            "created_at": Field(_NATS.c.created_at, _moment),
        },
        [_LOCAL.c.used_by_tenant_id, _GLOBAL.c.used_by_tenant_id],
        _show_each(_show_nat),
    ),
    "mac_address_ranges": Kind(
        sa.select(_MAC_RANGES),
        _MAC_RANGES.c.id,
        _own(_MAC_RANGES, id=str, cidr=str, **_TIMES),
        [],  # they serve all tenants
        _show_plain("id", "cidr"),
    ),
}  # fmt: skip
