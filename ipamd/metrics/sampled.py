"""Gauges that are read when somebody asks for them: pool, broker, outbox, fullest blocks.

What needs the database is read in the background, at most every few seconds and only
while somebody asks: a scrape waits a moment for it, never for a database that hangs.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.pool import QueuePool

from ipamd import __version__, errors
from ipamd.context import RequestContext
from ipamd.db import outbox
from ipamd.db.database import Database, Transaction
from ipamd.metrics import table
from ipamd.metrics.fullest import FullBlock, Fullest

LOG = logging.getLogger(__name__)

KEPT_SECONDS = 5.0
"""For so long what was read of the database is told again."""
_PATIENCE = 2.0
_STALE_SECONDS = 60.0
_STOP_TIMEOUT = 5.0


@dataclass(frozen=True)
class Sample:
    """What the database said at ``taken``, a monotonic time; nothing when it did not answer."""

    taken: float = 0.0
    up: bool = False
    outbox_events: int = 0
    outbox_age: float = 0.0
    blocks: list[FullBlock] = field(default_factory=list)


class Sampler:
    """A thread that asks the database, once it is asked itself."""

    def __init__(self, db: Database, fullest: Fullest) -> None:
        self._db = db
        self._fullest = fullest
        self._context = RequestContext(overwrite=False)
        # Of the three that follow, and what both sides wait for.
        self._changed = threading.Condition()
        self._wanted = False
        self._stopping = False
        self._sample = Sample()
        self._thread = threading.Thread(target=self._run, name="ipamd-sampler", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after what it is reading; a store that hangs is not waited for."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(_STOP_TIMEOUT)

    def latest(self) -> Sample:
        """Return what is known, at most some seconds old if the database answers."""
        with self._changed:
            known = self._sample
            if time.monotonic() - known.taken > KEPT_SECONDS:
                self._wanted = True
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._sample is not known, _PATIENCE)
            known = self._sample
        if time.monotonic() - known.taken > _STALE_SECONDS:
            return Sample()
        return known

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._stopping)
                if self._stopping:
                    return
            sample = self._take()
            with self._changed:
                # For those too who have asked since, or whose patience is at an end.
                self._sample, self._wanted = sample, False
                self._changed.notify_all()

    def _take(self) -> Sample:
        try:
            return self._db.run(self._context, self._read, read_only=True)
        except errors.IpamError as error:
            LOG.info("the database cannot be asked for metrics: %s", error.message)
        except Exception:
            LOG.exception("metrics cannot be read from the database")
        return Sample(time.monotonic())

    def _read(self, tx: Transaction) -> Sample:
        waiting = outbox.backlog(tx)
        return Sample(
            time.monotonic(),
            up=True,
            outbox_events=waiting.events,
            outbox_age=waiting.age(tx.now),
            blocks=self._fullest.read(tx),
        )


class Sampled(Collector):
    """The table's gauges that are not counted but read; ``live``: more of them, by metric."""

    def __init__(
        self, sampler: Sampler, pool: object, live: Mapping[table.Metric, Callable[[], float]]
    ) -> None:
        self._sampler = sampler
        self._pool = pool
        self._live = live

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges, without those that cannot be known now."""
        yield _gauge(table.BUILD, [((__version__,), 1)])
        for metric, read in self._live.items():
            yield _gauge(metric, [((), read())])
        if isinstance(self._pool, QueuePool):
            yield _gauge(table.POOL_IN_USE, [((), self._pool.checkedout())])
            yield _gauge(table.POOL_IDLE, [((), self._pool.checkedin())])
            yield _gauge(table.POOL_LIMIT, [((), self._pool.size())])
        sample = self._sampler.latest()
        yield _gauge(table.DATABASE_UP, [((), sample.up)])
        if not sample.up:
            return
        yield _gauge(table.OUTBOX_EVENTS, [((), sample.outbox_events)])
        yield _gauge(table.OUTBOX_AGE, [((), sample.outbox_age)])
        shares = [((block.id, block.cidr), block.utilization) for block in sample.blocks]
        yield _gauge(table.BLOCK_UTILIZATION, shares)

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Name nothing in advance: the registry would have to collect for it."""
        return []


def _gauge(
    metric: table.Metric, values: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in values:
        family.add_metric(labels, float(value))
    return family
