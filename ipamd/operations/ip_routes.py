"""Static routes of a block."""

from __future__ import annotations

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.db.models import IpRoute, table_of
from ipamd.ids import new_id
from ipamd.ipam.addresses import parse_address, parse_cidr
from ipamd.operations import ip_blocks
from ipamd.operations.common import Resource, Row, page, times
from ipamd.operations.fields import Fields

_ROUTES = table_of(IpRoute)


def list_ip_routes(
    tx: Transaction,
    tenant_id: str | None,
    ip_block_id: str,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List the static routes of a block.

    Raises: IpBlockNotFound
    """
    ip_blocks.find(tx, ip_block_id, tenant_id)
    statement = sa.select(_ROUTES).where(_ROUTES.c.ip_block_id == ip_block_id)
    return page(tx, "ip_routes", statement, _ROUTES.c.id, _show, limit, marker)


def get_ip_route(
    tx: Transaction, tenant_id: str | None, ip_block_id: str, ip_route_id: str
) -> Resource:
    """Return one static route.

    Raises: IpBlockNotFound, IpRouteNotFound
    """
    ip_blocks.find(tx, ip_block_id, tenant_id)
    return _show(_find(tx, ip_block_id, ip_route_id))


def create_ip_route(
    tx: Transaction, tenant_id: str | None, ip_block_id: str, ip_route: Resource
) -> Resource:
    """Create a route from ``{destination, gateway, netmask?}``.

    ``destination`` is an address or CIDR; the others are addresses, ``netmask`` may be
    a prefix length.

    Raises: IpBlockNotFound, ValidationError
    """
    block = ip_blocks.lock(tx, ip_block_id, tenant_id)
    values = _read(Fields(ip_route, "ip_route"), required=True)
    row = {
        "id": new_id(),
        "ip_block_id": ip_block_id,
        "netmask": None,
        **values,
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    tx.execute(sa.insert(_ROUTES), row)
    return _tell(tx, "ip_route.create", block, _find(tx, ip_block_id, str(row["id"])))


def update_ip_route(
    tx: Transaction, tenant_id: str | None, ip_block_id: str, ip_route_id: str, ip_route: Resource
) -> Resource:
    """Change a route's destination, netmask or gateway.

    Raises: IpBlockNotFound, IpRouteNotFound, ValidationError
    """
    block = ip_blocks.lock(tx, ip_block_id, tenant_id)
    row = _find(tx, ip_block_id, ip_route_id)
    values = _read(Fields(ip_route, "ip_route"), required=False)
    if not values:
        return _show(row)
    moved = {**values, "updated_at": tx.now}
    tx.execute(sa.update(_ROUTES).where(_ROUTES.c.id == row.id).values(**moved))
    return _tell(tx, "ip_route.update", block, _find(tx, ip_block_id, ip_route_id))


def delete_ip_route(
    tx: Transaction, tenant_id: str | None, ip_block_id: str, ip_route_id: str
) -> None:
    """Delete a route.

    Raises: IpBlockNotFound, IpRouteNotFound
    """
    block = ip_blocks.lock(tx, ip_block_id, tenant_id)
    row = _find(tx, ip_block_id, ip_route_id)
    tx.execute(sa.delete(_ROUTES).where(_ROUTES.c.id == row.id))
    _tell(tx, "ip_route.delete", block, row)


def _find(tx: Transaction, ip_block_id: str, ip_route_id: str) -> Row:
    row = tx.execute(
        sa.select(_ROUTES).where(_ROUTES.c.id == ip_route_id, _ROUTES.c.ip_block_id == ip_block_id)
    ).first()
    if row is None:
        raise errors.IpRouteNotFound()
    return row


def _show(row: Row) -> Resource:
    names = ("id", "destination", "netmask", "gateway")
    return {**{name: getattr(row, name) for name in names}, **times(row)}


def _tell(tx: Transaction, event_type: str, block: Row, row: Row) -> Resource:
    shown = _show(row)
    tx.emit(event_type, {**shown, "ip_block_id": block.id}, tenant_id=block.tenant_id)
    return shown


def _read(fields: Fields, *, required: bool) -> Resource:
    found: Resource = {}
    for name in ("destination", "gateway", "netmask"):
        mandatory = name != "netmask"
        if not (fields.given(name) or (required and mandatory)):
            continue
        found[name] = fields.text(name, required=mandatory)
        if found[name] is not None and not is_valid(name, found[name]):
            fields.wrong(name, f"{name} is not a valid address")
    fields.check()
    return found


def is_valid(name: str, text: str) -> bool:
    """Tell whether text may stand in a route's ``destination``, ``gateway`` or ``netmask``."""
    if name == "netmask" and text.isascii() and text.isdigit():
        return int(text) <= 128
    parse = parse_cidr if name == "destination" and "/" in text else parse_address
    # The whole of IPv6 is a destination, though no block may hold it.
    if name == "destination" and text == "::/0":
        return True
    try:
        parse(text)
    except ValueError:
        return False
    return True
