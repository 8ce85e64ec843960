"""A line for each request, written a moment after its answer, many lines at a time.

Writing a line lets go of the interpreter's lock several times.  Between a request and its
answer, with other threads at work, that takes five times as long as the line itself.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

PAUSE: Final = 0.05
"""Seconds that a line waits for others; it bears the time at which it was told."""


class RequestLog:
    """Tells a logger of requests, from a thread that lives while there are lines to write.

    The lines that wait are written before the process ends, unless it is killed.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._records: deque[logging.LogRecord] = deque()
        self._gathering = threading.Lock()

    def info(self, text: str, parts: Mapping[str, Any]) -> None:
        """Log ``text % parts``, soon."""
        logger = self._logger
        if not logger.isEnabledFor(logging.INFO):
            return
        made = logger.makeRecord(logger.name, logging.INFO, __file__, 0, text, (parts,), None)
        self._records.append(made)
        if self._gathering.acquire(blocking=False):
            threading.Thread(target=self._write_soon, name="ipamd-request-log").start()

    def _write_soon(self) -> None:
        time.sleep(PAUSE)
        # Before the lines are taken: one that comes after that starts a thread of its own.
        self._gathering.release()
        while self._records:
            try:
                record = self._records.popleft()
            except IndexError:  # that thread was faster
                return
            self._logger.handle(record)
