"""The context of one request: who asks, and under which request id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from oslo_context import context


class RequestContext(context.RequestContext):
    """oslo.context's request context; its ``project_id`` is ipamd's tenant."""

    @property
    def tenant(self) -> str:
        """The tenant that idempotency keys belong to; empty for no tenant."""
        return self.project_id or ""

    @classmethod
    def from_wire(cls, values: Mapping[str, Any] | None) -> Self:
        """Build a context from what any oslo.messaging client sent.

        Foreign clients may send ``{}``, keys of their own, or the legacy ``tenant``;
        what is unknown or has another type than text is left out.
        """
        known = {
            key: value
            for key, value in dict(values or {}).items()
            if isinstance(value, str) or key == "roles"
        }
        tenant = known.get("project_id") or known.get("tenant")
        roles = known.get("roles")
        return cls(
            user_id=known.get("user_id") or known.get("user"),
            project_id=tenant,
            request_id=known.get("request_id"),
            global_request_id=None,
            roles=[r for r in roles if isinstance(r, str)] if isinstance(roles, list) else [],
            is_admin=dict(values or {}).get("is_admin") is True,
            overwrite=False,
        )
