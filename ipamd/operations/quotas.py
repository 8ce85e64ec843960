"""Quotas: counted under a lock of the tenant's own, and not at all where there are none.

Whoever takes something for a tenant with a quota holds the scope ``quota:<tenant>`` until
the transaction ends; so of two callers at the last unit one waits, counts again and is
refused.  The scope comes after all locks of blocks.  Giving something back needs no lock:
the count can only be too high by what is given back at this moment.

A request that is confined to its tenant spends no other tenant's quota, and does not get
past its own by leasing to others: where either has one, only an admin leases.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from ipamd import errors
from ipamd.db.database import Transaction
from ipamd.db.models import Interface, IpAddress, IpBlock, table_of
from ipamd.operations import scopes
from ipamd.quotas import KINDS, Kind

_BLOCKS, _ADDRESSES, _INTERFACES = table_of(IpBlock), table_of(IpAddress), table_of(Interface)
_TENANT: sa.BindParameter[str] = sa.bindparam("tenant")

# SELECT count(*) FROM ip_addresses WHERE used_by_tenant_id = … AND deallocated_at IS NULL
_COUNTS: dict[Kind, sa.Select[Any]] = {
    "ip_blocks": sa.select(sa.func.count())
    .select_from(_BLOCKS)
    .where(_BLOCKS.c.tenant_id == _TENANT),
    "ip_addresses": sa.select(sa.func.count())
    .select_from(_ADDRESSES)
    .where(_ADDRESSES.c.used_by_tenant_id == _TENANT, _ADDRESSES.c.deallocated_at.is_(None)),
    "interfaces": sa.select(sa.func.count())
    .select_from(_INTERFACES)
    .where(_INTERFACES.c.tenant_id == _TENANT),
}


def take(tx: Transaction, kind: Kind, tenant_id: str, count: int = 1) -> None:
    """Take ``count`` of the tenant's quota.

    Raises: as ``check``
    """
    check(tx, kind, tenant_id, count)
    use(tx, kind, tenant_id, count)


def check(tx: Transaction, kind: Kind, tenant_id: str, count: int = 1) -> None:
    """Check that the tenant may have ``count`` more, without taking them yet.

    Raises: QuotaExceeded, Forbidden (a confined request gives them to another tenant)
    """
    if tx.quotas is None:
        return
    asker = tx.context.confined_to
    if asker not in (None, tenant_id) and any(
        tx.quotas.of(kind, tenant) is not None for tenant in (asker, tenant_id)
    ):
        raise errors.Forbidden("With quotas, only an admin leases to another tenant")
    _check_left(tx, kind, tenant_id, count)


def take_back(tx: Transaction, kind: Kind, tenant_id: str) -> None:
    """Take one more of what the tenant once had, whoever asks.

    Raises: QuotaExceeded
    """
    if tx.quotas is not None:
        _check_left(tx, kind, tenant_id, 1)
        use(tx, kind, tenant_id)


def _check_left(tx: Transaction, kind: Kind, tenant_id: str, count: int) -> None:
    if tx.quotas is None:
        return
    limit = tx.quotas.of(kind, tenant_id)
    if limit is None:
        return
    left = tx.quota_left.get((kind, tenant_id))
    if left is None:
        scopes.lock(tx, [f"quota:{tenant_id}"])
        held = tx.execute(_COUNTS[kind], {"tenant": tenant_id}).scalar_one()
        left = tx.quota_left[kind, tenant_id] = limit - held
    if count > left:
        noun = kind.replace("_", " ")
        raise errors.QuotaExceeded(
            f"The tenant's quota of {limit} {noun} is exhausted", resource=kind, limit=limit
        )


def use(tx: Transaction, kind: Kind, tenant_id: str, count: int = 1) -> None:
    """Take what was checked before."""
    if (kind, tenant_id) in tx.quota_left:
        tx.quota_left[kind, tenant_id] -= count


def lock(tx: Transaction, tenants: Iterable[str]) -> None:
    """Lock the quotas of several tenants, in an order that all transactions keep."""
    if tx.quotas is None:
        return
    limited = {
        tenant for tenant in tenants for kind in KINDS if tx.quotas.of(kind, tenant) is not None
    }
    scopes.lock(tx, [f"quota:{tenant}" for tenant in limited])
