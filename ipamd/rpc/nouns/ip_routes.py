"""Routes of blocks."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Page, Resource


class IpRoutes(Calls):
    """Routes of blocks."""

    def list_ip_routes(
        self,
        tenant_id: str,
        ip_block_id: str,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List a block's routes.

        Raises: IpBlockNotFound.
        """
        return self._call(
            "list_ip_routes",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def get_ip_route(
        self,
        tenant_id: str,
        ip_block_id: str,
        ip_route_id: str,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Return a block's route.

        Raises: IpBlockNotFound, IpRouteNotFound.
        """
        return self._call(
            "get_ip_route",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            ip_route_id=ip_route_id,
            timeout=timeout,
        )

    def create_ip_route(
        self,
        tenant_id: str,
        ip_block_id: str,
        ip_route: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Add a route to a block.

        ``ip_route``: destination, netmask?, gateway.

        Raises: IpBlockNotFound, ValidationError.
        """
        return self._call(
            "create_ip_route",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            ip_route=ip_route,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def update_ip_route(
        self,
        tenant_id: str,
        ip_block_id: str,
        ip_route_id: str,
        ip_route: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Change a block's route.

        Raises: IpBlockNotFound, IpRouteNotFound, ValidationError.
        """
        return self._call(
            "update_ip_route",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            ip_route_id=ip_route_id,
            ip_route=ip_route,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def delete_ip_route(
        self,
        tenant_id: str,
        ip_block_id: str,
        ip_route_id: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Remove a route from a block.

        Raises: IpBlockNotFound, IpRouteNotFound.
        """
        self._run(
            "delete_ip_route",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            ip_route_id=ip_route_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
