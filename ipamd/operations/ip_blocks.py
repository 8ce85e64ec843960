"""IP blocks: CIDRs that tenants own, their validation, and their free space at birth.

Locks: whatever changes a block, or anything inside it, first locks the block's row.
Several blocks are locked in the order of their ids.  Rules that span blocks (overlap,
one type in a network) hold under the lock of the scope they span.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa

from ipamd import errors
from ipamd.db import bulk
from ipamd.db.database import Transaction
from ipamd.db.models import FreeRange, IpBlock, Policy, table_of
from ipamd.db.prepared import Prepared
from ipamd.db.retries import RunAgainError
from ipamd.ids import new_id
from ipamd.ipam.addresses import Cidr, compact_address, parse_cidr
from ipamd.ipam.reserved import default_gateway, initial_free
from ipamd.operations import gateways, network_tenants, quotas, scopes
from ipamd.operations.common import Resource, Row, page, times
from ipamd.operations.fields import Fields

BLOCKS = table_of(IpBlock)
_FREE = table_of(FreeRange)
_POLICIES = table_of(Policy)
TYPES = ("public", "private")
STRATEGIES = ("first", "cyclic", "random")
# Longer lists of ids go the way that is made for them.
_LIST = 1000

_GET = sa.select(BLOCKS).where(BLOCKS.c.id == sa.bindparam("block_id"))
_LOCK = _GET.with_for_update()
LOCK_MANY = Prepared(
    sa.select(BLOCKS)
    .where(BLOCKS.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(BLOCKS.c.id)
    .with_for_update()
)


def list_ip_blocks(
    tx: Transaction,
    tenant_id: str,
    type: str | None = None,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List a tenant's blocks, subnets included; ``type`` is ``public`` or ``private``."""
    statement = sa.select(BLOCKS)
    if type is not None:
        statement = statement.where(BLOCKS.c.type == type)
    within = (BLOCKS.c.tenant_id, tenant_id)
    return page(tx, "ip_blocks", statement, BLOCKS.c.id, show, limit, marker, within)


def get_ip_block(tx: Transaction, tenant_id: str | None, ip_block_id: str) -> Resource:
    """Return one block.

    Raises: IpBlockNotFound
    """
    return show(find(tx, ip_block_id, tenant_id))


def create_ip_block(tx: Transaction, tenant_id: str, ip_block: Resource) -> Resource:
    """Create a block from ``{cidr, type, network_id?, policy_id?, gateway?, dns1?, dns2?}``.

    The CIDR is normalised to its base; it must not overlap another block of its network
    or, when public, another public root block.

    Raises: ValidationError, QuotaExceeded
    """
    fields = Fields(ip_block, "ip_block")
    cidr = read_cidr(fields)
    kind = fields.body.get("type")
    if kind not in TYPES:
        fields.wrong("type", "type should be one among public, private")
    gateway = fields.address("gateway", "Gateway is not a valid address")
    network_id = fields.text("network_id")
    policy_id = fields.text("policy_id")
    values = {
        "tenant_id": tenant_id,
        "type": kind,
        "network_id": network_id,
        "parent_id": None,
        "policy_id": policy_id,
        "dns1": read_dns(tx, fields, "dns1"),
        "dns2": read_dns(tx, fields, "dns2"),
        "allocation_strategy": read_strategy(fields) or "first",
    }
    if policy_id is not None:
        check_policy(tx, fields, policy_id, {tenant_id})
    fields.check()
    if cidr is None:
        raise errors.ValidationError(fields={"cidr": ["cidr is invalid"]})
    scopes.lock(tx, scopes.of_block(kind, network_id))
    check_network(tx, fields, cidr, str(kind), network_id)
    if kind == "public":
        check_public(tx, fields, cidr)
    fields.check()
    return insert(tx, cidr, gateway, values)


def update_ip_block(
    tx: Transaction, tenant_id: str | None, ip_block_id: str, ip_block: Resource
) -> Resource:
    """Change ``network_id``, ``policy_id``, ``gateway``, ``dns1`` or ``dns2`` of a block.

    A new gateway is taken out of the free space, the old one returns to it.

    Raises: IpBlockNotFound, ValidationError, AddressAlreadyAllocated (a gateway in use)
    """
    fields = Fields(ip_block, "ip_block")
    known = find(tx, ip_block_id, tenant_id)
    values: dict[str, Any] = {}
    for name in ("network_id", "policy_id"):
        if fields.given(name):
            values[name] = fields.text(name)
    for name in ("dns1", "dns2"):
        if fields.given(name):
            values[name] = read_dns(tx, fields, name)
    strategy = read_strategy(fields)
    if strategy is not None:
        values["allocation_strategy"] = strategy
    if fields.given("gateway"):
        values["gateway"] = fields.address("gateway", "Gateway is not a valid address")
    if values.get("policy_id") is not None:
        check_policy(tx, fields, values["policy_id"], {known.tenant_id})
    fields.check()
    network_id = values.get("network_id", known.network_id)
    moves = network_id != known.network_id
    if moves:
        scopes.lock(tx, scopes.of_block(known.type, network_id))
    block = lock(tx, ip_block_id, tenant_id)
    if block.network_id != known.network_id:
        raise RunAgainError("the block was moved to another network meanwhile")
    if moves:
        if block.parent_id is not None or block.subnets:
            fields.wrong("network_id", "network_id should be same as that of parent")
        check_network(tx, fields, cidr_of(block), block.type, network_id, but=block.id)
        fields.check()
    if "gateway" in values and values["gateway"] != block.gateway:
        gateways.change(tx, block, values["gateway"])
    if values:
        tx.execute(
            sa.update(BLOCKS).where(BLOCKS.c.id == block.id).values(**values, updated_at=tx.now)
        )
    result = get_ip_block(tx, tenant_id, ip_block_id)
    if values:
        tx.emit("ip_block.update", result, tenant_id=block.tenant_id)
    return result


