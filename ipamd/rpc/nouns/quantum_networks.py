"""Quantum's networks: a tenant's, with ports that interfaces are plugged into."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Page, Resource


class QuantumNetworks(Calls):
    """Quantum's networks: a tenant's, with ports that interfaces are plugged into."""

    def list_networks(
        self,
        tenant_id: str,
        name: str | None = None,
        op_status: str | None = None,
        port: str | None = None,
        port_state: str | None = None,
        port_op_status: str | None = None,
        has_attachment: bool | None = None,
        attachment: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List a tenant's networks that match every filter.

        ``port`` (an id), ``port_state``, ``port_op_status`` and ``attachment`` ask for a
        network with some such port.
        """
        return self._call(
            "list_networks",
            tenant_id=tenant_id,
            name=name,
            op_status=op_status,
            port=port,
            port_state=port_state,
            port_op_status=port_op_status,
            has_attachment=has_attachment,
            attachment=attachment,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def get_network(
        self, tenant_id: str, network_id: str, *, timeout: float | None = None
    ) -> Resource:
        """Return a network.

        Raises: NetworkNotFound.
        """
        return self._call(
            "get_network", tenant_id=tenant_id, network_id=network_id, timeout=timeout
        )

    def create_network(
        self,
        tenant_id: str,
        network: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Create a network.

        ``network``: name, and any other keys, which are kept and given back.

        Raises: ValidationError.
        """
        return self._call(
            "create_network",
            tenant_id=tenant_id,
            network=network,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def update_network(
        self,
        tenant_id: str,
        network_id: str,
        network: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Change a network's name and its other keys, as far as they are given.

        Raises: NetworkNotFound, ValidationError.
        """
        return self._call(
            "update_network",
            tenant_id=tenant_id,
            network_id=network_id,
            network=network,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def delete_network(
        self,
        tenant_id: str,
        network_id: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Delete a network and its ports, unless something is plugged into one.

        Raises: NetworkNotFound, NetworkInUse.
        """
        self._run(
            "delete_network",
            tenant_id=tenant_id,
            network_id=network_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
