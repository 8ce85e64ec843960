"""An instance's virtual interfaces, with the networks they are in."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Page


class VirtualInterfaces(Calls):
    """An instance's virtual interfaces, with the networks they are in."""

    def list_virtual_interfaces(
        self,
        instance_id: str,
        tenant_id: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List id, mac_address and net_id of an instance's interfaces.

        Raises: InstanceNotFound when it has none.
        """
        return self._call(
            "list_virtual_interfaces",
            instance_id=instance_id,
            tenant_id=tenant_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )
