"""NAT relations between addresses, and the addresses an interface may use besides its own."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Page, Resource


class Nat(Calls):
    """NAT relations between addresses, and the addresses an interface may use besides its own."""

    def list_inside_globals(
        self,
        ip_block_id: str,
        address: str,
        tenant_id: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List the inside global addresses of an address.

        Raises: IpBlockNotFound, IpAddressNotFound.
        """
        return self._call(
            "list_inside_globals",
            ip_block_id=ip_block_id,
            address=address,
            tenant_id=tenant_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def add_inside_globals(
        self,
        ip_block_id: str,
        address: str,
        ip_addresses: list[Resource],
        tenant_id: str | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Page:
        """Relate inside global addresses to an address.

        ``ip_addresses``: [{ip_block_id, ip_address}].

        Raises: IpBlockNotFound, ValidationError.
        """
        return self._call(
            "add_inside_globals",
            ip_block_id=ip_block_id,
            address=address,
            ip_addresses=ip_addresses,
            tenant_id=tenant_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def remove_inside_globals(
        self,
        ip_block_id: str,
        address: str,
        inside_address: str | None = None,
        tenant_id: str | None = None,
        inside_block_id: str | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Remove one inside global address of an address, or all.

        Raises: IpBlockNotFound, IpAddressNotFound.
        """
        self._run(
            "remove_inside_globals",
            ip_block_id=ip_block_id,
            address=address,
            inside_address=inside_address,
            tenant_id=tenant_id,
            inside_block_id=inside_block_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def list_inside_locals(
        self,
        ip_block_id: str,
        address: str,
        tenant_id: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List the inside local addresses of an address.

        Raises: IpBlockNotFound, IpAddressNotFound.
        """
        return self._call(
            "list_inside_locals",
            ip_block_id=ip_block_id,
            address=address,
            tenant_id=tenant_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def add_inside_locals(
        self,
        ip_block_id: str,
        address: str,
        ip_addresses: list[Resource],
        tenant_id: str | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Page:
        """Relate inside local addresses to an address.

        ``ip_addresses``: [{ip_block_id, ip_address}].

        Raises: IpBlockNotFound, ValidationError.
        """
        return self._call(
            "add_inside_locals",
            ip_block_id=ip_block_id,
            address=address,
            ip_addresses=ip_addresses,
            tenant_id=tenant_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def remove_inside_locals(
        self,
        ip_block_id: str,
        address: str,
        inside_address: str | None = None,
        tenant_id: str | None = None,
        inside_block_id: str | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Remove one inside local address of an address, or all.

        Raises: IpBlockNotFound, IpAddressNotFound.
        """
        self._run(
            "remove_inside_locals",
            ip_block_id=ip_block_id,
            address=address,
            inside_address=inside_address,
            tenant_id=tenant_id,
            inside_block_id=inside_block_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def list_allowed_ips(
        self,
        tenant_id: str,
        interface_id: str,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List the addresses an interface may use.

        Raises: InterfaceNotFound.
        """
        return self._call(
            "list_allowed_ips",
            tenant_id=tenant_id,
            interface_id=interface_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def get_allowed_ip(
        self,
        tenant_id: str,
        interface_id: str,
        address: str,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Return an address that an interface may use.

        Raises: InterfaceNotFound, AllowedIpNotFound.
        """
        return self._call(
            "get_allowed_ip",
            tenant_id=tenant_id,
            interface_id=interface_id,
            address=address,
            timeout=timeout,
        )

    def add_allowed_ip(
        self,
        tenant_id: str,
        interface_id: str,
        allowed_ip: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Let an interface use an address of its network.

        ``allowed_ip``: network_id, ip_address.

        Raises: InterfaceNotFound, IpAddressNotFound.
        """
        return self._call(
            "add_allowed_ip",
            tenant_id=tenant_id,
            interface_id=interface_id,
            allowed_ip=allowed_ip,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def remove_allowed_ip(
        self,
        tenant_id: str,
        interface_id: str,
        address: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Forbid an interface an address again.

        Raises: InterfaceNotFound, AllowedIpNotFound.
        """
        self._run(
            "remove_allowed_ip",
            tenant_id=tenant_id,
            interface_id=interface_id,
            address=address,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
