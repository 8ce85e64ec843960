"""Many rows in one statement: all of them, as they were given, in their order."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from ipamd.context import RequestContext
from ipamd.db import bulk
from ipamd.db.database import Database, Transaction
from ipamd.db.models import FreeRange, Outbox, table_of
from tests.db.store import Store

OUTBOX, FREE = table_of(Outbox), table_of(FreeRange)
# SQLite takes 999 parameters at a time: 124 rows of eight columns, 333 of three.
AROUND = [1, 2, 123, 124, 125, 248, 249, 1000]


def run(db: Database, work: object) -> None:
    db.run(RequestContext(), work)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", AROUND)
def test_rows_stand_in_the_order_in_which_they_were_given(store: Store, count: int) -> None:
    def insert(tx: Transaction) -> None:
        rows = [
            {
                "event_id": f"event {number}", "event_type": "x", "priority": "INFO",
                "tenant_id": None if number % 3 else "it's", "address": number or None,
                "payload": '{"a": "b\\\\c, %s ?"}', "occurred_at": tx.now, "sent_at": None,
            }
            for number in range(count)
        ]  # fmt: skip
        bulk.insert(tx, OUTBOX, rows)

    run(store.db, insert)
    with store.db.engine.connect() as connection:
        found = connection.execute(sa.select(OUTBOX).order_by(OUTBOX.c.id)).all()
    assert [row.event_id for row in found] == [f"event {number}" for number in range(count)]
    assert [row.address for row in found] == [number or None for number in range(count)]
    assert [row.tenant_id for row in found] == [
        None if number % 3 else "it's" for number in range(count)
    ]
    assert {row.payload for row in found} == {'{"a": "b\\\\c, %s ?"}'}


@pytest.mark.parametrize("count", [1, 332, 333, 334, 700])
def test_rows_that_exist_are_changed_and_others_inserted(store: Store, count: int) -> None:
    block = store.block("10.0.0.0/8")["id"]
    store.write(sa.delete(FREE))

    def rows(numbers: range, first: int) -> list[dict[str, object]]:
        return [
            {"ip_block_id": block, "first": 10 * number + first, "last": 10 * number + 5}
            for number in numbers
        ]

    run(store.db, lambda tx: bulk.insert(tx, FREE, rows(range(0, count, 2), 1)))
    run(store.db, lambda tx: bulk.upsert(tx, FREE, rows(range(count), 3), "first"))
    with store.db.engine.connect() as connection:
        found = connection.execute(sa.select(FREE).order_by(FREE.c.last)).all()
    assert [(row.first, row.last) for row in found] == [
        (10 * number + 3, 10 * number + 5) for number in range(count)
    ]
    run(store.db, lambda tx: bulk.delete(tx, FREE, [
        {"ip_block_id": block, "last": 10 * number + 5} for number in range(1, count, 2)
    ]))  # fmt: skip
    with store.db.engine.connect() as connection:
        left = connection.execute(sa.select(FREE.c.last).order_by(FREE.c.last)).scalars().all()
    assert left == [10 * number + 5 for number in range(0, count, 2)]
