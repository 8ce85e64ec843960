"""What one tenant may have at most, as the group ``[quota]`` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from oslo_config import cfg

Kind = Literal["ip_blocks", "ip_addresses", "interfaces"]
KINDS: tuple[Kind, ...] = ("ip_blocks", "ip_addresses", "interfaces")
UNLIMITED = -1


@dataclass(frozen=True)
class Quotas:
    """Limits by kind: everybody's, and those that single tenants have instead."""

    general: Mapping[Kind, int]
    own: Mapping[Kind, Mapping[str, int]]

    @classmethod
    def from_conf(cls, conf: cfg.ConfigOpts) -> Quotas | None:
        """Read ``[quota]``; None where nothing is limited, so that nothing is counted."""
        found = cls(
            {kind: conf.quota[kind] for kind in KINDS},
            {kind: conf.quota[f"tenant_{kind}"] for kind in KINDS},
        )
        limits = [
            *found.general.values(),
            *(n for own in found.own.values() for n in own.values()),
        ]
        return found if any(limit != UNLIMITED for limit in limits) else None

    def of(self, kind: Kind, tenant_id: str) -> int | None:
        """Return a tenant's limit, None without one."""
        limit = self.own[kind].get(tenant_id, self.general[kind])
        return None if limit == UNLIMITED else limit
