"""What a worker thread does with a request, and what shall become of its message.

``Dispatcher.process()`` never raises and touches no connection: it returns an outcome,
which the link's thread carries out.  A message is acknowledged only after that.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.rpc import envelope
from ipamd.rpc.bodies import fit
from ipamd.rpc.confinement import enforce
from ipamd.rpc.jobs import Job
from ipamd.rpc.publisher import MAX_BODY
from ipamd.rpc.transport import VERSION

LOG = logging.getLogger(__name__)

# Four times what the facade takes; no request that an operation accepts comes near.
MAX_REQUEST = 4 * 1024 * 1024
# Requests that are given to the handler together, at most.
MAX_SHARING = 128
# A request whose twin is at work is looked at again so often, at this distance.
_TWIN_PAUSE, _TWIN_REPEATS = 0.25, 20


class Handler(Protocol):
    """Who does the work: ``ipamd.rpc.manager.Manager``."""

    def call(
        self,
        context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        *,
        request_key: str | None = None,
    ) -> Any:
        """Do a request once per ``request_key``, or answer as the first time."""

    def report_failure(
        self,
        context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        error: errors.IpamError,
        *,
        request_key: str | None = None,
    ) -> None:
        """Store the error event of a request that nobody hears the answer to, once."""


class Call(NamedTuple):
    """A request as a handler gets it."""

    context: RequestContext
    method: str
    args: Mapping[str, Any]
    request_key: str | None


@runtime_checkable
class SharingHandler(Handler, Protocol):
    """A handler that does some methods together, in one transaction."""

    @property
    def sharing(self) -> Collection[str]:
        """The methods that ``call_together`` takes."""

    def call_together(self, calls: Sequence[Call]) -> list[Any]:
        """Do each call as ``call`` does; return their results, errors among them.

        ``CannotShare`` stands for a call that was not done, and has to be done alone.
        """

    def call_alone(self, call: Call) -> Any:
        """Do a call that could not share."""


class CannotShare(Exception):
    """The request cannot share a transaction; nothing of it was done."""


class Served(NamedTuple):
    """What the handler has made of a request: its result, or the error that it raised."""

    context: RequestContext
    result: Any


class Answer(NamedTuple):
    """Done: send ``body``, if anyone waits for it, and acknowledge."""

    body: bytes | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """Not now: process it again in ``delay`` seconds; it stays in hand."""

    delay: float


@dataclass(frozen=True, slots=True)
class Apart:
    """Not together with others: process it by itself; it stays in hand."""


@dataclass(frozen=True, slots=True)
class Postpone:
    """Not for a while: let it wait in the broker, where it costs nothing here."""


@dataclass(frozen=True, slots=True)
class Count:
    """It came back: put it behind the others with the count it now carries."""

    redeliveries: int


@dataclass(frozen=True, slots=True)
class Bury:
    """It cannot be served: to the dead-letter queue, then as ``Answer``."""

    reason: str
    body: bytes | None = None


Outcome = Answer | Repeat | Apart | Postpone | Count | Bury


class Dispatcher:
    """Gives requests to a handler and judges what comes back."""

    def __init__(
        self, handler: Handler, max_redeliveries: int, *, enforce_context: bool = False
    ) -> None:
        self._handler = handler
        self._sharing = handler if isinstance(handler, SharingHandler) else None
        self._max_redeliveries = max_redeliveries
        self._enforce_context = enforce_context

    def may_share(self, job: Job) -> bool:
        """Tell whether a request may be served together with others."""
        return self._sharing is not None and job.request.method in self._sharing.sharing

    def process(self, job: Job) -> Outcome:
        """Serve one request."""
        try:
            refusal = self._check(job)
            return self._conclude(job, self._call(job)) if refusal is None else refusal
        except Exception as error:  # noqa: BLE001 - logged there
            return self._broken(job, error)

    def serve_together(self, jobs: Sequence[Job]) -> list[tuple[Job, Served | Outcome]]:
        """Have requests that may share done; ``conclude`` says what becomes of each."""
        checked: list[tuple[Job, Served | Outcome]] = []
        calls: list[tuple[Job, Call]] = []
        for job in jobs:
            try:
                refusal = self._check(job)
                if refusal is None:
                    calls.append((job, self._call_of(job)))
                else:
                    checked.append((job, refusal))
            except Exception as error:  # noqa: BLE001 - logged there
                checked.append((job, self._broken(job, error)))
        if calls and self._sharing is not None:
            try:
                results = self._sharing.call_together([call for _, call in calls])
            except Exception as error:
                LOG.exception("requests could not be served together")
                results = [error] * len(calls)
            checked += [
                (job, Served(call.context, result))
                for (job, call), result in zip(calls, results, strict=True)
            ]
        return checked

    def conclude(self, job: Job, served: Served | Outcome) -> Outcome:
        """Say what becomes of a request's message."""
        if not isinstance(served, Served):
            return served
        try:
            return self._conclude(job, served)
        except Exception as error:  # noqa: BLE001 - logged there
            return self._broken(job, error)

    def _broken(self, job: Job, error: Exception) -> Outcome:
        LOG.error("%s: could not be processed", job.request.method, exc_info=error)
        return self._undeliverable(job, "internal error", errors.IpamError())

    def _check(self, job: Job) -> Outcome | None:
        """Look whether a request is to be served; if not, say what becomes of it."""
        request = job.request
        if job.is_expired():
            LOG.info("%s: not started, its caller has given up", request.method)
            return Answer()
        redeliveries = job.counted_redeliveries + job.is_uncounted
        if redeliveries > self._max_redeliveries:
            return self._give_up(job, redeliveries)
        if job.is_uncounted and not job.repeats:
            return Count(redeliveries)
        if len(job.body) > MAX_REQUEST:
            error = errors.BadRequest(f"The request is larger than {MAX_REQUEST} bytes")
            return self._undeliverable(job, error.message, error)
        if request.namespace or not envelope.is_compatible(VERSION, request.version):
            LOG.warning("%s: version %s, refused", request.method, request.version)
            return self._refuse(job, envelope.unsupported_version(request.version, request.method))
        return None

    def _call(self, job: Job) -> Served:
        call = self._call_of(job)
        try:
            if job.apart and self._sharing is not None:
                return Served(call.context, self._sharing.call_alone(call))
            result = self._handler.call(
                call.context, call.method, call.args, request_key=call.request_key
            )
        except Exception as error:  # noqa: BLE001 - _conclude() judges it
            return Served(call.context, error)
        return Served(call.context, result)

    def _conclude(self, job: Job, served: Served) -> Outcome:
        request, result = job.request, served.result
        if isinstance(result, Exception):
            return self._judge(job, served.context, result)
        if request.reply_to is None:
            return Answer()
        body, headers = fit(envelope.answer(request.reply_to, result))
        if len(body) > MAX_BODY:
            LOG.error("%s: the answer has %d bytes, too many to send", request.method, len(body))
            return self._told(job, errors.IpamError("The answer is too large"))
        return Answer(body, headers)

    def _judge(self, job: Job, context: RequestContext, error: Exception) -> Outcome:
        method = job.request.method
        if isinstance(error, CannotShare):
            return Apart()
        if isinstance(error, errors.UnknownMethod):
            LOG.warning("%.80s: no such method", method)
            return self._refuse(job, envelope.no_such_method(method))
        if isinstance(error, errors.IpamError):
            return self._failed(job, context, error)
        LOG.error("%s: unexpected error", method, exc_info=error)
        return self._failed(job, context, errors.IpamError())

    def _failed(self, job: Job, context: RequestContext, error: errors.IpamError) -> Outcome:
        is_twin = isinstance(error, errors.RequestInProgress) and (job.is_cast or job.redelivered)
        if is_twin and job.repeats < _TWIN_REPEATS:
            # The same message is being worked on, by us or by another worker.
            return Repeat(_TWIN_PAUSE)
        if not job.is_cast:
            return self._told(job, error)
        if error.retryable:
            LOG.info("%s: cast put off: %s", job.request.method, error.message)
            return Postpone()
        return self._report(job, context, error, Answer())

    def _give_up(self, job: Job, redeliveries: int) -> Outcome:
        reason = f"given up after {redeliveries} redeliveries"
        LOG.error("%s: %s; moved to the dead-letter queue", job.request.method, reason)
        error = errors.IpamError(f"The request was {reason}")
        body = None if job.is_cast else self._told(job, error).body
        context = RequestContext.from_wire(job.request.context)
        return self._report(job, context, error, Bury(reason, body))

    def _report(
        self, job: Job, context: RequestContext, error: errors.IpamError, then: Outcome
    ) -> Outcome:
        request = job.request
        try:
            self._handler.report_failure(
                context, request.method, request.args, error, request_key=request.unique_id
            )
        except errors.IpamError as failed:
            if not failed.retryable:
                raise
            LOG.info("%s: error event put off: %s", job.request.method, failed.message)
            return Postpone()
        return then

    def _undeliverable(self, job: Job, reason: str, error: errors.IpamError) -> Outcome:
        LOG.warning("%.80s: %s", job.request.method, reason)
        return Bury(reason) if job.is_cast else self._told(job, error)

    def _refuse(self, job: Job, failure: Mapping[str, Any]) -> Outcome:
        to = job.request.reply_to
        if to is None:
            return Bury(str(failure["message"])[:200])
        return Answer(envelope.answer(to, failure=failure))

    @staticmethod
    def _told(job: Job, error: errors.IpamError) -> Answer:
        to = job.request.reply_to
        if to is None:
            return Answer()
        return Answer(envelope.answer(to, failure=envelope.describe(error)))

    def _call_of(self, job: Job) -> Call:
        request = job.request
        context = RequestContext.from_wire(request.context)
        if self._enforce_context:
            enforce(context)
        return Call(context, request.method, request.args, request.unique_id)
