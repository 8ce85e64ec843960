"""Whose a network is, to requests that are confined to their tenant.

A network's id is any text, and no row may stand for it.  Its rules, one type and no overlap,
hold for the blocks of all tenants in it: who could put a block into another's network would
keep the other's blocks out.
"""

from __future__ import annotations

import sqlalchemy as sa

from ipamd.db.database import Transaction
from ipamd.db.models import IpBlock, Network, table_of

_BLOCKS, _NETWORKS = table_of(IpBlock), table_of(Network)


def is_anothers(tx: Transaction, network_id: str) -> bool:
    """Tell whether the request must not put a block into a network.

    It may where it has the network or a block in it, and where nobody has.  The scope of the
    network is locked.
    """
    tenant = tx.context.confined_to
    if tenant is None:
        return False
    owners = sa.select(_NETWORKS.c.tenant_id).where(_NETWORKS.c.id == network_id)
    holders = sa.select(_BLOCKS.c.tenant_id).where(_BLOCKS.c.network_id == network_id)
    found = set(tx.execute(sa.union(owners, holders)).scalars())
    return bool(found) and tenant not in found
