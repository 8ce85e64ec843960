"""The context of one request: who asks, and under which request id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from oslo_context import context

from ipamd.ids import new_id


class RequestContext(context.RequestContext):
    """oslo.context's request context; its ``project_id`` is ipamd's tenant.

    A context that is ``confined`` reaches what its tenant owns or leases, and nothing else.
    """

    def __init__(self, *args: Any, confined: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.confined = confined

    @property
    def confined_to(self) -> str | None:
        """The only tenant whose resources this request reaches; None: everybody's."""
        return self.tenant if self.confined else None

    def to_dict(self) -> dict[str, Any]:
        """Return the context as it crosses the wire."""
        values: dict[str, Any] = super().to_dict()
        return {**values, "confined": True} if self.confined else values

    @property
    def tenant(self) -> str:
        """The tenant that idempotency keys belong to; empty for no tenant."""
        return self.project_id or ""

    def update_store(self) -> None:
        """Do nothing: who makes a context does not yet work on its request.

        oslo.context would keep the first one of each thread, and every later request of
        that thread would be logged in its name.
        """

    def begin_work(self) -> None:
        """Have what this thread logs bear the request's id, until ``end_work()``."""
        super().update_store()

    @staticmethod
    def end_work() -> None:
        """Log in nobody's name again; harmless when that is so."""
        vars(context._request_store).pop("context", None)

    @classmethod
    def from_wire(cls, values: Mapping[str, Any] | None) -> Self:
        """Build a context from what any oslo.messaging client sent.

        Foreign clients may send ``{}``, keys of their own, or the legacy ``tenant``;
        what is unknown or has another type than text is left out.  Whatever is said of
        ``confined``, unless it is no, confines.
        """
        given = dict(values or {})
        known = {
            key: value for key, value in given.items() if isinstance(value, str) or key == "roles"
        }
        tenant = known.get("project_id") or known.get("tenant")
        request_id = known.get("request_id")
        roles = known.get("roles")
        return cls(
            user_id=known.get("user_id") or known.get("user"),
            project_id=tenant,
            # It goes into logs and events: of a long one the beginning has to do.
            request_id=request_id[:255] if request_id else f"req-{new_id()}",
            global_request_id=None,
            roles=[r for r in roles if isinstance(r, str)] if isinstance(roles, list) else [],
            is_admin=given.get("is_admin") is True,
            confined=given.get("confined") not in (None, False),
            overwrite=False,
        )
