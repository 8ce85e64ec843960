"""The outbox: in the order of changes, claimed by one relay at a time, kept as journal."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from ipamd.context import RequestContext
from ipamd.db import outbox
from ipamd.db.database import Database, Transaction
from ipamd.db.models import Lease, Outbox, table_of
from tests.db.store import TENANT, Store, together

LEASES, OUTBOX = table_of(Lease), table_of(Outbox)
CONTEXT = RequestContext(project_id=TENANT)


def claim(db: Database, limit: int = 1000) -> list[outbox.OutboxEvent]:
    return db.run(CONTEXT, partial(outbox.claim, limit=limit))


def mark(db: Database, events: list[outbox.OutboxEvent]) -> None:
    db.run(CONTEXT, lambda tx: outbox.mark_sent(tx, [event.id for event in events]))


def acquire(db: Database, owner: str, seconds: float = 60) -> bool:
    return db.run(CONTEXT, lambda tx: outbox.acquire_lease(tx, owner, seconds))


def release(db: Database, owner: str) -> None:
    db.run(CONTEXT, lambda tx: outbox.release_lease(tx, owner))


def test_an_event_carries_the_resource_and_who_asked(store: Store) -> None:
    block = store.block("10.0.0.0/24")
    context = RequestContext(project_id=TENANT, request_id="req-7")
    arguments = {"tenant_id": TENANT, "ip_block_id": block["id"], "idempotency_key": "boot-1",
                 "ip_address": {"interface_id": "vif"}}  # fmt: skip
    address = store.manager.call(context, "allocate_ip_address", arguments)
    created, interface, allocated = claim(store.db)
    assert (created.event_type, interface.event_type) == ("ip_block.create", "interface.create")
    assert created.payload["id"] == block["id"]
    assert allocated.event_type == "ip_address.create"
    assert {name: allocated.payload[name] for name in address} == address
    assert allocated.payload["request_id"] == "req-7"
    assert allocated.payload["idempotency_key"] == "boot-1"
    assert allocated.payload["tenant_id"] == TENANT
    assert uuid.UUID(allocated.payload["event_id"]) == uuid.UUID(allocated.event_id)
    assert allocated.payload["occurred_at"] == address["created_at"]
    assert created.payload["sequence"] < allocated.payload["sequence"] == allocated.id


def test_events_are_claimed_oldest_first_until_they_are_marked(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    store.bulk(block, 10)
    first = claim(store.db, 5)
    assert [event.id for event in first] == sorted(event.id for event in first)
    assert claim(store.db, 5) == first, "a relay that died has not taken them along"
    mark(store.db, first)
    second = claim(store.db)
    assert [event.id for event in second] == sorted(event.id for event in second)
    assert second[0].id > first[-1].id
    assert len(first) + len(second) == 12
    mark(store.db, second)
    assert claim(store.db) == []
    assert len(store.rows("SELECT id FROM outbox WHERE sent_at IS NOT NULL")) == 12


def test_the_order_of_events_of_a_block_is_that_of_its_changes(store: Store) -> None:
    """Threads release and restore one address; told in order, the states alternate."""
    block = store.block("10.0.0.0/24")["id"]
    store.allocate(block)

    def toggle() -> None:
        for _ in range(10):
            store.deallocate(block, "10.0.0.2")
            store.restore(block, "10.0.0.2")

    together(*[toggle] * 6)
    told = [e.event_type for e in claim(store.db) if e.payload.get("address") == "10.0.0.2"]
    assert told[0] == "ip_address.create"
    assert len(told) > 2
    for number, event_type in enumerate(told[1:]):
        assert event_type == ("ip_address.restore" if number % 2 else "ip_address.deallocate")


def test_one_relay_at_a_time_holds_the_lease(db: Database) -> None:
    assert acquire(db, "one")
    assert not acquire(db, "two")
    assert acquire(db, "one"), "the owner prolongs it"
    release(db, "two")
    assert not acquire(db, "two"), "another's release is no release"
    release(db, "one")
    assert acquire(db, "two")
    assert not acquire(db, "one")


def test_a_lease_ends_by_itself(db: Database) -> None:
    assert acquire(db, "dead", seconds=60)
    assert not acquire(db, "heir")
    with db.engine.begin() as connection:  # as if the minute were over
        ended = datetime.now(UTC) - timedelta(milliseconds=50)
        connection.execute(sa.update(LEASES).values(expires_at=ended))
    assert acquire(db, "heir")
    assert not acquire(db, "dead")


def test_relays_that_start_together_get_one_lease(db: Database) -> None:
    got = together(*[partial(acquire, db, f"relay {n}") for n in range(8)])
    assert got.count(True) == 1


def test_an_event_of_a_transaction_that_ran_twice_is_stored_once(db: Database) -> None:
    def work(tx: Transaction) -> None:
        tx.emit("ip_block.full", {"id": f"attempt {tx.attempt}"}, tenant_id=TENANT)
        if tx.attempt == 1:
            raise sa.exc.IntegrityError("collision", None, Exception())

    db.run(CONTEXT, work)
    (event,) = claim(db)
    assert event.payload["id"] == "attempt 2"


def test_text_of_any_script_and_size_survives(db: Database) -> None:
    text = "naïve 日本 🙂 " * 20_000
    db.run(CONTEXT, lambda tx: tx.emit("ip_block.full", {"id": "x", "text": text}))
    (event,) = claim(db)
    assert event.payload["text"] == text


def test_many_events_of_one_transaction_keep_their_order(db: Database) -> None:
    def work(tx: Transaction) -> None:
        for number in range(3000):
            tx.emit("ip_block.full", {"id": number}, address=number)

    db.run(CONTEXT, work)
    events = claim(db, 5000)
    assert [event.payload["id"] for event in events] == list(range(3000))
    rows: list[Any] = []
    with db.engine.connect() as connection:
        rows = list(connection.execute(sa.select(OUTBOX).order_by(OUTBOX.c.address)))
    assert [json.loads(row.payload)["id"] for row in rows] == list(range(3000))
