"""Requests on their way from the link's thread to the threads that work.

Those that can share a transaction are taken all together by one thread; while it is at
it, the next ones gather, without a thread of their own.
"""

from __future__ import annotations

import queue
import threading
from collections import deque

from ipamd.rpc.jobs import Job


class Todo:
    """Jobs that wait; ``most``: how many are taken together."""

    def __init__(self, most: int) -> None:
        self._queue: queue.SimpleQueue[Job | bool] = queue.SimpleQueue()
        self._sharing: deque[Job] = deque()
        self._announced = False
        self._most = most
        # Held by the thread that works on shared jobs: what comes meanwhile waits here.
        self.turn = threading.Lock()

    def put(self, job: Job) -> None:
        """Have a job done by itself."""
        self._queue.put(job)

    def put_sharing(self, job: Job) -> None:
        """Have a job done together with others of its kind that wait by then."""
        self._sharing.append(job)
        self._announce()

    def end(self) -> None:
        """End one thread's work; called when nothing waits that is still to be done."""
        self._queue.put(False)

    def get(self) -> Job | bool:
        """Wait for a job; True: shared ones are to be taken, False: the end."""
        return self._queue.get()

    def take_sharing(self) -> list[Job]:
        """Take the shared jobs that wait: none, when another thread was faster."""
        # Before they are taken: one that comes after that is announced again.
        self._announced = False
        taken: list[Job] = []
        while self._sharing and len(taken) < self._most:
            taken.append(self._sharing.popleft())
        if self._sharing:
            self._announce()
        return taken

    def _announce(self) -> None:
        if not self._announced:
            self._announced = True
            self._queue.put(True)
