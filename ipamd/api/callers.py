"""Callers of the facade, as a strategy has recognised them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class Caller:
    """Who asks.

    ``tenant`` is None where the credentials name none.  ``by_url`` marks callers of
    Melange's rule, who reach what a URL names for their tenant and nothing else.
    """

    user: str | None
    tenant: str | None
    roles: tuple[str, ...]
    is_admin: bool = False
    reaches_all: bool = False
    by_url: bool = False
    service_roles: tuple[str, ...] = ()
    system_scope: str | None = None

    def shown(self) -> str:
        """Return who it is for a log line: ``user@tenant``, ``-`` for what is not known."""
        user, tenant = (quote(name or "-", safe="") for name in (self.user, self.tenant))
        return f"{user}@{tenant}"

    def credentials(self) -> dict[str, Any]:
        """Return what policy rules look at."""
        return {
            "user_id": self.user,
            "project_id": self.tenant,
            "tenant_id": self.tenant,
            "roles": list(self.roles),
            "service_roles": list(self.service_roles),
            "system_scope": self.system_scope,
        }


EVERYBODY = Caller(None, None, ("admin",), is_admin=True, reaches_all=True)
"""Whoever asks where nobody is asked who they are."""
