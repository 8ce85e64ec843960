"""The manager: takes a request by its method's name, and does it exactly once.

Whatever it raises is an ``IpamError``; anything else is logged here and becomes one.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
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
from ipamd.rpc.dispatch import MAX_SHARING, Call, CannotShare
from ipamd.rpc.methods import METHODS, is_too_deep

LOG = logging.getLogger(__name__)
_KEY = "idempotency_key"


class Manager:
    """Runs the methods of the table on a store."""

    def __init__(
        self, db: Database, on_batch: Callable[[float], None] = lambda _size: None
    ) -> None:
        """Prepare; ``on_batch`` is told the size of each batch."""
        self._db = db
        self._on_batch = on_batch
        self._combiner = Combiner(self._do_batch, most=MAX_SHARING)

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
        call = Call(context, method, args, request_key)
        try:
            call = _admitted(call)
            if not METHODS[method].mutating:
                return self._read(call)
            keyed = _keyed(call)
            if method in self.sharing:
                try:
                    request = _shared(call, keyed)
                    self._combiner.do(request)
                    return self._answer(request)
                except batch.Alone:
                    LOG.debug("%s is done in a transaction of its own", method)
            return self._alone(call, keyed)
        except errors.IpamError:
            raise
        except Exception as error:
            raise _known(error, call) from error

    @property
    def sharing(self) -> Collection[str]:
        """The methods that are done together with others that wait."""
        return batch.READERS

    def call_together(self, calls: Sequence[Call]) -> list[Any]:
        """Do calls of ``sharing`` in one transaction; return their results.

        In the place of the result of one that failed stands its error, of one that has to
        be done by ``call_alone()`` ``CannotShare``.
        """
        results: list[Any] = [None] * len(calls)
        requests: dict[int, batch.Request] = {}
        for number, call in enumerate(calls):
            try:
                admitted = _admitted(call)
                requests[number] = _shared(admitted, _keyed(admitted))
            except Exception as error:  # noqa: BLE001 - it is the call's result
                results[number] = _known(error, call)
        if requests:
            self._combiner.do_all(list(requests.values()))
        for number, request in requests.items():
            try:
                results[number] = self._answer(request)
            except Exception as error:  # noqa: BLE001 - it is the call's result
                results[number] = _known(error, calls[number])
        return results

    def call_alone(self, call: Call) -> Any:
        """Do a call of ``sharing`` in a transaction of its own.

        Raises: IpamError
        """
        try:
            call = _admitted(call)
            return self._alone(call, _keyed(call))
        except errors.IpamError:
            raise
        except Exception as error:
            raise _known(error, call) from error

    def _read(self, call: Call) -> Any:
        method = METHODS[call.method]
        operation = method.operation
        if method.of_worker:
            return operation(self._db, **call.args)
        return self._db.run(call.context, lambda tx: operation(tx, **call.args), read_only=True)

    def _alone(self, call: Call, keyed: idempotency.Keyed) -> Any:
        context, given = call.context, call.args.get(_KEY)
        operation, args = METHODS[call.method].operation, _without_key(call.args)
        may_be_known = bool(given or call.request_key)
        is_stored = False

        def work(tx: Transaction) -> Any:
            nonlocal is_stored
            stored = _find(tx, keyed) if may_be_known or tx.attempt > 1 else None
            is_stored = stored is not None
            if stored is not None:
                return stored.answer_to(keyed)
            answer = operation(tx, **args)
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

    def _answer(self, request: batch.Request) -> Any:
        """Return the answer of a request that was done.

        Raises: what it failed of
        """
        error = request.error
        if error is None:
            return request.answer
        if request.stored or not request.may_be_known or not idempotency.is_final(error):
            raise error
        return self._settle(request.context, request.keyed, error)

    def _do_batch(self, requests: Sequence[batch.Request]) -> None:
        """Do what waits in one transaction; should that fail, each request in its own."""
        self._on_batch(len(requests))
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
        key = args.get(_KEY)
        given = key if idempotency.is_key(key) else None
        shown = {name: args[name] for name in args if name != _KEY}
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


def _admitted(call: Call) -> Call:
    """Look at a call, and return it confined to what its asker may see.

    Raises: UnknownMethod, BadRequest, ValidationError; what ``confine`` raises
    """
    method = METHODS.get(call.method)
    if method is None:
        raise errors.UnknownMethod(f"No such method: {call.method[:80]}")
    problem = text_problem(call.context.tenant)
    if problem:
        raise errors.BadRequest(f"The context's tenant {problem}")
    args = confine(call.context, call.method, call.args)
    method.check(_without_key(args) if method.mutating else args)
    return call if args is call.args else call._replace(args=args)


def _keyed(call: Call) -> idempotency.Keyed:
    """Say what a call is under its key.

    Raises: BadRequest
    """
    # A request without any key gets one, so that a commit whose outcome is unknown can be
    # told from one that failed when the transaction runs again.
    given = call.args.get(_KEY)
    key = given if given is not None else call.request_key or f"once-{uuid.uuid4()}"
    args, context = _without_key(call.args), call.context
    return idempotency.keyed(context.tenant, key, call.method, args, context.confined)


def _shared(call: Call, keyed: idempotency.Keyed) -> batch.Request:
    given = call.args.get(_KEY)
    return batch.READERS[call.method](
        call.args,
        context=call.context,
        keyed=keyed,
        given_key=given,
        may_be_known=bool(given or call.request_key),
    )


def _without_key(args: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in args.items() if name != _KEY}


def _known(error: Exception, call: Call) -> Exception:
    """Return what a caller is told; what is no error of ours is a bug, and logged."""
    if isinstance(error, errors.IpamError):
        return error
    if isinstance(error, batch.Alone):
        return CannotShare()
    LOG.error(
        "method %s failed (request id %s)", call.method, call.context.request_id, exc_info=error
    )
    return errors.IpamError()


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
