"""The feed of events."""

from __future__ import annotations

from ipamd.rpc.calls import Calls, Page


class Events(Calls):
    """The feed of events."""

    def list_events(
        self,
        tenant_id: str | None = None,
        event_types: list[str] | None = None,
        since: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Page:
        """List events in the order in which they were sent, from ``marker`` on.

        ``next_marker`` is always where to go on: at once unless ``is_last``, else later.
        ``marker`` "now": none of the past; "latest": the last ``limit`` ones; unset: from
        ``since`` (ISO 8601) or the oldest on.
        ``event_types``: types, or ``<noun>.*``.

        Raises: ValidationError.
        """
        return self._call(
            "list_events",
            tenant_id=tenant_id,
            event_types=event_types,
            since=since,
            limit=limit,
            marker=marker,
            timeout=timeout,
        )
