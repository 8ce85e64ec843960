"""Requests that were cast: what became of them."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Resource


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
