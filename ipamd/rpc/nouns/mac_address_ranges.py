"""Ranges that automatic MAC addresses are taken from."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Page, Resource


class MacAddressRanges(Calls):
    """Ranges that automatic MAC addresses are taken from."""

    def list_mac_address_ranges(
        self,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List the ranges, oldest first."""
        return self._call("list_mac_address_ranges", limit=limit, marker=marker, timeout=timeout)

    def get_mac_address_range(
        self,
        mac_address_range_id: str,
        *,
        timeout: float | None = None,
    ) -> Resource:
        """Return a range.

        Raises: MacAddressRangeNotFound.
        """
        return self._call(
            "get_mac_address_range", mac_address_range_id=mac_address_range_id, timeout=timeout
        )

    def create_mac_address_range(
        self,
        mac_address_range: Resource,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Create a range.

        ``mac_address_range``: cidr, as in ``BC:76:4E:00:00:00/24``.

        Raises: ValidationError.
        """
        return self._call(
            "create_mac_address_range",
            mac_address_range=mac_address_range,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def delete_mac_address_range(
        self,
        mac_address_range_id: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Delete a range that no address is taken from.

        Raises: MacAddressRangeNotFound, Conflict.
        """
        self._run(
            "delete_mac_address_range",
            mac_address_range_id=mac_address_range_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
