"""Ports of Quantum's networks, and what is plugged into them."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Page, Resource


class Ports(Calls):
    """Ports of Quantum's networks, and what is plugged into them."""

    def list_ports(
        self,
        tenant_id: str,
        network_id: str,
        state: str | None = None,
        op_status: str | None = None,
        has_attachment: bool | None = None,
        attachment: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List a network's ports that match every filter.

        Raises: NetworkNotFound.
        """
        return self._call(
            "list_ports",
            tenant_id=tenant_id,
            network_id=network_id,
            state=state,
            op_status=op_status,
            has_attachment=has_attachment,
            attachment=attachment,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def get_port(
        self, tenant_id: str, network_id: str, port_id: str, *, timeout: float | None = None
    ) -> Resource:
        """Return a port.

        Raises: NetworkNotFound, PortNotFound.
        """
        return self._call(
            "get_port",
            tenant_id=tenant_id,
            network_id=network_id,
            port_id=port_id,
            timeout=timeout,
        )

    def create_port(
        self,
        tenant_id: str,
        network_id: str,
        port: Resource | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Create a port.

        ``port``: state? (``DOWN``), and any other keys, which are kept and given back.

        Raises: NetworkNotFound, PortStateInvalid.
        """
        return self._call(
            "create_port",
            tenant_id=tenant_id,
            network_id=network_id,
            port=port,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def update_port(
        self,
        tenant_id: str,
        network_id: str,
        port_id: str,
        port: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Change a port's state and its other keys, as far as they are given.

        Raises: NetworkNotFound, PortNotFound, PortStateInvalid.
        """
        return self._call(
            "update_port",
            tenant_id=tenant_id,
            network_id=network_id,
            port_id=port_id,
            port=port,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def delete_port(
        self,
        tenant_id: str,
        network_id: str,
        port_id: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Delete a port that nothing is plugged into.

        Raises: NetworkNotFound, PortNotFound, PortInUse.
        """
        self._run(
            "delete_port",
            tenant_id=tenant_id,
            network_id=network_id,
            port_id=port_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def get_port_attachment(
        self, tenant_id: str, network_id: str, port_id: str, *, timeout: float | None = None
    ) -> Resource:
        """Return what is plugged into a port, ``{"id": …}`` or ``{}``.

        Raises: NetworkNotFound, PortNotFound.
        """
        return self._call(
            "get_port_attachment",
            tenant_id=tenant_id,
            network_id=network_id,
            port_id=port_id,
            timeout=timeout,
        )

    def set_port_attachment(
        self,
        tenant_id: str,
        network_id: str,
        port_id: str,
        attachment: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Plug an interface into an empty port.

        ``attachment``: id, the interface's.

        Raises: NetworkNotFound, PortNotFound, PortInUse, AlreadyAttached,
        InterfaceOnAnotherNetwork (it has addresses there).
        """
        return self._call(
            "set_port_attachment",
            tenant_id=tenant_id,
            network_id=network_id,
            port_id=port_id,
            attachment=attachment,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def delete_port_attachment(
        self,
        tenant_id: str,
        network_id: str,
        port_id: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Unplug what is plugged into a port, if anything is.

        Raises: NetworkNotFound, PortNotFound.
        """
        self._run(
            "delete_port_attachment",
            tenant_id=tenant_id,
            network_id=network_id,
            port_id=port_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
