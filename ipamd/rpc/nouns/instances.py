"""The interfaces and addresses of instances (devices)."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Page, Resource


class Instances(Calls):
    """The interfaces and addresses of instances (devices)."""

    def list_instance_interfaces(
        self,
        instance_id: str,
        tenant_id: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List an instance's interfaces, or a tenant's among them."""
        return self._call(
            "list_instance_interfaces",
            instance_id=instance_id,
            tenant_id=tenant_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def get_instance_interface(
        self,
        instance_id: str,
        interface_id: str,
        tenant_id: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Return an instance's interface.

        Raises: InterfaceNotFound.
        """
        return self._call(
            "get_instance_interface",
            instance_id=instance_id,
            interface_id=interface_id,
            tenant_id=tenant_id,
            timeout=timeout,
        )

    def create_instance_interface(
        self,
        instance_id: str,
        interface: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Create an interface of an instance.

        ``interface``: tenant_id, mac_address?, network? = {id, addresses?}.

        Raises: ValidationError, NoMoreAddressesError.
        """
        return self._call(
            "create_instance_interface",
            instance_id=instance_id,
            interface=interface,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def replace_instance_interfaces(
        self,
        instance_id: str,
        instance: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Page:
        """Replace all interfaces of an instance, all or nothing.

        ``instance``: tenant_id, interfaces = [{mac_address?, network?}].

        Raises: ValidationError, NoMoreAddressesError.
        """
        return self._call(
            "replace_instance_interfaces",
            instance_id=instance_id,
            instance=instance,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def delete_instance_interface(
        self,
        instance_id: str,
        interface_id: str,
        tenant_id: str | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Delete an instance's interface and release its addresses.

        Raises: InterfaceNotFound.
        """
        self._run(
            "delete_instance_interface",
            instance_id=instance_id,
            interface_id=interface_id,
            tenant_id=tenant_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def delete_instance_interfaces(
        self,
        instance_id: str,
        tenant_id: str | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Delete all interfaces of an instance and release their addresses."""
        self._run(
            "delete_instance_interfaces",
            instance_id=instance_id,
            tenant_id=tenant_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def list_interface_ip_addresses(
        self,
        instance_id: str,
        interface_id: str,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List the addresses of an instance's interface.

        Raises: InterfaceNotFound.
        """
        return self._call(
            "list_interface_ip_addresses",
            instance_id=instance_id,
            interface_id=interface_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def add_interface_ip_addresses(
        self,
        instance_id: str,
        interface_id: str,
        network: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Page:
        """Allocate addresses to an instance's interface.

        ``network``: id, tenant_id, addresses?.

        Raises: InterfaceNotFound, NetworkNotFound, NoMoreAddressesError.
        """
        return self._call(
            "add_interface_ip_addresses",
            instance_id=instance_id,
            interface_id=interface_id,
            network=network,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def remove_interface_ip_address(
        self,
        instance_id: str,
        interface_id: str,
        address: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Release an address of an instance's interface.

        Raises: InterfaceNotFound, IpAddressNotFound.
        """
        self._run(
            "remove_interface_ip_address",
            instance_id=instance_id,
            interface_id=interface_id,
            address=address,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def list_instance_ip_addresses(
        self,
        instance_id: str,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List the addresses of all interfaces of an instance."""
        return self._call(
            "list_instance_ip_addresses",
            instance_id=instance_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )
