"""The relay: events from the outbox to the bus, in their order, at least once.

One relay of all workers holds the lease and sends; when it dies, another takes over after
``[relay] lease_seconds``.  An event is marked sent, and so becomes part of the journal,
only after the bus has confirmed it.  While the bus is away events wait in the store and
requests go on.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
import uuid
from collections.abc import Sequence

from oslo_config import cfg

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db import outbox
from ipamd.db.database import Database, Transaction
from ipamd.db.outbox import OutboxEvent
from ipamd.rpc.notifications import NotSent, Sender, make_sender

LOG = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
# The part of the lease that may pass before it is prolonged.
_LEASE_PART = 0.5
_STOP_TIMEOUT = 10.0
# Seconds that a relay that stops waits for the bus to confirm what is under way.
_STOP_PATIENCE = 2.0
# Seconds in which events gather before the next few are claimed: a transaction for each
# event costs several times what sending it does.
_GATHER_SECONDS = 0.05
# Events moved to the journal in one transaction where there is no bus.
_FILED = 5000


class Relay:
    """A thread that sends what the outbox holds."""

    def __init__(self, db: Database, conf: cfg.ConfigOpts, sender: Sender | None = None) -> None:
        """Prepare; ``sender``: where events go, default as ``conf`` says."""
        self._db = db
        self._options = conf.relay
        self._sender = sender or make_sender(conf)
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._context = RequestContext(overwrite=False)
        self._waking = threading.Event()
        self._stopping = False
        self._stop_before = math.inf
        self._lease_until = 0.0
        self._other_sends = False
        self._unmarked: list[int] = []
        self._thread = threading.Thread(target=self._run, name="ipamd-relay", daemon=True)

    def start(self) -> None:
        """Start sending.

        Where there is no bus, events go into the journal and nowhere else.  With SQLite,
        whose transactions are one after the other, they do so at once; what is left to do
        are those of a time when there was a bus.
        """
        self._db.journal_only = not self._sender.prompt and self._db.dialect == "sqlite"
        self._thread.start()

    def wake(self) -> None:
        """Look for events now; any thread calls this after a commit that left some."""
        self._waking.set()

    def stop(self) -> None:
        """End the thread after the events it is at, and let another relay take over."""
        self._stop_before = time.monotonic() + _STOP_PATIENCE
        self._stopping = True
        self._waking.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_TIMEOUT)
            if self._thread.is_alive():
                LOG.warning("the relay is stuck; another takes over when its lease ends")
                return
        self._sender.close()

    def _run(self) -> None:
        failures, woken = 0, False
        while not self._stopping:
            pause = self._options.sweep_interval
            try:
                if self._unmarked or woken or self._has_events():
                    if self._sender.prompt:
                        self._send_all()
                    else:
                        self._file_all()
                failures = 0
            except (NotSent, errors.IpamError) as error:
                failures += 1
                pause = min(_FIRST_PAUSE * 2 ** (failures - 1), _LONGEST_PAUSE)
                LOG.warning("events wait: %s; next attempt in %.0f s", error, pause)
            except Exception:
                failures += 1
                pause = min(_FIRST_PAUSE * 2 ** (failures - 1), _LONGEST_PAUSE)
                LOG.exception("the relay failed; next attempt in %.0f s", pause)
            # While the bus is away, or another relay sends, a new event is no reason to
            # look earlier; nor where nobody waits for events.
            heed_wakes = failures == 0 and not self._other_sends and self._sender.prompt
            woken = self._sleep(pause, heed_wakes=heed_wakes)
        self._leave()

    def _sleep(self, pause: float, *, heed_wakes: bool) -> bool:
        """Wait; return True when woken before the time."""
        until = time.monotonic() + pause
        while not self._stopping and self._waking.wait(max(0.0, until - time.monotonic())):
            self._waking.clear()
            if heed_wakes:
                return True
        return False

    def _send_all(self) -> None:
        """Send batch after batch, until none is left or another relay has the lease."""
        while not self._stopping:
            events = self._db.run(self._context, self._mark_and_claim)
            self._unmarked = []
            if not events:
                return
            claimed = time.monotonic()
            try:
                self._send_batch(events)
            except NotSent:
                self._db.run(self._context, self._mark)
                self._unmarked = []
                raise
            if len(events) < self._options.batch_size:
                time.sleep(max(0.0, claimed + _GATHER_SECONDS - time.monotonic()))

    def _file_all(self) -> None:
        """Move what nobody is to be sent to the journal."""
        more = True
        while more and not self._stopping:
            more = self._db.run(self._context, self._file) == _FILED

    def _file(self, tx: Transaction) -> int:
        return outbox.mark_oldest(tx, _FILED) if self._has_lease(tx) else 0

    def _send_batch(self, events: Sequence[OutboxEvent]) -> None:
        size = self._options.in_flight
        for start in range(0, len(events), size):
            if self._stopping or time.monotonic() > self._lease_until:
                return
            self._sender.send(events[start : start + size], self._note_sent, self._gives_up)

    def _note_sent(self, event: OutboxEvent) -> None:
        self._unmarked.append(event.id)

    def _gives_up(self) -> bool:
        """Tell whether to wait no longer for the bus: to stop, or because of the lease."""
        now = time.monotonic()
        return now > self._lease_until or now > self._stop_before

    def _has_events(self) -> bool:
        return self._db.run(self._context, lambda tx: bool(outbox.claim(tx, 1)), read_only=True)

    def _mark_and_claim(self, tx: Transaction) -> list[OutboxEvent]:
        """Mark the batch that was sent, prolong the lease, and read the next batch."""
        self._mark(tx)
        return outbox.claim(tx, self._options.batch_size) if self._has_lease(tx) else []

    def _has_lease(self, tx: Transaction) -> bool:
        """Take or prolong the lease; False while another relay has it."""
        started = time.monotonic()
        seconds = self._options.lease_seconds
        self._other_sends = not outbox.acquire_lease(tx, self._owner, seconds)
        self._lease_until = 0.0 if self._other_sends else started + seconds * _LEASE_PART
        return not self._other_sends

    def _mark(self, tx: Transaction) -> None:
        if self._unmarked:
            outbox.mark_sent(tx, self._unmarked)

    def _leave(self) -> None:
        """Mark what was sent and give the lease back, if the store can be reached."""

        def leave(tx: Transaction) -> None:
            self._mark(tx)
            outbox.release_lease(tx, self._owner)

        if self._lease_until == 0.0 and not self._unmarked:
            return
        try:
            self._db.run(self._context, leave)
        except errors.IpamError as error:
            LOG.warning("the relay's last events will be sent again: %s", error)
