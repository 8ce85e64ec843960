"""The resources that can be listed by filters: their rows, fields and JSON forms.

A form is the resource whole: a block with its strategy and utilisation, an address with
its state, a policy with what it excludes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ipamd.db.database import Transaction
from ipamd.db.models import IpNat, IpRoute, MacAddressRange, Network, Policy, Port, table_of
from ipamd.db.outbox import timestamp
from ipamd.ipam.addresses import format_address, parse_address
from ipamd.operations import allocation, interfaces, ip_blocks, utilization
from ipamd.operations.allocation import ADDRESSES
from ipamd.operations.common import Resource, Row, times
from ipamd.operations.filters import CidrField, Field, Parse, parse_length, parse_moment
from ipamd.operations.interface_states import INTERFACES
from ipamd.operations.ip_blocks import BLOCKS
from ipamd.operations.policies import OCTETS_TABLE, RANGES_TABLE

_ROUTES = table_of(IpRoute)
_NATS = table_of(IpNat)
_MAC_RANGES = table_of(MacAddressRange)
_NETWORKS = table_of(Network)
_POLICIES = table_of(Policy)
_PORTS = table_of(Port)
_OWN_BLOCKS = BLOCKS.alias("own_blocks")
_LOCAL = ADDRESSES.alias("local_address")
_GLOBAL = ADDRESSES.alias("global_address")

Show = Callable[[Transaction, Sequence[Row]], list[Resource]]


@dataclass(frozen=True)
class Kind:
    """A resource that can be listed: its rows, fields, owner and JSON form.

    ``owners`` are columns with tenants, ``blocks`` columns with blocks, whose tenants own
    it as well: an address has a lessee, and its block an owner.
    """

    statement: sa.Select[Any]
    key: sa.ColumnElement[str]
    fields: Mapping[str, Field]
    owners: Sequence[sa.ColumnElement[Any]]
    show: Show
    blocks: Sequence[sa.ColumnElement[Any]] = ()


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
        shown = {n: getattr(row, n) for n in names}
        return {**shown, "extra": json.loads(row.extra), **times(row)}

    return _show_each(show)


def _show_policies(tx: Transaction, rows: Sequence[Row]) -> list[Resource]:
    """Show policies with what they exclude, in the form that a creation takes."""
    ids = [row.id for row in rows]
    ranges: dict[str, list[Resource]] = {policy_id: [] for policy_id in ids}
    octets: dict[str, list[int]] = {policy_id: [] for policy_id in ids}
    for rule in _rules(tx, RANGES_TABLE, ids):
        ranges[rule.policy_id].append({"offset": rule.offset, "length": rule.length})
    for rule in _rules(tx, OCTETS_TABLE, ids):
        octets[rule.policy_id].append(rule.octet)
    names = ("id", "tenant_id", "name", "description")
    return [
        {
            **{name: getattr(row, name) for name in names},
            "unusable_ip_ranges": ranges[row.id],
            "unusable_ip_octets": octets[row.id],
            **times(row),
        }
        for row in rows
    ]


def _rules(tx: Transaction, table: sa.Table, policy_ids: Sequence[str]) -> Sequence[Row]:
    statement = sa.select(table).where(table.c.policy_id.in_(policy_ids)).order_by(table.c.id)
    return tx.execute(statement).all() if policy_ids else []


_TIMES: dict[str, Parse] = {"created_at": parse_moment, "updated_at": parse_moment}

KINDS: Mapping[str, Kind] = {
    "ip_blocks": Kind(
        sa.select(BLOCKS),
        BLOCKS.c.id,
        {
            **_own(BLOCKS, id=str, tenant_id=str, type=str, network_id=str, parent_id=str,
                   policy_id=str, allocation_strategy=str, gateway=parse_address, **_TIMES),
            "cidr": CidrField(BLOCKS.c.first, length=BLOCKS.c.prefix_length),
            "prefix_length": Field(BLOCKS.c.prefix_length, parse_length),
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
        blocks=[ADDRESSES.c.ip_block_id],
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
            "local_block_id": Field(_LOCAL.c.ip_block_id),
            "global_block_id": Field(_GLOBAL.c.ip_block_id),
            "created_at": Field(_NATS.c.created_at, parse_moment),
        },
        [_LOCAL.c.used_by_tenant_id, _GLOBAL.c.used_by_tenant_id],
        _show_each(_show_nat),
        blocks=[_LOCAL.c.ip_block_id, _GLOBAL.c.ip_block_id],
    ),
    "mac_address_ranges": Kind(
        sa.select(_MAC_RANGES),
        _MAC_RANGES.c.id,
        _own(_MAC_RANGES, id=str, cidr=str, **_TIMES),
        [],  # they serve all tenants
        _show_plain("id", "cidr"),
    ),
}  # fmt: skip
