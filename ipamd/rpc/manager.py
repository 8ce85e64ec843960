"""The manager: takes a request by its method's name, and does it exactly once.

Whatever it raises is an ``IpamError``; anything else is logged here and becomes one.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db import idempotency
from ipamd.db.database import Database, Transaction
from ipamd.operations import batch, requests
from ipamd.rpc.combiner import Combiner
from ipamd.rpc.methods import METHODS, Method

LOG = logging.getLogger(__name__)
MAX_BATCH = 128


class Manager:
    """Runs the methods of the table on a store."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._combiner = Combiner(self._do_batch, most=MAX_BATCH)

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
        keyed = idempotency.keyed(context.tenant, key, method.name, args)
        if method.name in batch.READERS:
            try:
                return self._batched(context, method.name, args, keyed, given, request_key)
            except batch.Alone:
                LOG.debug("%s is done in a transaction of its own", method.name)
        return self._alone(context, method, args, keyed, given, request_key)

    def _alone(
        self,
        context: RequestContext,
        method: Method,
        args: dict[str, Any],
        keyed: idempotency.Keyed,
        given: str | None,
        request_key: str | None,
    ) -> Any:
        def work(tx: Transaction) -> Any:
            if given or request_key or tx.attempt > 1:
                stored = idempotency.find(tx, [keyed]).get(keyed.scoped_key)
                if stored is not None:
                    return stored.answer_to(keyed)
            answer = method.operation(tx, **args)
            idempotency.store(tx, [(keyed, answer)])
            return answer

        return self._db.run(context, work, request_key=given)

    def _batched(
        self,
        context: RequestContext,
        method: str,
        args: dict[str, Any],
        keyed: idempotency.Keyed,
        given: str | None,
        request_key: str | None,
    ) -> Any:
        request = batch.READERS[method](
            args,
            context=context,
            keyed=keyed,
            given_key=given,
            may_be_known=bool(given or request_key),
        )
        self._combiner.do(request)
        if request.error is not None:
            raise request.error
        return request.answer

    def _do_batch(self, requests: Sequence[batch.Request]) -> None:
        """Do what waits in one transaction; should that fail, each request in its own."""
        # A request repeated while its first copy waits is put off to the next batch,
        # where it finds the first one's answer.
        first: dict[tuple[str, str], batch.Request] = {}
        again = []
        for request in requests:
            if first.setdefault(request.keyed.scoped_key, request) is not request:
                request.look = True
                again.append(request)
        self._do_once(list(first.values()))
        for request in again:
            self._do_once([request])

    def _do_once(self, requests: Sequence[batch.Request]) -> None:
        try:
            self._db.run(requests[0].context, lambda tx: batch.run(tx, requests))
        except Exception as error:  # noqa: BLE001 - it is raised to the request's caller
            if len(requests) == 1:
                requests[0].error = error
                return
            LOG.warning("a batch of %d requests is split up: %s", len(requests), error)
            for request in requests:
                self._do_once([request])

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
        given = key if isinstance(key, str) and key else None
        payload = {
            "method": method,
            "arguments": {name: args[name] for name in args if name != "idempotency_key"},
            "code": error.code,
            "message": error.message,
        }
        # What is reported once stays reported: by the caller's key, else by the message.
        known_by = requests.FAILED + (given or request_key or str(uuid.uuid4()))
        keyed = idempotency.Keyed(context.tenant, known_by[:255], str(method)[:64], "")

        def work(tx: Transaction) -> None:
            if idempotency.find(tx, [keyed]):
                return
            idempotency.store(tx, [(keyed, error.to_dict())])
            tx.emit(error_event(method), payload, tenant_id=context.tenant, priority="ERROR")

        self._db.run(context, work, request_key=given)

    def is_mutating(self, method: str) -> bool:
        """Tell whether a method exists and changes something."""
        found = METHODS.get(method)
        return found is not None and found.mutating


def error_event(method: str) -> str:
    """Return the event type of a failed cast: ``create_ip_block`` → ``ip_block.create.error``."""
    verb, _, noun = method.partition("_")
    return f"{noun}.{verb}.error"[:64] if noun else f"{verb}.error"[:64]
