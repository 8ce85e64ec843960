"""One-row transactions on SQLite, by the driver alone, set up as ipamd sets it up."""

from __future__ import annotations

import itertools
import sqlite3
import threading


class SqliteRows:
    """One connection, used by one thread at a time: SQLite has one writer."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._connection = sqlite3.connect(path, check_same_thread=False, timeout=30)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")

    def insert(self) -> None:
        """Insert a row and commit."""
        with self._lock:
            self._connection.execute(
                "INSERT INTO bench_rows VALUES (?, 'a row')", (next(self._numbers),)
            )
            self._connection.commit()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
