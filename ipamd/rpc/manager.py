"""The manager: takes a request by its method's name, and does it exactly once.

Whatever it raises is an ``IpamError``; anything else is logged here and becomes one.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from typing import Any

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db import idempotency
from ipamd.db.database import Database, Transaction
from ipamd.rpc.methods import METHODS, Method

LOG = logging.getLogger(__name__)


class Manager:
    """Runs the methods of the table on a store."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def call(
        self,
        context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        *,
        request_key: str | None = None,
    ) -> Any:
        """Run a method and return its result, JSON values only.

        ``request_key`` serves as the idempotency key of a request that brings none: the
        same message delivered again is answered, not done again.

        Raises: IpamError
        """
        try:
            found = METHODS.get(method)
            if found is None:
                raise errors.UnknownMethod(f"No such method: {str(method)[:80]}")
            if not found.mutating:
                found.check(args)
                return self._db.run(
                    context, lambda tx: found.operation(tx, **args), read_only=True
                )
            return self._write(context, found, dict(args), request_key)
        except errors.IpamError:
            raise
        except Exception as error:
            LOG.exception("method %s failed (request id %s)", method, context.request_id)
            raise errors.IpamError() from error

    def _write(
        self,
        context: RequestContext,
        method: Method,
        args: dict[str, Any],
        request_key: str | None,
    ) -> Any:
        given = args.pop("idempotency_key", None)
        method.check(args)
        # A request without any key gets one, so that a commit whose outcome is unknown
        # can be told from one that failed when the transaction runs again.
        key = given if given is not None else request_key or f"once-{uuid.uuid4()}"
        request = idempotency.keyed(context.tenant, key, method.name, args)
        seen_before = given is not None or request_key is not None

        def work(tx: Transaction) -> Any:
            if seen_before or tx.attempt > 1:
                stored = idempotency.find(tx, request)
                if stored is not None:
                    return stored[0]
            answer = method.operation(tx, **args)
            idempotency.store(tx, [(request, answer)])
            return answer

        return self._db.run(context, work, request_key=given)

    def report_failure(
        self,
        context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        error: errors.IpamError,
        *,
        request_key: str | None = None,
    ) -> None:
        """Store the event ``<noun>.<verb>.error`` of a cast that failed.

        With ``request_key`` the same failed message is reported once.

        Raises: Unavailable, Busy
        """
        key = args.get("idempotency_key")
        payload = {
            "method": method,
            "arguments": {name: args[name] for name in args if name != "idempotency_key"},
            "code": error.code,
            "message": error.message,
        }

        def work(tx: Transaction) -> None:
            if request_key is not None:
                report = idempotency.keyed("", f"report-{request_key}", method, {})
                if idempotency.find(tx, report) is not None:
                    return
                idempotency.store(tx, [(report, None)])
            tx.emit(error_event(method), payload, tenant_id=context.tenant, priority="ERROR")

        self._db.run(context, work, request_key=key if isinstance(key, str) else None)

    def is_mutating(self, method: str) -> bool:
        """Tell whether a method exists and changes something."""
        found = METHODS.get(method)
        return found is not None and found.mutating


def error_event(method: str) -> str:
    """Return the event type of a failed cast: ``create_ip_block`` → ``ip_block.create.error``."""
    verb, _, noun = method.partition("_")
    return f"{noun}.{verb}.error"[:64] if noun else f"{verb}.error"[:64]
