"""What counts: one object for the facade, one for whoever works on the store.

They are made after the fork and passed in; what a request does with them is a look into
a dictionary and an addition or two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import disable_created_metrics as leave_creation_times_out

from ipamd.metrics import table
from ipamd.metrics.table import Metric

T = TypeVar("T", Counter, Histogram)


def new_registry() -> CollectorRegistry:
    """Return an empty registry; the library's own, process-wide one is not used."""
    leave_creation_times_out()  # type: ignore[no-untyped-call]
    return CollectorRegistry()


def counter(metric: Metric, registry: CollectorRegistry) -> Counter:
    """Make a counter of the table."""
    return Counter(metric.name, metric.help, metric.labels, registry=registry)


def histogram(metric: Metric, registry: CollectorRegistry) -> Histogram:
    """Make a histogram of the table."""
    return Histogram(
        metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets
    )


class Children(Generic[T]):
    """The children of a metric by their labels' values; finding one takes no lock."""

    def __init__(self, parent: T) -> None:
        self._parent: Any = parent
        self._known: dict[str | tuple[str, ...], T] = {}

    def __getitem__(self, values: str | tuple[str, ...]) -> T:
        found = self._known.get(values)
        if found is None:
            names = (values,) if isinstance(values, str) else values
            found = self._known[values] = cast("T", self._parent.labels(*names))
        return found


class FacadeMetrics:
    """What the facade counts, whether it has the table's "worker" metrics beside it or not."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.http_requests = Children(counter(table.HTTP_REQUESTS, registry))
        self.http_seconds = Children(histogram(table.HTTP_SECONDS, registry))
        self.calls = Children(counter(table.CALLS, registry))
        self.call_seconds = Children(histogram(table.CALL_SECONDS, registry))
        # Of several processes those that live are added up.
        self.in_flight = Gauge(
            table.HTTP_IN_FLIGHT.name,
            table.HTTP_IN_FLIGHT.help,
            registry=registry,
            multiprocess_mode="livesum",
        )


class WorkerMetrics:
    """What a worker counts; gauges that are read when they are asked for are ``Sampled``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Children(counter(table.REQUESTS, registry))
        self.request_seconds = Children(histogram(table.REQUEST_SECONDS, registry))
        self.batch_size: Callable[[float], None] = histogram(table.BATCHES, registry).observe
        self.retries = Children(counter(table.RETRIES, registry))
        self.redeliveries = counter(table.REDELIVERIES, registry)
        self.dead_letters = counter(table.DEAD_LETTERS, registry)
        self.postponed = counter(table.POSTPONED, registry)
        self.expired = counter(table.EXPIRED, registry)
        self.events = Children(counter(table.EVENTS, registry))
        self.events_failed = counter(table.EVENTS_FAILED, registry)
        self.in_flight = Gauge(table.IN_FLIGHT.name, table.IN_FLIGHT.help, registry=registry)
