"""IP addresses of blocks: allocation, release, and what was allocated to whom."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Page, Resource


class IpAddresses(Calls):
    """IP addresses of blocks: allocation, release, and what was allocated to whom."""

    def list_ip_addresses(
        self,
        tenant_id: str,
        ip_block_id: str,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List the addresses held in a block.

        Raises: IpBlockNotFound.
        """
        return self._call(
            "list_ip_addresses",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def get_ip_address(
        self,
        tenant_id: str,
        ip_block_id: str,
        address: str,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Return a held address.

        Raises: IpBlockNotFound, IpAddressNotFound.
        """
        return self._call(
            "get_ip_address",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            address=address,
            timeout=timeout,
        )

    def allocate_ip_address(
        self,
        tenant_id: str,
        ip_block_id: str,
        ip_address: Resource | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Allocate the next free address of a block, or the one asked for.

        ``ip_address``: address?, interface_id?, tenant_id?, used_by_device?, mac_address?.

        Raises: NoMoreAddressesError, AddressAlreadyAllocated, AddressNotInBlock,
            AddressDisallowedByPolicy, BlockHasSubnets, IpBlockNotFound.
        """
        return self._call(
            "allocate_ip_address",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            ip_address=ip_address,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def allocate_ip_addresses(
        self,
        tenant_id: str,
        ip_block_id: str,
        count: int,
        ip_address: Resource | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Allocate ``count`` addresses of a block, all or none.

        ``ip_address``: interface_id?, tenant_id?, used_by_device?, for all of them.

        Raises: as ``allocate_ip_address``.
        """
        return self._call(
            "allocate_ip_addresses",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            count=count,
            ip_address=ip_address,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def allocate_chosen_ip_addresses(
        self,
        tenant_id: str | None,
        ip_addresses: list[Resource],
        dry_run: bool | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Allocate chosen addresses of any blocks, up to 5000, each done or refused by itself.

        With ``dry_run`` the outcome is told, and nothing changed.

        An entry: ip_block_id, address, interface_id?, tenant_id?, used_by_device?,
        mac_address?.  The answer: ``allocated`` and ``unchanged``, two counts, and
        ``refused``, a list of {index, address, code, message}.

        Raises: ValidationError.
        """
        return self._call(
            "allocate_chosen_ip_addresses",
            tenant_id=tenant_id,
            ip_addresses=ip_addresses,
            dry_run=dry_run,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def deallocate_ip_address(
        self,
        tenant_id: str,
        ip_block_id: str,
        address: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Release an address; it can be restored while it is in quarantine.

        Raises: IpBlockNotFound, IpAddressNotFound.
        """
        self._run(
            "deallocate_ip_address",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            address=address,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def restore_ip_address(
        self,
        tenant_id: str,
        ip_block_id: str,
        address: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Take an address out of quarantine, to its former holder.

        Raises: IpBlockNotFound, IpAddressNotFound.
        """
        return self._call(
            "restore_ip_address",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            address=address,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def list_allocated_ip_addresses(
        self,
        tenant_id: str | None = None,
        used_by_device: str | None = None,
        address: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List the allocated addresses of all blocks, by holder, device or address."""
        return self._call(
            "list_allocated_ip_addresses",
            tenant_id=tenant_id,
            used_by_device=used_by_device,
            address=address,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def list_ip_address_history(
        self,
        address: str,
        tenant_id: str | None = None,
        at: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List who held an address, in all blocks, oldest first.

        ``tenant_id``: only what that tenant held; ``at`` (ISO 8601): only the holdings of
        that moment.

        Raises: ValidationError.
        """
        return self._call(
            "list_ip_address_history",
            address=address,
            tenant_id=tenant_id,
            at=at,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )
