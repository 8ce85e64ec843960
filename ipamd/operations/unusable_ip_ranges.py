"""Unusable ranges of a policy: ``length`` addresses from ``offset`` on.

An offset counts from a block's first address, a negative one from its end.
"""

from __future__ import annotations

from ipamd.db.database import Transaction
from ipamd.operations.common import Resource
from ipamd.operations.policies import RANGES, read_range


def list_unusable_ip_ranges(
    tx: Transaction,
    tenant_id: str,
    policy_id: str,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List the unusable ranges of a policy.

    Raises: PolicyNotFound
    """
    return RANGES.list(tx, tenant_id, policy_id, limit, marker)


def get_unusable_ip_range(
    tx: Transaction, tenant_id: str, policy_id: str, ip_range_id: str
) -> Resource:
    """Return one unusable range.

    Raises: PolicyNotFound, IpRangeNotFound
    """
    return RANGES.get(tx, tenant_id, policy_id, ip_range_id)


def create_unusable_ip_range(
    tx: Transaction, tenant_id: str, policy_id: str, ip_range: Resource
) -> Resource:
    """Exclude ``{offset, length}`` from now on.

    Raises: PolicyNotFound, ValidationError
    """
    values = read_range(ip_range)
    return RANGES.create(tx, tenant_id, policy_id, values)


def update_unusable_ip_range(
    tx: Transaction, tenant_id: str, policy_id: str, ip_range_id: str, ip_range: Resource
) -> Resource:
    """Change ``offset`` or ``length``.

    Raises: PolicyNotFound, IpRangeNotFound, ValidationError
    """
    values = read_range(ip_range, required=False)
    return RANGES.update(tx, tenant_id, policy_id, ip_range_id, values)


def delete_unusable_ip_range(
    tx: Transaction, tenant_id: str, policy_id: str, ip_range_id: str
) -> None:
    """Let the addresses of a range be handed out again.

    Raises: PolicyNotFound, IpRangeNotFound
    """
    RANGES.delete(tx, tenant_id, policy_id, ip_range_id)
