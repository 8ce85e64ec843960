"""The metrics: one table, from which they are made and the docs are written.

Labels take their values from tables in the code (methods, error codes, event types) or
are bounded in number; none is a tenant, an address, or anything else that a caller chose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]
Source = Literal["facade", "worker"]

SECONDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip
"""Upper bounds of a latency's buckets: from a request alone to one that waits for a lock."""
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Upper bounds of a batch's buckets."""


@dataclass(frozen=True)
class Metric:
    """One metric; ``source``: the facade has it, or whoever works on the store.

    ``name`` is that of the family: a counter's samples have ``_total`` behind it, a
    histogram's ``_bucket``, ``_sum`` and ``_count``.
    """

    name: str
    kind: Kind
    source: Source
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


HTTP_REQUESTS = Metric(
    "ipamd_http_requests", "counter", "facade",
    "HTTP requests that were answered, by API, verb and status.",
    ("api", "verb", "status"),
)  # fmt: skip
HTTP_SECONDS = Metric(
    "ipamd_http_request_duration_seconds", "histogram", "facade",
    "Seconds from an HTTP request to its answer, the workers' time included.",
    ("api",), SECONDS,
)  # fmt: skip
HTTP_IN_FLIGHT = Metric(
    "ipamd_http_requests_in_flight", "gauge", "facade",
    "HTTP requests that are being worked on.",
)  # fmt: skip
CALLS = Metric(
    "ipamd_calls", "counter", "facade",
    "Calls and casts from the facade to the workers, by method and outcome: ok, or the code "
    "of the error.",
    ("method", "outcome"),
)  # fmt: skip
CALL_SECONDS = Metric(
    "ipamd_call_duration_seconds", "histogram", "facade",
    "Seconds that the facade waited for the workers, the broker's time included.",
    ("method",), SECONDS,
)  # fmt: skip
BUILD = Metric(
    "ipamd_build_info", "gauge", "worker",
    "1; the label is the version that runs.",
    ("version",),
)  # fmt: skip
REQUESTS = Metric(
    "ipamd_requests", "counter", "worker",
    "Requests that were done, by method and outcome: ok, or the code of the error.",
    ("method", "outcome"),
)  # fmt: skip
REQUEST_SECONDS = Metric(
    "ipamd_request_duration_seconds", "histogram", "worker",
    "Seconds that a request took once a thread had it: waiting for its batch, the "
    "transaction, the commit.",
    ("method",), SECONDS,
)  # fmt: skip
IN_FLIGHT = Metric(
    "ipamd_requests_in_flight", "gauge", "worker",
    "Requests that threads are working on.",
)  # fmt: skip
IN_HAND = Metric(
    "ipamd_requests_in_hand", "gauge", "worker",
    "Requests taken from the broker and not acknowledged yet, at most [worker] prefetch.",
)  # fmt: skip
BATCHES = Metric(
    "ipamd_batch_size", "histogram", "worker",
    "Allocations and releases that were done in one transaction.",
    (), SIZES,
)  # fmt: skip
RETRIES = Metric(
    "ipamd_transaction_retries", "counter", "worker",
    "Transactions that were run again, by what stood in their way: deadlock, serialization, "
    "lock_timeout, collision, lost_connection, other.",
    ("cause",),
)  # fmt: skip
REDELIVERIES = Metric(
    "ipamd_redeliveries", "counter", "worker",
    "Requests that came again from the broker, because whoever had them went away.",
)  # fmt: skip
DEAD_LETTERS = Metric(
    "ipamd_dead_letters", "counter", "worker",
    "Messages that were moved to the dead-letter queue.",
)  # fmt: skip
POSTPONED = Metric(
    "ipamd_postponed_casts", "counter", "worker",
    "Casts that were put into the retry queue, because the database was away or busy.",
)  # fmt: skip
EXPIRED = Metric(
    "ipamd_expired_calls", "counter", "worker",
    "Calls that were not started, because their callers had given up.",
)  # fmt: skip
EVENTS = Metric(
    "ipamd_events_published", "counter", "worker",
    "Events that the bus has confirmed, by type; those of failed casts are one type, error.",
    ("event_type",),
)  # fmt: skip
EVENTS_FAILED = Metric(
    "ipamd_events_failed", "counter", "worker",
    "Attempts to publish events that the bus did not confirm; they are repeated.",
)  # fmt: skip
OUTBOX_EVENTS = Metric(
    "ipamd_outbox_events", "gauge", "worker",
    "Events of the store that wait to be published; 10000 stands for that many and more.",
)  # fmt: skip
OUTBOX_AGE = Metric(
    "ipamd_outbox_oldest_event_age_seconds", "gauge", "worker",
    "Age of the event that has waited longest to be published; 0 when none waits.",
)  # fmt: skip
BLOCK_UTILIZATION = Metric(
    "ipamd_ip_block_utilization_ratio", "gauge", "worker",
    "Part of a block's addresses that is held or in quarantine, 0 to 1, of the fullest "
    "blocks: [worker] metrics_blocks of them.",
    ("ip_block_id", "cidr"),
)  # fmt: skip
DATABASE_UP = Metric(
    "ipamd_database_up", "gauge", "worker",
    "Whether the database answered when it was last asked: 1 or 0.",
)  # fmt: skip
BROKER_UP = Metric(
    "ipamd_broker_up", "gauge", "worker",
    "Whether the worker takes requests from the broker: 1 or 0.",
)  # fmt: skip
POOL_IN_USE = Metric(
    "ipamd_database_connections_in_use", "gauge", "worker",
    "Connections to the database that are in use.",
)  # fmt: skip
POOL_IDLE = Metric(
    "ipamd_database_connections_idle", "gauge", "worker",
    "Connections to the database that are open and at rest.",
)  # fmt: skip
POOL_LIMIT = Metric(
    "ipamd_database_connections_limit", "gauge", "worker",
    "Connections to the database that the process may have at the same time.",
)  # fmt: skip

METRICS: tuple[Metric, ...] = (
    HTTP_REQUESTS, HTTP_SECONDS, HTTP_IN_FLIGHT, CALLS, CALL_SECONDS,
    BUILD, REQUESTS, REQUEST_SECONDS, IN_FLIGHT, IN_HAND, BATCHES, RETRIES,
    REDELIVERIES, DEAD_LETTERS, POSTPONED, EXPIRED,
    EVENTS, EVENTS_FAILED, OUTBOX_EVENTS, OUTBOX_AGE,
    BLOCK_UTILIZATION, DATABASE_UP, BROKER_UP, POOL_IN_USE, POOL_IDLE, POOL_LIMIT,
)  # fmt: skip
