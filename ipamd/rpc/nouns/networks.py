"""Addresses of an interface in a network: one of each IP version it has blocks of."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Page, Resource


class Networks(Calls):
    """Addresses of an interface in a network: one of each IP version it has blocks of."""

    def list_network_ip_blocks(
        self,
        tenant_id: str,
        network_id: str,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List a network's blocks.

        Raises: NetworkNotFound.
        """
        return self._call(
            "list_network_ip_blocks",
            tenant_id=tenant_id,
            network_id=network_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def list_network_ips(
        self,
        tenant_id: str,
        network_id: str,
        interface_id: str,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List an interface's addresses in a network.

        Raises: NetworkNotFound.
        """
        return self._call(
            "list_network_ips",
            tenant_id=tenant_id,
            network_id=network_id,
            interface_id=interface_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def allocate_network_ips(
        self,
        tenant_id: str,
        network_id: str,
        interface_id: str,
        network: Resource | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Allocate an interface's addresses in a network, all or none.

        ``network``: addresses?, mac_address?, tenant_id?, used_by_device?.

        Raises: NetworkNotFound, NoMoreAddressesError, AddressAlreadyAllocated.
        """
        return self._call(
            "allocate_network_ips",
            tenant_id=tenant_id,
            network_id=network_id,
            interface_id=interface_id,
            network=network,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def deallocate_network_ips(
        self,
        tenant_id: str,
        network_id: str,
        interface_id: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Release all addresses of an interface in a network.

        Raises: NetworkNotFound.
        """
        self._run(
            "deallocate_network_ips",
            tenant_id=tenant_id,
            network_id=network_id,
            interface_id=interface_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
