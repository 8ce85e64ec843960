"""The combiner: one leader does, in one transaction, what is waiting at the moment.

A request that arrives while none is being done is done at once, alone.  Those that
arrive meanwhile wait together; whoever is first among them does them all.  So there is
no timer, a lone request never waits, and a hot block costs one lock a batch.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class _Waiting(Generic[T]):
    """What one caller has in the queue, and its way to sleep."""

    __slots__ = ("done", "items", "wake")

    def __init__(self, items: Sequence[T]) -> None:
        self.items = items
        self.wake = threading.Lock()
        self.wake.acquire()
        self.done = False


class Combiner(Generic[T]):
    """Collects items of many threads and hands them in batches to ``work``.

    ``work`` notes results in the items.  Should it raise, as it never should, that goes to
    the leader's caller alone; the others' items are done again, with another leader.
    """

    def __init__(self, work: Callable[[Sequence[T]], None], *, most: int) -> None:
        self._work = work
        self._most = most
        self._guard = threading.Lock()
        self._queue: deque[_Waiting[T]] = deque()
        self._busy = False

    def __len__(self) -> int:
        """Return how many items wait for those that are being done."""
        return sum(len(waiting.items) for waiting in list(self._queue))

    def do(self, item: T) -> None:
        """Have ``item`` done, by this thread or another's; return when it is."""
        self.do_all([item])

    def do_all(self, items: Sequence[T]) -> None:
        """Have ``items``, at least one, done in the same batch."""
        mine = _Waiting(items)
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
        batch, others = list(mine.items), []
        with self._guard:
            while self._queue and len(batch) + len(self._queue[0].items) <= self._most:
                waiting = self._queue.popleft()
                others.append(waiting)
                batch.extend(waiting.items)
        try:
            self._work(batch)
        except BaseException:
            with self._guard:
                self._queue.extendleft(reversed(others))
            others = []
            raise
        finally:
            with self._guard:
                following = self._queue.popleft() if self._queue else None
                self._busy = following is not None
            # The next batch first: it has waited, the answers of this one are there.
            if following is not None:
                following.wake.release()
            for waiting in others:
                waiting.done = True
                waiting.wake.release()
