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
THREAD: Final = "ipamd-request-log"


class RequestLog:
    """Tells a logger of requests, from a thread that lives while there are lines to write.

    The lines that wait are written before the process ends, unless it is killed.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._lines: deque[tuple[float, str, Mapping[str, Any]]] = deque()
        self._gathering = threading.Lock()

    def info(self, text: str, parts: Mapping[str, Any]) -> None:
        """Log ``text % parts``, soon."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        self._lines.append((time.time(), text, parts))
        if not self._gathering.acquire(blocking=False):
            return
        try:
            threading.Thread(target=self._write_soon, name=THREAD).start()
        except RuntimeError:  # there may be no more threads, or the process is about to end
            self._write_waiting()
            self._gathering.release()

    def _write_soon(self) -> None:
        more = True
        while more:
            time.sleep(PAUSE)
            try:
                self._write_waiting()
            except BaseException:
                self._gathering.release()  # the next line starts another thread
                raise
            if not self._lines:
                self._gathering.release()
                # One that came before the release has nobody else to write it.
                more = bool(self._lines) and self._gathering.acquire(blocking=False)

    def _write_waiting(self) -> None:
        for _ in range(len(self._lines)):
            self._write(*self._lines.popleft())

    def _write(self, at: float, text: str, parts: Mapping[str, Any]) -> None:
        logger = self._logger
        record = logger.makeRecord(logger.name, logging.INFO, __file__, 0, text, (parts,), None)
        record.relativeCreated -= (record.created - at) * 1000
        record.created, record.msecs = at, at % 1 * 1000 // 1
        logger.handle(record)
