"""IP blocks and their subnets."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Page, Resource


class IpBlocks(Calls):
    """IP blocks and their subnets."""

    def list_ip_blocks(
        self,
        tenant_id: str,
        type: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List a tenant's blocks, of one type (``private`` or ``public``) if given."""
        return self._call(
            "list_ip_blocks",
            tenant_id=tenant_id,
            type=type,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def get_ip_block(
        self,
        tenant_id: str,
        ip_block_id: str,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Return a block.

        Raises: IpBlockNotFound.
        """
        return self._call(
            "get_ip_block", tenant_id=tenant_id, ip_block_id=ip_block_id, timeout=timeout
        )

    def create_ip_block(
        self,
        tenant_id: str,
        ip_block: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Create a block.

        ``ip_block``: type, cidr, network_id?, gateway?, dns1?, dns2?, policy_id?.

        Raises: ValidationError: the CIDR overlaps another block's, or a value is wrong.
        """
        return self._call(
            "create_ip_block",
            tenant_id=tenant_id,
            ip_block=ip_block,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def update_ip_block(
        self,
        tenant_id: str,
        ip_block_id: str,
        ip_block: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Change a block; what ``ip_block`` does not name stays as it is.

        Raises: IpBlockNotFound, ValidationError.
        """
        return self._call(
            "update_ip_block",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            ip_block=ip_block,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def delete_ip_block(
        self,
        tenant_id: str,
        ip_block_id: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Delete a block with its subnets and addresses.

        Raises: IpBlockNotFound.
        """
        self._run(
            "delete_ip_block",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def get_ip_block_utilization(
        self,
        tenant_id: str,
        ip_block_id: str,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Return how full a block is: {size, reserved, allocated, quarantined, free}.

        Raises: IpBlockNotFound.
        """
        return self._call(
            "get_ip_block_utilization",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            timeout=timeout,
        )

    def list_available(
        self,
        tenant_id: str,
        ip_block_id: str,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List a block's free ranges: {first, last, size}; the marker is a last address.

        Raises: IpBlockNotFound, ValidationError.
        """
        return self._call(
            "list_available",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def fit_in_ip_block(
        self,
        tenant_id: str,
        ip_block_id: str,
        count: int | None = None,
        prefix_length: int | None = None,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Tell where ``count`` addresses, or a prefix, would fit: {fits, first, last}.

        Nothing is allocated.

        Raises: IpBlockNotFound, ValidationError unless exactly one of the two is given.
        """
        return self._call(
            "fit_in_ip_block",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            count=count,
            prefix_length=prefix_length,
            timeout=timeout,
        )

    def list_subnets(
        self,
        tenant_id: str,
        ip_block_id: str,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List the blocks within a block.

        Raises: IpBlockNotFound.
        """
        return self._call(
            "list_subnets",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def create_subnet(
        self,
        tenant_id: str,
        ip_block_id: str,
        subnet: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Create a block within a block.

        ``subnet``: cidr, network_id?, tenant_id?, policy_id?.

        Raises: IpBlockNotFound, ValidationError, Unprocessable.
        """
        return self._call(
            "create_subnet",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            subnet=subnet,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
