"""What people look at: blocks as a tree and as maps, used ranges, one search over all."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Page, Resource


class Views(Calls):
    """What people look at: blocks as a tree and as maps, used ranges, one search over all."""

    def list_ip_block_tree(
        self,
        tenant_id: str | None = None,
        parent_id: str | None = None,
        network_id: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List one level of the tree of blocks, by address, with what lies below each.

        Raises: IpBlockNotFound, ValidationError.
        """
        return self._call(
            "list_ip_block_tree",
            tenant_id=tenant_id,
            parent_id=parent_id,
            network_id=network_id,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def get_ip_block_map(
        self,
        tenant_id: str,
        ip_block_id: str,
        cidr: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Show a block, or a prefix of it, address by address or in cells.

        ``scale`` in the result is ``subnets``, ``addresses`` or ``cells``.

        Raises: IpBlockNotFound, ValidationError.
        """
        return self._call(
            "get_ip_block_map",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            cidr=cidr,
            timeout=timeout,
        )

    def list_used_ranges(
        self,
        tenant_id: str,
        ip_block_id: str,
        cidr: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List what is held or in quarantine, by address, as runs that one holder has.

        Raises: IpBlockNotFound, ValidationError.
        """
        return self._call(
            "list_used_ranges",
            tenant_id=tenant_id,
            ip_block_id=ip_block_id,
            cidr=cidr,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )

    def search_resources(
        self,
        text: str,
        tenant_id: str | None = None,
        limit: int | None = None,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Find resources by an address, CIDR, MAC address, or an id or name of anything.

        Raises: ValidationError.
        """
        return self._call(
            "search_resources", text=text, tenant_id=tenant_id, limit=limit, timeout=timeout
        )
