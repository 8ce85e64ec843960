"""The checker itself: it finds what is wrong in books that were made wrong, and only that."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.chaos.ledger import Answer, Asked, Holding, Ledger
from tests.chaos.replica import HELD, QUARANTINED, Address, Contents, Replica, differences
from tests.chaos.verdict import Findings, judge

BLOCK = "block-1"


@dataclass
class Books:
    """What a run leaves behind: one address held, one released, one by a cast, one refusal."""

    ledger: Ledger
    events: list[dict[str, Any]]
    store: Contents

    def judge(self, *missing: str) -> Findings:
        """Judge; ``missing`` are events that were committed and never heard."""
        journal = {event["event_id"] for event in self.events} | set(missing)
        return judge(self.ledger, self.events, journal, self.store)


def event(number: int, kind: str, key: str | None = None, **payload: Any) -> dict[str, Any]:
    return {
        "event_id": f"event-{number}",
        "sequence": number,
        "event_type": kind,
        "idempotency_key": key,
        **payload,
    }


def address(number: int, holder: str) -> dict[str, Any]:
    return {
        "id": f"id-{number}",
        "ip_block_id": BLOCK,
        "address": f"10.0.0.{number}",
        "interface_id": holder,
    }


@pytest.fixture
def books() -> Books:
    """Books in which all is well."""
    ledger = Ledger()
    place = {"tenant_id": "t1", "ip_block_id": BLOCK}

    def ask(key: str, method: str, answer: Answer | None, **more: Any) -> None:
        args = {**place, **more.pop("args", {})}
        ledger.ask(Asked(key, "a door", method, args, answer=answer, answered_at=1.0, **more))

    ask("k2", "allocate_ip_address", Answer(address(2, "vif")))
    ledger.hold(Holding(BLOCK, "10.0.0.2", "id-2", "vif", since=1.0))
    ask("k3", "allocate_ip_address", Answer(address(3, "vif")))
    ledger.hold(Holding(BLOCK, "10.0.0.3", "id-3", "vif", 1.0, 2.0, is_released=True))
    ask("k4", "deallocate_ip_address", Answer(), args={"address": "10.0.0.3"})
    ask("k5", "allocate_ip_address", None, args={"ip_address": {"interface_id": "cast-1"}},
        is_cast=True)  # fmt: skip
    ask("k6", "allocate_ip_address", Answer(refusal="no_more_addresses"))
    ask("k7", "allocate_ip_address", None, args={"ip_address": {"interface_id": "once-1"}},
        is_single=True)  # fmt: skip
    interfaces = ["vif", "cast-1", "once-1"]
    events = [
        event(1, "ip_block.create", id=BLOCK),
        *[event(2 + at, "interface.create", id=name) for at, name in enumerate(interfaces)],
        event(5, "ip_address.create", "k2", **address(2, "vif")),
        event(6, "ip_address.create", "k3", **address(3, "vif")),
        event(7, "ip_address.deallocate", "k4", **address(3, "vif")),
        event(8, "ip_address.create", "k5", **address(4, "cast-1")),
        event(9, "ip_address.create", None, **address(5, "once-1")),
    ]
    store = Contents(
        {BLOCK},
        set(interfaces),
        {},
        {
            "id-2": Address(BLOCK, "10.0.0.2", HELD, "vif"),
            "id-3": Address(BLOCK, "10.0.0.3", QUARANTINED, None),
            "id-4": Address(BLOCK, "10.0.0.4", HELD, "cast-1"),
            "id-5": Address(BLOCK, "10.0.0.5", HELD, "once-1"),
        },
    )
    return Books(ledger, events, store)


def requests_of(books: Books) -> dict[str, Asked]:
    return {asked.key: asked for asked in books.ledger.requests}


def never_answered(books: Books) -> None:
    requests_of(books)["k2"].answer = None


def allocation_is_gone(books: Books) -> None:
    del books.store.addresses["id-2"]


def allocation_is_anothers(books: Books) -> None:
    row = books.store.addresses["id-2"]
    books.store.addresses["id-2"] = replace(row, interface_id="cast-1")


def release_was_not_done(books: Books) -> None:
    books.events = [each for each in books.events if each["idempotency_key"] != "k4"]


def cast_is_gone(books: Books) -> None:
    books.events = [each for each in books.events if each["idempotency_key"] != "k5"]


def cast_was_not_accepted(books: Books) -> None:
    requests_of(books)["k5"].trouble = "never accepted"


def done_twice(books: Books) -> None:
    books.events.append(event(10, "ip_address.create", "k2", **address(9, "vif")))


def cast_done_twice(books: Books) -> None:
    books.events.append(event(10, "ip_address.create", "k5", **address(9, "cast-1")))


def single_done_twice(books: Books) -> None:
    books.events.append(event(10, "ip_address.create", None, **address(9, "once-1")))


def held_by_two_at_once(books: Books) -> None:
    books.ledger.hold(Holding(BLOCK, "10.0.0.3", "id-9", "vif", since=1.5))


def refused_and_done(books: Books) -> None:
    books.events.append(event(10, "ip_address.create", "k6", **address(9, "vif")))


def held_by_nobody(books: Books) -> None:
    books.store.addresses["id-9"] = Address(BLOCK, "10.0.0.9", HELD, "vif")


def released_and_held(books: Books) -> None:
    books.store.addresses["id-3"] = Address(BLOCK, "10.0.0.3", HELD, "vif")


def cast_done_and_reported(books: Books) -> None:
    books.events.append(event(10, "ip_address.allocate.error", "k5"))


def call_reported(books: Books) -> None:
    books.events.append(event(10, "ip_address.allocate.error", "k2"))


def answers_differ(books: Books) -> None:
    books.ledger.contradict("first this, then that")


def out_of_order(books: Books) -> None:
    books.events[4], books.events[5] = books.events[5], books.events[4]


def test_all_is_well(books: Books) -> None:
    findings = books.judge()

    assert not findings, str(findings)


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (never_answered, "lost"),
        (allocation_is_gone, "lost"),
        (allocation_is_anothers, "lost"),
        (release_was_not_done, "lost"),
        (cast_is_gone, "lost"),
        (cast_was_not_accepted, "lost"),
        (done_twice, "doubled"),
        (cast_done_twice, "doubled"),
        (single_done_twice, "doubled"),
        (held_by_two_at_once, "doubled"),
        (refused_and_done, "leaked"),
        (held_by_nobody, "leaked"),
        (released_and_held, "leaked"),
        (cast_done_and_reported, "wrong"),
        (call_reported, "wrong"),
        (answers_differ, "wrong"),
        (out_of_order, "wrong"),
    ],
)
def test_what_is_wrong_is_found(books: Books, spoil: Callable[[Books], None], kind: str) -> None:
    spoil(books)

    assert getattr(books.judge(), kind)


def test_an_event_that_was_never_committed_is_wrong(books: Books) -> None:
    assert judge(books.ledger, books.events, set(), books.store).wrong


def test_an_event_that_nobody_heard_is_missing(books: Books) -> None:
    assert books.judge("event-99").events_missing == ["event event-99 was never heard"]


@pytest.mark.parametrize("number", range(9))
def test_events_without_one_of_them_do_not_give_the_store(books: Books, number: int) -> None:
    events = copy.deepcopy(books.events)
    del events[number]
    replica = Replica()
    replica.replay(events)

    assert differences(replica, books.store)
