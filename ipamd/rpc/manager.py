"""The manager: takes a request by its method's name, and does it exactly once.

Whatever it raises is an ``IpamError``; anything else is logged here and becomes one.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db import idempotency
from ipamd.db.database import Database, Transaction
from ipamd.operations import batch, requests
from ipamd.operations.fields import text_problem
from ipamd.rpc.combiner import Combiner
from ipamd.rpc.confinement import confine
from ipamd.rpc.methods import METHODS, Method, is_too_deep

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
                raise errors.UnknownMethod(f"No such method: {method[:80]}")
            problem = text_problem(context.tenant)
            if problem:
                raise errors.BadRequest(f"The context's tenant {problem}")
            args = confine(context, method, args)
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
        keyed = idempotency.keyed(context.tenant, key, method.name, args, context.confined)
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
        may_be_known = bool(given or request_key)
        is_stored = False

        def work(tx: Transaction) -> Any:
            nonlocal is_stored
            stored = _find(tx, keyed) if may_be_known or tx.attempt > 1 else None
            is_stored = stored is not None
            if stored is not None:
                return stored.answer_to(keyed)
            answer = method.operation(tx, **args)
            idempotency.store(tx, [(keyed, answer)])
            return answer

        try:
            return self._db.run(context, work, request_key=given)
        except errors.IpamError as error:
            if is_stored or not may_be_known or not idempotency.is_final(error):
                raise
            return self._settle(context, keyed, error)

    def _settle(
        self, context: RequestContext, keyed: idempotency.Keyed, refusal: Exception
    ) -> Any:
        """Make ``refusal`` the answer under its key, unless there is one by now.

        A copy of the request, for whose locks it waited, may have been done, and be the
        very reason of the refusal.

        Raises: the refusal, or the copy's; Unavailable
        """

        def work(tx: Transaction) -> idempotency.Stored | None:
            stored = _find(tx, keyed)
            if stored is None:
                idempotency.store(tx, [(keyed, refusal)])
            return stored

        stored = self._db.run(context, work)
        if stored is None:
            raise refusal
        return stored.answer_to(keyed)

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
        error = request.error
        if error is None:
            return request.answer
        if request.stored or not request.may_be_known or not idempotency.is_final(error):
            raise error
        return self._settle(context, keyed, error)

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
            elif _is_everybodys(error):
                for request in requests:
                    request.error = type(error)(str(error))
            else:
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
        given = key if idempotency.is_key(key) else None
        shown = {name: args[name] for name in args if name != "idempotency_key"}
        payload = {
            "method": method,
            "arguments": None if is_too_deep(shown) else shown,
            "code": error.code,
            "message": error.message,
        }
        # What is reported once stays reported: by the caller's key, else by the message.
        known_by = requests.failure_key(given or request_key or str(uuid.uuid4()))
        tenant = context.tenant if text_problem(context.tenant) is None else ""
        keyed = idempotency.Keyed(tenant, known_by, method[:64] if method in METHODS else "", "")

        def work(tx: Transaction) -> None:
            if idempotency.find(tx, [keyed]):
                return
            idempotency.store(tx, [(keyed, error.to_dict())])
            tx.emit(error_event(method), payload, tenant_id=tenant, priority="ERROR")

        self._db.run(context, work, request_key=given)

    def is_mutating(self, method: str) -> bool:
        """Tell whether a method exists and changes something."""
        found = METHODS.get(method)
        return found is not None and found.mutating


def _find(tx: Transaction, keyed: idempotency.Keyed) -> idempotency.Stored | None:
    return idempotency.find(tx, [keyed]).get(keyed.scoped_key)


def _is_everybodys(error: Exception) -> bool:
    """Tell whether a batch failed of what each of its requests alone would fail of.

    One after the other they would wait for a database that does not answer, and whoever
    comes meanwhile behind them.  A collision on a key may be one request's own.
    """
    unavailable = isinstance(error, errors.Unavailable)
    return unavailable and not isinstance(error.__cause__, sa.exc.IntegrityError)


def error_event(method: str) -> str:
    """Return the event type of a failed cast: ``create_ip_block`` → ``ip_block.create.error``.

    A method that does not exist has no noun: ``request.cast.error``.
    """
    if method not in METHODS:
        return "request.cast.error"
    verb, _, noun = method.partition("_")
    return f"{noun}.{verb}.error"
