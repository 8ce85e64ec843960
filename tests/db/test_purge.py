"""Purging: what is due goes, what is not stays, and many may do it at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_config import cfg

from ipamd.context import RequestContext
from ipamd.db import check, outbox
from ipamd.db.database import Database
from ipamd.db.models import IdempotencyKey, IpAddress, Outbox, table_of
from ipamd.operations import purge as module
from ipamd.operations.purge import purge
from tests.db.store import TENANT, Store, numbers, together

ROWS, KEYS, OUTBOX = table_of(IpAddress), table_of(IdempotencyKey), table_of(Outbox)
NOTHING = {"ip_addresses": 0, "idempotency_keys": 0, "events": 0}


def ago(**how_long: float) -> datetime:
    return datetime.now(UTC) - timedelta(**how_long)


def send_all(db: Database, sent_at: datetime | None = None) -> None:
    def work(tx: Any) -> None:
        outbox.mark_sent(tx, [event.id for event in outbox.claim(tx, 100_000)])

    db.run(RequestContext(), work)
    if sent_at is not None:
        with db.engine.begin() as connection:
            connection.execute(sa.update(OUTBOX).values(sent_at=sent_at))


@pytest.fixture
def several(store: Store) -> Iterator[list[Store]]:
    """The store as four worker processes see it."""
    stores = [store, *[Store(Database(store.db.conf)) for _ in range(3)]]
    yield stores
    for other in stores[1:]:
        other.db.close()


def test_nothing_is_purged_before_its_time(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    store.bulk(block, 3)
    store.deallocate(block, "10.0.0.2")
    send_all(store.db)
    assert purge(store.db) == NOTHING
    store.restore(block, "10.0.0.2")


def test_addresses_are_freed_when_their_quarantine_is_over(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    store.bulk(block, 5)
    for last in (2, 3, 5):
        store.deallocate(block, f"10.0.0.{last}")
    old = ROWS.c.address != 0xFFFF_0A00_0005
    store.write(
        sa.update(ROWS)
        .where(ROWS.c.deallocated_at.is_not(None), old)
        .values(deallocated_at=ago(days=2, minutes=1))
    )
    assert purge(store.db) == {**NOTHING, "ip_addresses": 2}
    left = store.call("list_ip_addresses", tenant_id=TENANT, ip_block_id=block)["ip_addresses"]
    assert numbers(row["address"] for row in left) == [4, 5, 6]
    told = store.rows("SELECT id FROM outbox WHERE event_type = 'ip_address.delete'")
    assert len(told) == 2
    assert check.check(store.db) == []
    assert [store.allocate(block) for _ in range(3)] == ["10.0.0.2", "10.0.0.3", "10.0.0.7"]


def test_quarantine_may_last_a_fraction_of_a_day(store: Store, conf: cfg.ConfigOpts) -> None:
    conf.set_override("keep_deallocated_ips_for_days", 0.25, group="ipam")
    block = store.block("10.0.0.0/24")["id"]
    store.bulk(block, 2)
    store.deallocate(block, "10.0.0.2")
    store.deallocate(block, "10.0.0.3")
    second = ROWS.c.address == 0xFFFF_0A00_0003
    for where, hours in ((second, 6.1), (~second, 5.9)):
        store.write(sa.update(ROWS).where(where).values(deallocated_at=ago(hours=hours)))
    assert purge(store.db)["ip_addresses"] == 1
    assert store.allocate(block) == "10.0.0.3"


def test_answers_are_kept_for_a_day(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    first = store.allocate(block, key="old")
    second = store.allocate(block, key="new")
    store.write(sa.delete(KEYS).where(KEYS.c.key.not_in(["old", "new"])))
    for key, hours in (("old", 24.1), ("new", 23.9)):
        store.write(sa.update(KEYS).where(KEYS.c.key == key).values(created_at=ago(hours=hours)))
    assert purge(store.db) == {**NOTHING, "idempotency_keys": 1}
    assert store.allocate(block, key="new") == second
    assert store.allocate(block, key="old") != first


def test_events_leave_the_journal_oldest_first_once_they_were_sent(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    store.bulk(block, 5)
    send_all(store.db, ago(days=91))
    store.bulk(block, 5)
    send_all(store.db, None)
    newer = [row.id for row in store.rows("SELECT id FROM outbox ORDER BY id")][7:]
    store.write(sa.update(OUTBOX).where(OUTBOX.c.id.in_(newer)).values(sent_at=ago(days=89)))
    store.allocate(block)
    assert purge(store.db) == {**NOTHING, "events": 7}
    left = store.rows("SELECT id, sent_at FROM outbox ORDER BY id")
    assert [row.id for row in left][:-1] == newer
    assert left[-1].sent_at is None
    assert check.check(store.db) == []


def test_an_event_that_waits_to_be_sent_keeps_those_behind_it(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    store.bulk(block, 3)
    send_all(store.db, ago(days=91))
    store.write(sa.update(OUTBOX).where(OUTBOX.c.id == 2).values(sent_at=None))
    assert purge(store.db)["events"] == 1
    assert [row.id for row in store.rows("SELECT id FROM outbox ORDER BY id")] == [2, 3, 4, 5]


def test_many_batches_make_one_purge(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 7)
    block = store.block("10.0.0.0/24")["id"]
    store.bulk(block, 50)
    for last in range(2, 52):
        store.deallocate(block, f"10.0.0.{last}")
    store.write(sa.update(ROWS).values(deallocated_at=ago(days=3)))
    store.write(sa.update(KEYS).values(created_at=ago(days=3)))
    send_all(store.db, ago(days=100))
    assert purge(store.db) == {"ip_addresses": 50, "idempotency_keys": 52, "events": 102}
    assert store.rows("SELECT id FROM ip_addresses") == []
    assert check.check(store.db) == []


def test_many_workers_purge_each_thing_once(
    several: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 20)
    store = several[0]
    blocks = [store.block(f"10.0.{n}.0/24")["id"] for n in range(3)]
    for block in blocks:
        store.bulk(block, 60)
    store.write(sa.update(ROWS).values(deallocated_at=ago(days=3)))
    found = check.check(store.db)
    check.repair(store.db, found)
    send_all(store.db, ago(days=100))
    events = len(store.rows("SELECT id FROM outbox"))
    store.write(sa.update(KEYS).values(created_at=ago(days=3)))

    def allocate_meanwhile() -> list[str]:
        return [store.allocate(block) for block in blocks for _ in range(10)]

    *done, got = together(*[partial(purge, s.db) for s in several], allocate_meanwhile)
    assert sum(part["ip_addresses"] for part in done) == 180
    assert sum(part["idempotency_keys"] for part in done) == 6
    assert sum(part["events"] for part in done) == events
    assert len(got) == len(set(got)) == 30
    told = store.rows("SELECT payload FROM outbox WHERE event_type = 'ip_address.delete'")
    assert len(told) == 180
    assert [f for f in check.check(store.db) if f.kind != "journal"] == []


def test_no_batch_is_begun_once_the_worker_stops(store: Store) -> None:
    block = store.block()["id"]
    store.deallocate(block, store.allocate(block))
    store.db.conf.set_override("keep_deallocated_ips_for_days", 0, group="ipam")
    assert purge(store.db, lambda: True)["ip_addresses"] == 0
    assert purge(store.db)["ip_addresses"] == 1