def insert(tx: Transaction, cidr: Cidr, gateway: int | None, values: Resource) -> Resource:
    """Insert a block that was validated, with its free space; tell of it.

    Raises: QuotaExceeded
    """
    quotas.take(tx, "ip_blocks", values["tenant_id"])
    options = tx.conf.ipam
    if gateway is None and options.default_gateway:
        gateway = default_gateway(cidr)
    row = {
        **values,
        "id": new_id(),
        "first": cidr.first,
        "last": cidr.last,
        "prefix_length": cidr.prefix_length,
        "gateway": gateway,
        "reserve_network_address": options.reserve_network_address,
        "cursor": None,
        "subnets": 0,
        "allocated": 0,
        "quarantined": 0,
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    tx.execute(sa.insert(BLOCKS), row)
    free = initial_free(cidr, gateway, options.reserve_network_address)
    if free:
        tx.execute(
            sa.insert(_FREE),
            [{"ip_block_id": row["id"], "first": run.first, "last": run.last} for run in free],
        )
    result = show(tx.execute(_GET, {"block_id": row["id"]}).one())
    tx.emit("ip_block.create", result, tenant_id=values["tenant_id"])
    return result


# --- reading and locking ------------------------------------------------------------


def find(tx: Transaction, ip_block_id: str, tenant_id: str | None) -> Row:
    """Read a block without locking it; ``tenant_id`` None finds any tenant's.

    Raises: IpBlockNotFound
    """
    return _mine(tx.execute(_GET, {"block_id": ip_block_id}).first(), tenant_id)


def lock(tx: Transaction, ip_block_id: str, tenant_id: str | None) -> Row:
    """Lock a block and read it as its last writer left it.

    Raises: IpBlockNotFound
    """
    return _mine(tx.execute(_LOCK, {"block_id": ip_block_id}).first(), tenant_id)


def lock_many(tx: Transaction, ids: Iterable[str]) -> dict[str, Row]:
    """Lock blocks in the order of their ids; those that are gone are left out."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    if len(wanted) <= _LIST:
        return {row.id: row for row in LOCK_MANY.fetch(tx, {"ids": wanted})}
    ordered = sa.select(BLOCKS).order_by(BLOCKS.c.id).with_for_update()
    return {row.id: row for row in bulk.select_by_ids(tx, ordered.where, BLOCKS.c.id, wanted)}


def _mine(row: Row | None, tenant_id: str | None) -> Row:
    if row is None or (tenant_id is not None and row.tenant_id != tenant_id):
        raise errors.IpBlockNotFound()
    return row


def cidr_of(block: Row) -> Cidr:
    """Return a row's CIDR."""
    return Cidr(block.first, block.last, block.prefix_length)


def show(block: Row) -> Resource:
    """Return a block as RPC results and events carry it."""
    cidr = cidr_of(block)
    return {
        "id": block.id,
        "tenant_id": block.tenant_id,
        "type": block.type,
        "cidr": str(cidr),
        "broadcast": cidr.broadcast,
        "netmask": cidr.netmask,
        "gateway": _compact(block.gateway),
        "dns1": block.dns1,
        "dns2": block.dns2,
        "network_id": block.network_id,
        "parent_id": block.parent_id,
        "policy_id": block.policy_id,
        **times(block),
    }


def show_brief(block: Row, routes: list[Resource]) -> Resource:
    """Return a block as it stands inside an allocated address."""
    whole = show(block)
    names = (
        "id", "tenant_id", "cidr", "broadcast", "netmask", "gateway", "dns1", "dns2",
        "network_id",
    )  # fmt: skip
    return {**{name: whole[name] for name in names}, "ip_routes": routes}


def _compact(gateway: int | None) -> str | None:
    return None if gateway is None else compact_address(gateway)


# --- rules --------------------------------------------------------------------------


def read_cidr(fields: Fields) -> Cidr | None:
    """Read the mandatory ``cidr``."""
    try:
        return parse_cidr(fields.body.get("cidr"))
    except ValueError:
        fields.wrong("cidr", "cidr is invalid")
        return None


def read_dns(tx: Transaction, fields: Fields, name: str) -> str | None:
    """Read a name server's address; the configured one when none is given."""
    value = fields.address(name, f"{name} is not a valid address")
    if value is not None:
        return str(fields.body[name])
    configured: str | None = getattr(tx.conf.ipam, name)
    return configured


def read_strategy(fields: Fields) -> str | None:
    """Read how a block picks its next address: ``first``, ``cyclic`` or ``random``."""
    value = fields.text("allocation_strategy")
    if value is not None and value not in STRATEGIES:
        text = f"allocation_strategy should be one among {', '.join(STRATEGIES)}"
        fields.wrong("allocation_strategy", text)
    return value


def check_policy(
    tx: Transaction, fields: Fields, policy_id: str, tenants: Collection[str]
) -> None:
    """Check that the policy exists and belongs to one of ``tenants``."""
    known = tx.execute(
        sa.select(_POLICIES.c.id).where(
            _POLICIES.c.id == policy_id, _POLICIES.c.tenant_id.in_(tenants)
        )
    ).first()
    if known is None:
        fields.wrong("policy_id", f"Policy with id = {policy_id!r} doesn't exist")


def overlapping(cidr: Cidr) -> sa.ColumnElement[bool]:
    """Build the condition that a block shares addresses with ``cidr``."""
    return sa.and_(BLOCKS.c.first <= cidr.last, BLOCKS.c.last >= cidr.first)


def check_network(
    tx: Transaction,
    fields: Fields,
    cidr: Cidr,
    kind: str,
    network_id: str | None,
    but: str | None = None,
) -> None:
    """Check the rules of a network: one type, and root blocks that do not overlap.

    Of another tenant's network a confined request is told nothing.
    """
    if network_id is None:
        return
    if network_tenants.is_anothers(tx, network_id):
        fields.wrong("network_id", "network_id is another tenant's network")
        return
    others = sa.select(BLOCKS).where(BLOCKS.c.network_id == network_id)
    if but is not None:
        others = others.where(BLOCKS.c.id != but)
    foreign = tx.execute(others.where(BLOCKS.c.type != kind).limit(1)).first()
    if foreign is not None:
        fields.wrong("type", "type should be same within a network")
    clash = tx.execute(
        others.where(BLOCKS.c.parent_id.is_(None), overlapping(cidr))
        .order_by(BLOCKS.c.id)
        .limit(1)
    ).first()
    if clash is not None:
        shown = _shown_to(tx, clash)
        fields.wrong("cidr", f"cidr overlaps with block {shown}in same network")


def check_public(tx: Transaction, fields: Fields, cidr: Cidr) -> None:
    """Check that a public root block overlaps no other one of any tenant."""
    clash = tx.execute(
        sa.select(BLOCKS)
        .where(BLOCKS.c.type == "public", BLOCKS.c.parent_id.is_(None), overlapping(cidr))
        .order_by(BLOCKS.c.id)
        .limit(1)
    ).first()
    if clash is not None:
        fields.wrong("cidr", f"cidr overlaps with public block {_shown_to(tx, clash)}".rstrip())


def _shown_to(tx: Transaction, block: Row) -> str:
    """Return the CIDR of a block in the way; another tenant's is not told."""
    if tx.context.confined_to not in (None, block.tenant_id):
        return ""
    return f"{cidr_of(block)} "
