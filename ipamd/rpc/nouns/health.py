"""What the workers say of themselves."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Resource


class Health(Calls):
    """What the workers say of themselves."""

    def get_health(
        self,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Return a worker's version, its database, and how many events wait to be sent."""
        return self._call("get_health", timeout=timeout)

    def get_worker_status(
        self,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Return who the worker that answers is, and whether it can work."""
        return self._call("get_worker_status", timeout=timeout)
