"""What a request does is counted around it: the manager, the bus and the broker know nothing.

Each of these stands where the thing that it watches stood.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db.outbox import OutboxEvent
from ipamd.events import EVENTS
from ipamd.metrics.instruments import WorkerMetrics
from ipamd.request_log import RequestLog
from ipamd.rpc.dispatch import Answer, Call, CannotShare, Outcome, Postpone, SharingHandler
from ipamd.rpc.jobs import Job
from ipamd.rpc.methods import METHODS
from ipamd.rpc.notifications import Done, NotSent, Sender

# One line for each request: a name of its own, so that it can be turned off.
NAME: Final = "ipamd.requests"
UNKNOWN: Final = "unknown"
"""The label of methods that do not exist, whatever they are called."""


class ObservedManager:
    """Counts and times what a manager does; ``logs``: and writes a line for each request."""

    def __init__(self, manager: SharingHandler, metrics: WorkerMetrics, *, logs: bool) -> None:
        self._manager = manager
        self._metrics = metrics
        self._log = RequestLog(logging.getLogger(NAME)) if logs else None

    def call(
        self,
        context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        *,
        request_key: str | None = None,
    ) -> Any:
        """Do as the manager does.

        Raises: as the manager
        """
        call = functools.partial(self._manager.call, request_key=request_key)
        return self._observe(context, method, lambda: call(context, method, args))

    @property
    def sharing(self) -> Collection[str]:
        """The methods that ``call_together`` takes."""
        return self._manager.sharing

    def call_together(self, calls: Sequence[Call]) -> list[Any]:
        """Do as the manager does; each of the requests has taken the time of all."""
        self._metrics.in_flight.inc(len(calls))
        started = time.perf_counter()
        try:
            results = self._manager.call_together(calls)
        finally:
            seconds = time.perf_counter() - started
            self._metrics.in_flight.dec(len(calls))
        for call, result in zip(calls, results, strict=True):
            if not isinstance(result, CannotShare):
                self._note(call.context, call.method, _outcome(result), seconds)
        return results

    def call_alone(self, call: Call) -> Any:
        """Do as the manager does.

        Raises: as the manager
        """
        work = functools.partial(self._manager.call_alone, call)
        return self._observe(call.context, call.method, work)

    def _observe(self, context: RequestContext, method: str, work: Callable[[], Any]) -> Any:
        self._metrics.in_flight.inc()
        context.begin_work()
        result: Any = None
        started = time.perf_counter()
        try:
            result = work()
        except BaseException as error:
            result = error
            raise
        finally:
            seconds = time.perf_counter() - started
            context.end_work()
            self._metrics.in_flight.dec()
            self._note(context, method, _outcome(result), seconds)
        return result

    def _note(self, context: RequestContext, method: str, outcome: str, seconds: float) -> None:
        name = method if method in METHODS else UNKNOWN
        self._metrics.requests[name, outcome].inc()
        self._metrics.request_seconds[name].observe(seconds)
        if self._log is not None:
            self._log.info(
                "%(request_id)s %(method)s tenant=%(tenant)s %(outcome)s %(ms).1f ms",
                {
                    "request_id": context.request_id or "-",
                    "method": method[:80],
                    "tenant": context.tenant[:255] or "-",
                    "outcome": outcome,
                    "ms": seconds * 1000,
                },
            )

    def report_failure(
        self,
        context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        error: errors.IpamError,
        *,
        request_key: str | None = None,
    ) -> None:
        """Do as the manager does.

        Raises: as the manager
        """
        self._manager.report_failure(context, method, args, error, request_key=request_key)


def _outcome(result: Any) -> str:
    if isinstance(result, errors.IpamError):
        return result.code
    return errors.IpamError.code if isinstance(result, BaseException) else "ok"


class ObservedSender:
    """Counts the events that a bus takes, and those that it does not."""

    def __init__(self, sender: Sender, metrics: WorkerMetrics) -> None:
        self._sender = sender
        self._metrics = metrics
        self.prompt = sender.prompt

    def send(self, events: Sequence[OutboxEvent], done: Done, give_up: Callable[[], bool]) -> None:
        """Do as the bus does.

        Raises: NotSent.
        """

        def count_and_tell(event: OutboxEvent) -> None:
            kind = event.event_type
            self._metrics.events[kind if kind in EVENTS else "error"].inc()
            done(event)

        try:
            self._sender.send(events, count_and_tell, give_up)
        except NotSent:
            self._metrics.events_failed.inc()
            raise

    def close(self) -> None:
        """Close the connection to the bus."""
        self._sender.close()


def count_outcome(metrics: WorkerMetrics, job: Job, outcome: Outcome) -> None:
    """Count what is out of the ordinary in how a request came, and what becomes of it."""
    if job.redelivered and not job.repeats:
        metrics.redeliveries.inc()
    if isinstance(outcome, Postpone):
        metrics.postponed.inc()
    elif isinstance(outcome, Answer) and outcome.body is None and not job.is_cast:
        metrics.expired.inc()
