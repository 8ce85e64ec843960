"""The periodic task of a worker: frees what is out of quarantine, deletes what is old."""

from __future__ import annotations

import logging
import threading

from ipamd import errors
from ipamd.db.database import Database
from ipamd.operations.purge import purge

LOG = logging.getLogger(__name__)

_STOP_TIMEOUT = 10.0


class Reaper:
    """A thread that purges every ``[worker] reap_interval`` seconds."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._interval: int = db.conf.worker.reap_interval
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reaper", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the batch in hand; a database that does not answer is not waited for."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT)
        if self._thread.is_alive():
            LOG.warning("purging is stuck; what it has not committed is rolled back")

    def _run(self) -> None:
        while not self._stopping.wait(self._interval):
            try:
                done = purge(self._db, self._stopping.is_set)
            except errors.Unavailable as error:
                LOG.warning("purging is put off: %s", error.message)
            except Exception:
                # The next round may do better; a dead reaper would fill every block.
                LOG.exception("purging failed")
            else:
                if any(done.values()):
                    LOG.info("purged %s", done)
