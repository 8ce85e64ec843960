"""Deleting a block takes all of its subnets along, however many there are."""

from __future__ import annotations

import sqlalchemy as sa

from ipamd.context import RequestContext
from ipamd.db import bulk
from ipamd.db.database import Transaction
from ipamd.db.models import IpBlock, table_of
from ipamd.ids import new_id
from tests.db.statements import counted
from tests.db.store import TENANT, Store

BLOCKS = table_of(IpBlock)
# More than the database takes as parameters of one statement; MariaDB's driver has no limit.
MANY = {"sqlite": 33_000, "postgresql": 66_000, "mysql": 11_000}


def test_a_block_with_very_many_subnets_can_be_deleted(store: Store) -> None:
    many = MANY[store.db.dialect]
    top = store.block("10.0.0.0/8")["id"]
    store.subnet(top, "10.0.0.0/24")
    (model,) = store.rows("SELECT id FROM ip_blocks WHERE parent_id IS NOT NULL")

    def copy(tx: Transaction) -> None:
        row = dict(tx.execute(sa.select(BLOCKS).where(BLOCKS.c.id == model.id)).one()._mapping)
        bulk.insert(tx, BLOCKS, [{**row, "id": new_id()} for _ in range(many)])
        tx.execute(sa.update(BLOCKS).where(BLOCKS.c.id == top).values(subnets=many + 1))

    store.db.run(RequestContext(), copy)
    with counted(store.db) as statements:
        store.call("delete_ip_block", tenant_id=TENANT, ip_block_id=top)
    assert len(statements) < 100
    assert store.rows("SELECT 1 FROM ip_blocks") == []
    (told,) = store.rows("SELECT count(*) AS n FROM outbox WHERE event_type = 'ip_block.delete'")
    assert told.n == many + 2
