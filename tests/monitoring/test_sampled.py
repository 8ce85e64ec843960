"""What is read of the store for metrics: the fullest blocks, the outbox, a store that is away."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from ipamd import config
from ipamd.context import RequestContext
from ipamd.db import outbox
from ipamd.db.database import Database
from ipamd.metrics import fullest, sampled
from ipamd.metrics.fullest import Fullest
from ipamd.metrics.sampled import Sample, Sampled, Sampler
from tests.db.statements import counted
from tests.db.store import TENANT, Store
from tests.monitoring.telling import total
from tests.services.ports import reserve_port
from tests.services.waiting import wait_until

CONTEXT = RequestContext()


def read(store: Store, finder: Fullest) -> list[tuple[str, float]]:
    """Read once; return CIDRs and how full they are, rounded."""
    found = store.db.run(CONTEXT, finder.read, read_only=True)
    return [(block.cidr, round(block.utilization, 3)) for block in found]


def test_the_fullest_blocks_come_first(store: Store) -> None:
    finder = Fullest(3)
    assert read(store, finder) == []
    blocks = [store.block(f"10.0.{number}.0/29")["id"] for number in range(5)]
    for number, block in enumerate(blocks):
        if number:
            store.bulk(block, number)
    expected = [("10.0.4.0/29", 0.8), ("10.0.3.0/29", 0.6), ("10.0.2.0/29", 0.4)]
    assert read(store, finder) == expected
    # In quarantine an address is not free.
    store.deallocate(blocks[4], "10.0.4.2")
    assert read(store, finder) == expected
    store.call("delete_ip_block", tenant_id=TENANT, ip_block_id=blocks[3])
    assert read(store, finder)[1:] == [("10.0.2.0/29", 0.4), ("10.0.1.0/29", 0.2)]


def test_blocks_of_all_sizes_compare_by_what_they_can_hand_out(store: Store) -> None:
    store.bulk(store.block("10.0.0.0/16")["id"], 2000)
    store.bulk(store.block("10.1.0.0/30")["id"], 1)  # its only one
    store.allocate(store.block("10.1.1.0/32")["id"])
    found = dict(read(store, Fullest(10)))
    assert found == {"10.1.0.0/30": 1.0, "10.1.1.0/32": 1.0, "10.0.0.0/16": 0.031}


def test_a_large_table_is_walked_page_by_page(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fullest, "PAGE", 4)
    monkeypatch.setattr(fullest, "_PAGE", fullest._PAGE.limit(4))
    finder = Fullest(2)
    blocks = [store.block(f"10.0.{number}.0/29")["id"] for number in range(10)]
    for number in (0, 5, 9):
        store.bulk(blocks[number], 1 + number // 3)
    rounds = []
    for _ in range(6):
        with counted(store.db) as statements:
            rounds.append(read(store, finder))
        assert len(statements) <= 2
    known = [("10.0.9.0/29", 0.8), ("10.0.5.0/29", 0.4)]
    assert rounds[0] == [("10.0.0.0/29", 0.2)]
    assert rounds[1] == [("10.0.5.0/29", 0.4), ("10.0.0.0/29", 0.2)]
    # Once they have been found they stay known, while the walk begins anew.
    assert rounds[2:] == [known] * 4
    store.bulk(blocks[1], 5)
    assert [read(store, finder)[0] for _ in range(3)][-1] == ("10.0.1.0/29", 1.0)


def test_none_are_read_where_none_are_wanted(store: Store) -> None:
    store.bulk(store.block("10.0.0.0/29")["id"], 5)
    with counted(store.db) as statements:
        assert read(store, Fullest(0)) == []
    assert statements == []


def test_the_backlog_is_counted_and_dated(store: Store) -> None:
    empty = store.db.run(CONTEXT, outbox.backlog, read_only=True)
    assert (empty.events, empty.oldest) == (0, None)
    store.bulk(store.block("10.0.0.0/29")["id"], 3)
    with counted(store.db) as statements:
        found = store.db.run(CONTEXT, outbox.backlog, read_only=True)
    assert len(statements) == 1
    assert found.events == 5  # the block, its interface, three addresses
    assert found.oldest is not None
    assert 0 < store.db.run(CONTEXT, lambda tx: found.age(tx.now)) < 60
    store.write(outbox._OUTBOX.update().values(sent_at=found.oldest))
    assert store.db.run(CONTEXT, outbox.backlog, read_only=True).events == 0


def scraped(sampler: Sampler, db: Database) -> str:
    """Scrape once."""
    registry = CollectorRegistry()
    registry.register(Sampled(sampler, db.engine.pool, {}))
    return generate_latest(registry).decode()


@pytest.fixture
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a scrape wait for the store on a busy machine too, and let no sample get old."""
    monkeypatch.setattr(sampled, "_PATIENCE", 60)
    monkeypatch.setattr(sampled, "KEPT_SECONDS", 1000)
    monkeypatch.setattr(sampled, "_STALE_SECONDS", 1000)


@pytest.mark.usefixtures("_patience")
def test_a_scrape_reads_the_store_at_most_every_few_seconds(store: Store) -> None:
    store.bulk(store.block("10.0.0.0/29")["id"], 4)
    sampler = Sampler(store.db, Fullest(10))
    sampler.start()
    try:
        with counted(store.db) as statements:
            texts = {scraped(sampler, store.db) for _ in range(5)}
        assert 0 < len(statements) <= 3
    finally:
        sampler.stop()
    text = max(texts)
    assert total(text, "ipamd_database_up") == 1
    # The block, its interface, four addresses, and that it is 80 % full.
    assert total(text, "ipamd_outbox_events") == 7
    assert total(text, "ipamd_ip_block_utilization_ratio", cidr="10.0.0.0/29") == 0.8


class Held(Sampler):
    """A sampler whose readings, which read nothing, wait until they may go on."""

    def __init__(self) -> None:
        # The store is never asked.
        super().__init__(cast("Database", None), Fullest(0))
        self.readings = 0
        self.begun, self.gate = threading.Event(), threading.Event()

    def _take(self) -> Sample:
        self.readings += 1
        self.begun.set()
        assert self.gate.wait(60)
        return Sample(time.monotonic(), up=True)


def test_it_ends_although_it_is_told_to_while_it_reads() -> None:
    sampler = Held()
    sampler.start()
    with ThreadPoolExecutor(2) as pool:
        asking = pool.submit(sampler.latest)
        assert sampler.begun.wait(60)
        stopping = pool.submit(sampler.stop)
        wait_until(lambda: sampler._stopping)
        sampler.gate.set()
        stopping.result(60)
        asking.result(60)
    assert sampler.readings == 1


def test_a_store_that_hangs_holds_up_no_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled, "_PATIENCE", 0)
    monkeypatch.setattr(sampled, "_STOP_TIMEOUT", 0.1)
    sampler = Held()
    sampler.start()
    sampler.latest()
    assert sampler.begun.wait(60)
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(sampler.stop)
        try:
            stopping.result(30)
        finally:
            sampler.gate.set()


def test_who_asks_while_it_reads_causes_no_other_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled, "_PATIENCE", 0)
    sampler = Held()
    sampler.start()
    try:
        assert not sampler.latest().up
        assert sampler.begun.wait(60)
        assert not sampler.latest().up
        sampler.gate.set()
        wait_until(lambda: sampler.latest().up)
    finally:
        sampler.gate.set()
        sampler.stop()
    assert sampler.readings == 1


def test_a_store_that_is_away_is_told_of_and_not_waited_for() -> None:
    port = reserve_port()
    conf = config.load([])
    url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/ipamd"
    conf.set_override("connection", url, group="database")
    db = Database(conf)
    sampler = Sampler(db, Fullest(10))
    sampler.start()
    try:
        started = time.monotonic()
        text = scraped(sampler, db)
        assert time.monotonic() - started < 10
    finally:
        sampler.stop()
        db.close()
    assert total(text, "ipamd_database_up") == 0
    assert total(text, "ipamd_database_connections_limit") == 16
    # A figure that is not known is not told: it would look like a good one.
    assert "ipamd_outbox" not in text
    assert "ipamd_ip_block" not in text
