"""The combiner: everybody is served once, in order, whatever happens to a leader."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from ipamd.rpc.combiner import Combiner
from tests.services.waiting import wait_until

PATIENCE = 30.0


class Item:
    """Something to be done, and who did it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.done_by: list[str] = []


class Gate:
    """Work that notes its batches and stands still while the gate is closed."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.batches: list[list[int]] = []
        self.failures: list[BaseException] = []

    def __call__(self, items: Sequence[Item]) -> None:
        self.batches.append([item.number for item in items])
        assert self.open.wait(PATIENCE)
        if self.failures:
            raise self.failures.pop()
        for item in items:
            item.done_by.append(threading.current_thread().name)


def start(work: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


def join(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)


def waiting_behind_a_gate(
    gate: Gate, combiner: Combiner[Item], count: int
) -> tuple[list[Item], list[threading.Thread], list[BaseException]]:
    """Let item 0 stand at work and the others wait in order behind it."""
    gate.open.clear()
    items = [Item(number) for number in range(count)]
    raised: list[BaseException] = []
    threads = []

    def do(item: Item) -> None:
        try:
            combiner.do(item)
        except BaseException as error:  # noqa: BLE001 - noted for the test
            raised.append(error)

    for item in items:
        threads.append(start(lambda item=item: do(item), f"caller-{item.number}"))  # type: ignore[misc]
        in_line = item.number
        wait_until(lambda n=in_line: bool(gate.batches) and len(combiner) == n, timeout=PATIENCE)  # type: ignore[misc]
    return items, threads, raised


def test_a_lone_item_is_done_at_once_by_its_own_thread() -> None:
    gate = Gate()
    combiner = Combiner(gate, most=8)
    for number in range(3):
        item = Item(number)
        combiner.do(item)
        assert item.done_by == [threading.current_thread().name]
    assert gate.batches == [[0], [1], [2]]


def test_what_waits_at_the_same_moment_is_done_together_and_in_order() -> None:
    gate = Gate()
    combiner = Combiner(gate, most=64)
    items, threads, raised = waiting_behind_a_gate(gate, combiner, 32)
    gate.open.set()
    join(threads)
    assert gate.batches == [[0], list(range(1, 32))]
    assert [item.done_by for item in items] == [["caller-0"]] + [["caller-1"]] * 31
    assert raised == []


def test_a_batch_has_a_limit() -> None:
    gate = Gate()
    combiner = Combiner(gate, most=4)
    _items, threads, _raised = waiting_behind_a_gate(gate, combiner, 10)
    gate.open.set()
    join(threads)
    assert gate.batches == [[0], [1, 2, 3, 4], [5, 6, 7, 8], [9]]


@pytest.mark.parametrize("failure", [RuntimeError("broken"), SystemExit(1), KeyboardInterrupt()])
def test_a_dying_leader_takes_nobody_along(failure: BaseException) -> None:
    gate = Gate()
    combiner = Combiner(gate, most=64)
    items, threads, raised = waiting_behind_a_gate(gate, combiner, 6)
    gate.failures.append(failure)  # for item 0, which is at work
    gate.failures.insert(0, failure)  # for item 1, which leads the others
    gate.open.set()
    join(threads)
    assert raised == [failure, failure]
    assert gate.batches == [[0], [1, 2, 3, 4, 5], [2, 3, 4, 5]]
    assert [item.done_by for item in items] == [[], []] + [["caller-2"]] * 4
    combiner.do(items[0])
    assert items[0].done_by == [threading.current_thread().name]


def test_no_wakeup_is_lost() -> None:
    """32 threads, thousands of batches, leaders that die now and then."""
    done: list[int] = []
    chance = random.Random(4)

    def work(items: Sequence[Item]) -> None:
        if chance.random() < 0.02:
            raise RuntimeError("leader died")
        if chance.random() < 0.2:
            time.sleep(0.0001)
        done.extend(item.number for item in items)

    combiner = Combiner(work, most=16)
    failed: list[int] = []

    def caller(first: int) -> None:
        for number in range(first, first + 300):
            try:
                combiner.do(Item(number))
            except RuntimeError:
                failed.append(number)

    join([start(lambda n=n: caller(n * 300), f"caller-{n}") for n in range(32)])  # type: ignore[misc]
    assert failed
    assert sorted(done + failed) == list(range(32 * 300))
