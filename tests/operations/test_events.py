"""The feed of events: nothing is missed, nothing comes twice, whoever commits when."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db import outbox
from ipamd.db.database import Transaction
from ipamd.operations import events
from ipamd.rpc.relay import Relay
from tests.db.store import TENANT, Store
from tests.services.waiting import wait_until

CONTEXT = RequestContext(project_id=TENANT)


def emit(store: Store, *numbers: int, tenant: str = TENANT, kind: str = "port.update") -> None:
    def work(tx: Transaction) -> None:
        for number in numbers:
            tx.emit(kind, {"number": number}, tenant_id=tenant)

    store.db.run(CONTEXT, work)


def send(store: Store, limit: int = 1000) -> None:
    """Mark what is unsent, as the relay does after the bus has confirmed it."""

    def work(tx: Transaction) -> None:
        assert outbox.acquire_lease(tx, "the test", 60)
        outbox.mark_sent(tx, [event.id for event in outbox.claim(tx, limit)])

    store.db.run(CONTEXT, work)


def read(store: Store, marker: str | None = None, **args: Any) -> tuple[list[int], str, bool]:
    found = store.call("list_events", marker=marker, **args)
    numbers = [event["payload"]["number"] for event in found["events"]]
    return numbers, found["next_marker"], found["is_last"]


def test_events_are_there_once_they_were_sent_in_pages(store: Store) -> None:
    emit(store, 1, 2, 3)
    assert read(store)[0] == []
    send(store, 2)
    numbers, marker, is_last = read(store)
    assert (numbers, is_last) == ([1, 2], True)
    assert read(store, marker) == ([], marker, True)
    send(store)
    emit(store, 4)
    send(store)
    numbers, following, is_last = read(store, marker, limit=1)
    assert (numbers, is_last) == ([3], False)
    numbers, end, is_last = read(store, following, limit=1)
    assert (numbers, is_last) == ([4], True)
    assert read(store, "now") == ([], end, True)
    found = store.call("list_events")["events"]
    assert [event["marker"] for event in found][1:] == [marker, following, end]
    assert found[0]["event_type"] == "port.update"
    assert found[0]["priority"] == "INFO"
    assert found[0]["payload"]["sequence"] < found[1]["payload"]["sequence"]


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_what_is_committed_late_is_not_missed(store: Store) -> None:
    """An event whose number was given before, and which is committed after, another's."""
    numbered, may_commit = threading.Event(), threading.Event()

    def slow(tx: Transaction) -> None:
        outbox.store(tx, [outbox.Event("port.update", {"number": 1}, TENANT, None, "INFO",
                                       None, None)])  # fmt: skip
        tx.flush()
        numbered.set()
        assert may_commit.wait(30)

    thread = threading.Thread(target=lambda: store.db.run(CONTEXT, slow))
    thread.start()
    assert numbered.wait(30)
    emit(store, 2)
    send(store)
    seen, marker, _ = read(store)
    may_commit.set()
    thread.join()
    assert seen == [2]
    assert read(store, marker)[0] == []
    send(store)
    numbers, end, _ = read(store, marker)
    assert numbers == [1]
    assert read(store, end)[0] == []
    first, second = store.call("list_events")["events"]
    assert first["payload"]["sequence"] > second["payload"]["sequence"]


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_whoever_adds_to_the_journal_waits_for_the_one_before(store: Store) -> None:
    """Two relays may mark at a time, when one has lost its lease while it was sending."""
    emit(store, 1)
    first = store.db.run(CONTEXT, lambda tx: [event.id for event in outbox.claim(tx, 10)])
    emit(store, 2)
    store.db.run(CONTEXT, lambda tx: outbox.acquire_lease(tx, "the first", 60))
    marked, may_commit = threading.Event(), threading.Event()

    def slow(tx: Transaction) -> None:
        outbox.mark_sent(tx, first)
        marked.set()
        assert may_commit.wait(30)

    late = threading.Thread(target=lambda: store.db.run(CONTEXT, slow))
    late.start()
    assert marked.wait(30)
    rest = store.db.run(CONTEXT, lambda tx: [event.id for event in outbox.claim(tx, 10)])[1:]
    other = threading.Thread(
        target=lambda: store.db.run(CONTEXT, partial(outbox.mark_sent, ids=rest))
    )
    other.start()
    other.join(0.5)
    assert other.is_alive()
    assert read(store)[0] == []
    may_commit.set()
    late.join()
    other.join()
    assert read(store)[0] == [1, 2]


def test_a_clock_that_goes_back_hides_nothing(store: Store, monkeypatch: Any) -> None:
    emit(store, 1)
    send(store)
    _, marker, _ = read(store)

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) - timedelta(hours=2)

    monkeypatch.setattr("ipamd.db.database.datetime", Earlier)
    emit(store, 2)
    send(store)
    numbers, marker, _ = read(store, marker)
    assert numbers == [2]
    store.db.journal_only = True
    emit(store, 3)
    numbers, marker, _ = read(store, marker)
    assert numbers == [3]


def test_events_of_a_tenant_and_of_types(store: Store) -> None:
    emit(store, 1, tenant="other")
    emit(store, 2, kind="ip_block.full")
    emit(store, 3, kind="ip_block.update")
    emit(store, 4, kind="network.create.error")
    send(store)
    assert read(store)[0] == [1, 2, 3, 4]
    assert read(store, tenant_id="other")[0] == [1]
    assert read(store, event_types=["ip_block.*"])[0] == [2, 3]
    assert read(store, event_types=["ip_block.full", "network.create.error"])[0] == [2, 4]
    assert read(store, event_types=["port.*"], tenant_id=TENANT)[0] == []


def test_what_is_rare_is_found_in_several_steps(store: Store, monkeypatch: Any) -> None:
    monkeypatch.setattr(events, "WINDOW", 10)
    emit(store, *range(25))
    emit(store, 100, tenant="other")
    send(store)
    numbers, marker, is_last = read(store, tenant_id="other")
    assert (numbers, is_last) == ([], False)
    numbers, marker, is_last = read(store, marker, tenant_id="other")
    assert (numbers, is_last) == ([], False)
    numbers, marker, is_last = read(store, marker, tenant_id="other")
    assert (numbers, is_last) == ([100], True)
    assert read(store, marker, tenant_id="other") == ([], marker, True)


def test_the_latest_events_are_where_the_feed_goes_on(store: Store, monkeypatch: Any) -> None:
    assert read(store, events.LATEST)[0] == []
    emit(store, 1, 2, 3)
    emit(store, 4, tenant="other")
    emit(store, 5)
    send(store)
    emit(store, 6)
    numbers, marker, is_last = read(store, events.LATEST, limit=2)
    assert (numbers, is_last) == ([4, 5], True)
    send(store)
    assert read(store, marker)[0] == [6]
    assert read(store, events.LATEST, limit=2, tenant_id=TENANT)[0] == [5, 6]
    monkeypatch.setattr(events, "WINDOW", 3)
    assert read(store, events.LATEST, tenant_id=TENANT)[0] == [5, 6]


def test_since_a_time(store: Store) -> None:
    emit(store, 1)
    send(store)
    between = datetime.now(UTC).isoformat()
    emit(store, 2)
    send(store)
    assert read(store, since=between)[0] == [2]
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    numbers, marker, is_last = read(store, since=later)
    assert (numbers, is_last) == ([], True)
    assert read(store, marker)[0] == []


@pytest.mark.parametrize(
    "args",
    [
        {"marker": "yesterday"},
        {"marker": "-1-5"},
        {"marker": "9" * 30},
        {"since": "yesterday"},
        {"event_types": ["ip_block.burnt"]},
        {"event_types": ["nothing.*"]},
        {"event_types": [7]},
        {"event_types": ["port.update"] * 51},
        {"limit": 0},
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_refused(store: Store, args: dict[str, Any]) -> None:
    with pytest.raises(errors.ValidationError) as caught:
        store.call("list_events", **args)
    assert set(caught.value.fields) == set(args)


def test_without_a_bus_events_are_there_soon(store: Store) -> None:
    store.db.conf.set_override("sweep_interval", 0.05, group="relay")
    emit(store, 1)
    relay = Relay(store.db, store.db.conf)
    relay.start()
    try:
        wait_until(lambda: read(store)[0] == [1])
        _, marker, _ = read(store)
        emit(store, *range(2, 30))
        wait_until(lambda: read(store, marker)[0] == list(range(2, 30)))
    finally:
        relay.stop()
