"""Requests that were cast: what became of them."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Page, Resource


class Requests(Calls):
    """Requests that were cast: what became of them."""

    def get_request(
        self,
        request_id: str,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Return {id, status, result, error} of a request that the same tenant has cast.

        ``status`` is ``queued``, ``done`` (then ``result``) or ``failed`` (then ``error``).

        Raises: RequestNotFound.
        """
        return self._call("get_request", request_id=request_id, timeout=timeout)

    def query_resources(
        self,
        kind: str,
        tenant_id: str | None = None,
        filters: Resource | None = None,
        sort: list[str] | None = None,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List resources of a kind, such as ``ip_blocks``, by filters and order.

        Raises: ValidationError.
        """
        return self._call(
            "query_resources",
            kind=kind,
            tenant_id=tenant_id,
            filters=filters,
            sort=sort,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )
