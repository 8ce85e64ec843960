"""The account of one HTTP request: which calls it made, for whom, and what became of them.

It is kept for the request's log line; the calls are counted as well.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from flask import has_request_context, request

from ipamd import errors

if TYPE_CHECKING:
    from ipamd.context import RequestContext
    from ipamd.metrics.instruments import FacadeMetrics
    from ipamd.rpc.caller import Caller

ACCOUNT: Final = "ipamd.account"
"""The key of the account in the WSGI environment."""


@dataclass(slots=True)
class Account:
    """What was done so far; ``outcome`` is the code of the error that was answered."""

    methods: list[str] = field(default_factory=list)
    tenant: str = ""
    outcome: str = ""
    seconds: float = 0.0


class ObservedCaller:
    """Counts and times calls, and enters them into the account of the present request."""

    def __init__(self, caller: Caller, metrics: FacadeMetrics) -> None:
        self._caller = caller
        self._metrics = metrics

    def call(
        self,
        context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        *,
        timeout: float | None = None,
    ) -> Any:
        """Do as the caller does.

        Raises: as the caller
        """
        context.begin_work()
        started, outcome = time.perf_counter(), "ok"
        try:
            return self._caller.call(context, method, args, timeout=timeout)
        except errors.IpamError as error:
            outcome = error.code
            raise
        finally:
            self._note(context, method, outcome, time.perf_counter() - started)

    def cast(self, context: RequestContext, method: str, args: Mapping[str, Any]) -> None:
        """Do as the caller does.

        Raises: as the caller
        """
        context.begin_work()
        started, outcome = time.perf_counter(), "ok"
        try:
            self._caller.cast(context, method, args)
        except errors.IpamError as error:
            outcome = error.code
            raise
        finally:
            self._note(context, method, outcome, time.perf_counter() - started)

    def _note(self, context: RequestContext, method: str, outcome: str, seconds: float) -> None:
        # The facade's own code names the methods: the labels are bounded.
        self._metrics.calls[method, outcome].inc()
        self._metrics.call_seconds[method].observe(seconds)
        account = request.environ.get(ACCOUNT) if has_request_context() else None
        if account is not None:
            if method not in account.methods:
                account.methods.append(method)
            account.tenant = account.tenant or context.tenant
            account.seconds += seconds
