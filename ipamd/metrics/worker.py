"""The metrics of one process that works on the store, and what serves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from oslo_config import cfg
from prometheus_client import GCCollector, PlatformCollector, ProcessCollector

from ipamd.db.database import Database
from ipamd.db.retries import cause_of
from ipamd.metrics import table
from ipamd.metrics.exposition import MetricsServer
from ipamd.metrics.fullest import Fullest
from ipamd.metrics.instruments import WorkerMetrics, new_registry
from ipamd.metrics.observed import ObservedManager, ObservedSender, count_outcome
from ipamd.metrics.sampled import Sampled, Sampler
from ipamd.rpc.intake import Intake
from ipamd.rpc.manager import Manager
from ipamd.rpc.notifications import Sender, make_sender
from ipamd.rpc.relay import Relay


class WorkerTelemetry:
    """Makes the parts of a worker so that they are counted, and tells the figures."""

    def __init__(self, db: Database) -> None:
        """Prepare.

        Raises: cfg.Error when ``[worker] metrics_bind`` cannot be listened on.
        """
        self.db = db
        self.conf = db.conf
        self.registry = new_registry()
        self._metrics = WorkerMetrics(self.registry)
        self._sampler = Sampler(db, Fullest(db.conf.worker.metrics_blocks))
        db.on_retry = lambda error: self._metrics.retries[cause_of(error)].inc()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        bind = db.conf.worker.metrics_bind
        self._server = MetricsServer(bind, self.registry) if bind else None

    def manager(self) -> Manager:
        """Make the manager."""
        return Manager(self.db, on_batch=self._metrics.batch_size)

    def observed(self, manager: Manager, *, logs: bool) -> ObservedManager:
        """Return the manager as requests come to it; ``logs``: with a line for each."""
        return ObservedManager(manager, self._metrics, logs=logs)

    def intake(self, conf: cfg.ConfigOpts, manager: Manager) -> Intake:
        """Make the intake."""
        intake = Intake(conf, self.observed(manager, logs=True))
        intake.on_outcome = lambda job, outcome: count_outcome(self._metrics, job, outcome)
        intake.on_dead_letter = self._metrics.dead_letters.inc
        return intake

    def relay(self, conf: cfg.ConfigOpts) -> Relay:
        """Make the relay."""
        return Relay(self.db, conf, self.observed_sender(make_sender(conf)))

    def observed_sender(self, sender: Sender) -> ObservedSender:
        """Return where events go, as the relay sees it."""
        return ObservedSender(sender, self._metrics)

    def start(self, intake: Intake | None) -> None:
        """Tell also what is not counted but read."""
        live: Mapping[table.Metric, Callable[[], float]] = {}
        if intake is not None:
            live = {
                table.BROKER_UP: lambda: intake.ready,
                table.IN_HAND: lambda: intake.in_hand,
            }
        self._sampler.start()
        self.registry.register(Sampled(self._sampler, self.db.engine.pool, live))

    def stop(self) -> None:
        """Tell nothing any more."""
        if self._server is not None:
            self._server.stop()
        self._sampler.stop()
