"""Policies: which addresses of a block are never handed out."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Page, Resource


class Policies(Calls):
    """Policies: which addresses of a block are never handed out."""

    def list_policies(
        self,
        tenant_id: str,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List a tenant's policies."""
        return self._call(
            "list_policies", tenant_id=tenant_id, limit=limit, marker=marker, timeout=timeout
        )

    def get_policy(
        self,
        tenant_id: str,
        policy_id: str,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Return a policy.

        Raises: PolicyNotFound.
        """
        return self._call("get_policy", tenant_id=tenant_id, policy_id=policy_id, timeout=timeout)

    def create_policy(
        self,
        tenant_id: str,
        policy: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Create a policy.

        ``policy``: name, description?.

        Raises: ValidationError.
        """
        return self._call(
            "create_policy",
            tenant_id=tenant_id,
            policy=policy,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def update_policy(
        self,
        tenant_id: str,
        policy_id: str,
        policy: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Change a policy; what ``policy`` does not name stays as it is.

        Raises: PolicyNotFound, ValidationError.
        """
        return self._call(
            "update_policy",
            tenant_id=tenant_id,
            policy_id=policy_id,
            policy=policy,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def delete_policy(
        self,
        tenant_id: str,
        policy_id: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Delete a policy with its ranges and octets.

        Raises: PolicyNotFound.
        """
        self._run(
            "delete_policy",
            tenant_id=tenant_id,
            policy_id=policy_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def list_unusable_ip_ranges(
        self,
        tenant_id: str,
        policy_id: str,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List a policy's unusable ranges.

        Raises: PolicyNotFound.
        """
        return self._call(
            "list_unusable_ip_ranges",
            tenant_id=tenant_id,
            policy_id=policy_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def get_unusable_ip_range(
        self,
        tenant_id: str,
        policy_id: str,
        ip_range_id: str,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Return a policy's unusable range.

        Raises: PolicyNotFound, IpRangeNotFound.
        """
        return self._call(
            "get_unusable_ip_range",
            tenant_id=tenant_id,
            policy_id=policy_id,
            ip_range_id=ip_range_id,
            timeout=timeout,
        )

    def create_unusable_ip_range(
        self,
        tenant_id: str,
        policy_id: str,
        ip_range: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Add an unusable range to a policy.

        ``ip_range``: offset, length.

        Raises: PolicyNotFound, ValidationError.
        """
        return self._call(
            "create_unusable_ip_range",
            tenant_id=tenant_id,
            policy_id=policy_id,
            ip_range=ip_range,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def update_unusable_ip_range(
        self,
        tenant_id: str,
        policy_id: str,
        ip_range_id: str,
        ip_range: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Change a policy's unusable range.

        Raises: PolicyNotFound, IpRangeNotFound, ValidationError.
        """
        return self._call(
            "update_unusable_ip_range",
            tenant_id=tenant_id,
            policy_id=policy_id,
            ip_range_id=ip_range_id,
            ip_range=ip_range,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def delete_unusable_ip_range(
        self,
        tenant_id: str,
        policy_id: str,
        ip_range_id: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Remove an unusable range from a policy.

        Raises: PolicyNotFound, IpRangeNotFound.
        """
        self._run(
            "delete_unusable_ip_range",
            tenant_id=tenant_id,
            policy_id=policy_id,
            ip_range_id=ip_range_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def list_unusable_ip_octets(
        self,
        tenant_id: str,
        policy_id: str,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List a policy's unusable octets.

        Raises: PolicyNotFound.
        """
        return self._call(
            "list_unusable_ip_octets",
            tenant_id=tenant_id,
            policy_id=policy_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def get_unusable_ip_octet(
        self,
        tenant_id: str,
        policy_id: str,
        ip_octet_id: str,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Return a policy's unusable octet.

        Raises: PolicyNotFound, IpOctetNotFound.
        """
        return self._call(
            "get_unusable_ip_octet",
            tenant_id=tenant_id,
            policy_id=policy_id,
            ip_octet_id=ip_octet_id,
            timeout=timeout,
        )

    def create_unusable_ip_octet(
        self,
        tenant_id: str,
        policy_id: str,
        ip_octet: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Add an unusable octet to a policy.

        ``ip_octet``: octet.

        Raises: PolicyNotFound, ValidationError.
        """
        return self._call(
            "create_unusable_ip_octet",
            tenant_id=tenant_id,
            policy_id=policy_id,
            ip_octet=ip_octet,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def update_unusable_ip_octet(
        self,
        tenant_id: str,
        policy_id: str,
        ip_octet_id: str,
        ip_octet: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Change a policy's unusable octet.

        Raises: PolicyNotFound, IpOctetNotFound, ValidationError.
        """
        return self._call(
            "update_unusable_ip_octet",
            tenant_id=tenant_id,
            policy_id=policy_id,
            ip_octet_id=ip_octet_id,
            ip_octet=ip_octet,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def delete_unusable_ip_octet(
        self,
        tenant_id: str,
        policy_id: str,
        ip_octet_id: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Remove an unusable octet from a policy.

        Raises: PolicyNotFound, IpOctetNotFound.
        """
        self._run(
            "delete_unusable_ip_octet",
            tenant_id=tenant_id,
            policy_id=policy_id,
            ip_octet_id=ip_octet_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
