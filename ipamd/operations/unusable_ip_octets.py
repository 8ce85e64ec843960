"""Unusable octets of a policy: last octets that are not handed out."""

from __future__ import annotations

from ipamd.db.database import Transaction
from ipamd.operations.common import Resource
from ipamd.operations.policies import OCTETS, read_octet


def list_unusable_ip_octets(
    tx: Transaction,
    tenant_id: str,
    policy_id: str,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List the unusable octets of a policy.

    Raises: PolicyNotFound
    """
    return OCTETS.list(tx, tenant_id, policy_id, limit, marker)


def get_unusable_ip_octet(
    tx: Transaction, tenant_id: str, policy_id: str, ip_octet_id: str
) -> Resource:
    """Return one unusable octet.

    Raises: PolicyNotFound, IpOctetNotFound
    """
    return OCTETS.get(tx, tenant_id, policy_id, ip_octet_id)


def create_unusable_ip_octet(
    tx: Transaction, tenant_id: str, policy_id: str, ip_octet: Resource
) -> Resource:
    """Exclude ``{octet}``, 0 to 255, from now on.

    Raises: PolicyNotFound, ValidationError
    """
    values = read_octet(ip_octet)
    return OCTETS.create(tx, tenant_id, policy_id, values)


def update_unusable_ip_octet(
    tx: Transaction, tenant_id: str, policy_id: str, ip_octet_id: str, ip_octet: Resource
) -> Resource:
    """Change the octet.

    Raises: PolicyNotFound, IpOctetNotFound, ValidationError
    """
    values = read_octet(ip_octet, required=False)
    return OCTETS.update(tx, tenant_id, policy_id, ip_octet_id, values)


def delete_unusable_ip_octet(
    tx: Transaction, tenant_id: str, policy_id: str, ip_octet_id: str
) -> None:
    """Let addresses with an octet be handed out again.

    Raises: PolicyNotFound, IpOctetNotFound
    """
    OCTETS.delete(tx, tenant_id, policy_id, ip_octet_id)
