"""Virtual interfaces, with and without addresses."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Resource


class Interfaces(Calls):
    """Virtual interfaces, with and without addresses."""

    def create_interface(
        self,
        interface: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Create an interface.

        ``interface``: id?, tenant_id, device_id?, mac_address?, network? = {id, addresses?}.

        Raises: ValidationError, NoMoreAddressesError, NoMoreMacAddressesError.
        """
        return self._call(
            "create_interface",
            interface=interface,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def get_interface(
        self,
        interface_id: str,
        tenant_id: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Return an interface.

        Raises: InterfaceNotFound.
        """
        return self._call(
            "get_interface", interface_id=interface_id, tenant_id=tenant_id, timeout=timeout
        )

    def delete_interface(
        self,
        interface_id: str,
        tenant_id: str | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Delete an interface, release its addresses and free its MAC address.

        Raises: InterfaceNotFound.
        """
        self._run(
            "delete_interface",
            interface_id=interface_id,
            tenant_id=tenant_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
