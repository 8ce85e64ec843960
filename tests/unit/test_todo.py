"""Jobs that can share a transaction are taken together; none is left or taken twice."""

from __future__ import annotations

import threading
from typing import Any

from ipamd.rpc.envelope import Request
from ipamd.rpc.jobs import Job
from ipamd.rpc.todo import Todo
from tests.services.waiting import wait_until


def job(number: int) -> Job:
    request = Request("allocate_ip_address", {}, {}, "1.0", None, str(number), None, 0)
    return Job(request, number, "ipam", b"", {}, redelivered=False, deadline=None)


def numbers(jobs: list[Job]) -> list[Any]:
    return [each.key for each in jobs]


def test_jobs_that_share_are_taken_together_in_their_order() -> None:
    todo = Todo(10)
    for number in range(3):
        todo.put_sharing(job(number))
    assert todo.get() is True
    assert numbers(todo.take_sharing()) == [0, 1, 2]
    todo.end()
    assert todo.get() is False


def test_what_is_too_much_for_once_is_announced_again() -> None:
    todo = Todo(2)
    for number in range(5):
        todo.put_sharing(job(number))
    taken = []
    for _ in range(3):
        assert todo.get() is True
        taken.append(numbers(todo.take_sharing()))
    assert taken == [[0, 1], [2, 3], [4]]


def test_a_job_by_itself_is_not_held_up_by_those_that_share() -> None:
    todo = Todo(10)
    todo.put_sharing(job(0))
    alone = job(1)
    todo.put(alone)
    assert todo.get() is True
    assert todo.get() is alone


def test_with_many_threads_each_job_is_taken_once() -> None:
    todo = Todo(7)
    taken: list[Any] = []
    busy: list[bool] = []

    def work() -> None:
        while todo.get():
            with todo.turn:
                busy.append(True)
                assert len(busy) == 1
                taken.extend(numbers(todo.take_sharing()))
                busy.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(3000):
        todo.put_sharing(job(number))
    wait_until(lambda: len(taken) == 3000, timeout=30)
    for _ in threads:
        todo.end()
    for thread in threads:
        thread.join(30)
    assert taken == list(range(3000))
