"""The combiner: one leader does, in one transaction, what is waiting at the moment.

A request that arrives while none is being done is done at once, alone.  Those that
arrive meanwhile wait together; whoever is first among them does them all.  So there is
no timer, a lone request never waits, and a hot block costs one lock a batch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class _Waiting(Generic[T]):
    """One request in the queue, and its caller's way to sleep."""

    __slots__ = ("done", "item", "lead", "wake")

    def __init__(self, item: T) -> None:
        self.item = item
        self.wake = threading.Lock()
        self.wake.acquire()
        self.done = False
        self.lead = False


class Combiner(Generic[T]):
    """Collects items of many threads and hands them in batches to ``work``.

    ``work`` notes results in the items; it must not raise.
    """

    def __init__(self, work: Callable[[Sequence[T]], None], *, most: int) -> None:
        self._work = work
        self._most = most
        self._guard = threading.Lock()
        self._queue: list[_Waiting[T]] = []
        self._busy = False

    def do(self, item: T) -> None:
        """Have ``item`` done, by this thread or another's; return when it is."""
        mine = _Waiting(item)
        with self._guard:
            if self._busy:
                self._queue.append(mine)
                leads = False
            else:
                self._busy = leads = True
        if not leads:
            mine.wake.acquire()
            if mine.done:
                return
        self._lead(mine)

    def _lead(self, mine: _Waiting[T]) -> None:
        with self._guard:
            batch = [mine, *self._queue[: self._most - 1]]
            del self._queue[: self._most - 1]
        try:
            self._work([waiting.item for waiting in batch])
        finally:
            with self._guard:
                following = self._queue.pop(0) if self._queue else None
                self._busy = following is not None
            for waiting in batch:
                waiting.done = True
                if waiting is not mine:
                    waiting.wake.release()
            if following is not None:
                following.wake.release()
