"""Transactions: ``Database.run()`` is the only place that opens one.

One request is one transaction: its state, its events and its idempotency row commit
together or not at all.  Retries wrap the whole of it.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

import sqlalchemy as sa
import tenacity
from oslo_config import cfg

from ipamd import errors, events
from ipamd.context import RequestContext
from ipamd.db import outbox
from ipamd.db.drivers import Done, Driver, Statement, driver_of
from ipamd.db.engine import make_engine
from ipamd.db.fair import FairLock
from ipamd.db.retries import is_unreachable, may_run_again
from ipamd.db.writes import Write, compose
from ipamd.quotas import Kind, Quotas

LOG = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass
class Transaction:
    """What an operation works on: a connection in a transaction, and who asks.

    Writes that nobody waits for are put off: they reach the database before the next
    statement, or all together at the end.
    """

    connection: sa.Connection
    context: RequestContext
    conf: cfg.ConfigOpts
    attempt: int
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    request_key: str | None = None
    events: list[outbox.Event] = field(default_factory=list)
    journal_only: bool = False
    quotas: Quotas | None = None
    # What tenants with a quota may still take in this transaction.
    quota_left: dict[tuple[Kind, str], int] = field(default_factory=dict)
    _writes: list[Write] = field(default_factory=list)

    def execute(
        self,
        statement: sa.Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> sa.CursorResult[Any]:
        """Execute a Core statement; a list of parameters is one multi-row statement."""
        self.flush()
        return self.connection.execute(statement, parameters)

    def run(self, statements: Sequence[Statement]) -> list[Done]:
        """Execute statements in the driver's own spelling, in one round trip if it can.

        What was put off goes before them.
        """
        writes = self._composed()
        every: list[Statement] = [*writes, *statements]
        with self._driver_errors(every):
            return self._driver.run(every)[len(writes) :]

    def put_off(self, write: Write) -> None:
        """Have a write done before the next statement, or at the end."""
        self._writes.append(write)

    def flush(self) -> None:
        """Do now what was put off."""
        writes = self._composed()
        if writes:
            with self._driver_errors(writes):
                self._driver.run(writes)

    def finish(self) -> None:
        """Do what was put off, and commit if that takes no trip of its own."""
        writes = self._composed()
        if writes:
            with self._driver_errors(writes):
                self._driver.run_and_commit(writes)

    def _composed(self) -> Sequence[Write]:
        """Take what was put off.

        PostgreSQL gets the writes to different tables as one statement: each but the last
        in a WITH clause.  All of them see the store as it was before; foreign keys and
        the like are checked at its end.
        """
        writes, self._writes = self._writes, []
        return list(compose(writes)) if self.dialect == "postgresql" else writes

    @cached_property
    def _driver(self) -> Driver:
        return driver_of(self.connection)

    @contextmanager
    def _driver_errors(self, statements: Sequence[Statement]) -> Iterator[None]:
        """Raise the driver's errors as SQLAlchemy does, and notice a lost connection."""
        dialect = self.connection.dialect
        try:
            yield
        except dialect.loaded_dbapi.Error as error:
            lost = dialect.is_disconnect(error, self.connection.connection, None)
            if lost:
                self.connection.invalidate(error)
            raise sa.exc.DBAPIError.instance(
                "; ".join(statement.sql for statement in statements),
                None,
                error,
                dialect.loaded_dbapi.Error,
                connection_invalidated=lost,
                dialect=dialect,
            ) from error
        except (KeyboardInterrupt, SystemExit) as error:
            # As SQLAlchemy does.  A rollback would fail on a connection left in the middle,
            # and that failure would have the transaction run again.
            self.connection.invalidate(error)
            raise

    def emit(
        self,
        event_type: str,
        payload: Mapping[str, Any],
        *,
        tenant_id: str | None = None,
        address: int | None = None,
        priority: str = "INFO",
    ) -> None:
        """Add an event, to be stored at the end of the transaction.

        ``payload`` is the resource as in RPC results; ``address`` makes the event part
        of that address's history.

        Raises: KeyError for a type that ``ipamd.events`` does not list.
        """
        if not events.is_known(event_type):
            raise KeyError(event_type)
        self.events.append(
            outbox.Event(
                event_type,
                dict(payload),
                tenant_id,
                address,
                priority,
                self.context.request_id,
                self.request_key,
            )
        )

    @cached_property
    def moment(self) -> str:
        """``now`` as RPC results and events carry it."""
        return outbox.timestamp(self.now)

    @property
    def dialect(self) -> str:
        """The database's name as SQLAlchemy knows it."""
        return self.connection.dialect.name


class Database:
    """The store of one process: its engine, and the way to run a transaction."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.conf = conf
        self.engine = make_engine(conf)
        self.dialect = self.engine.dialect.name
        self.quotas = Quotas.from_conf(conf)
        self.on_events: Callable[[], None] = lambda: None
        self.on_retry: Callable[[BaseException], None] = lambda _error: None
        # Nobody is to be sent events: they are in the journal at once (SQLite, one writer).
        self.journal_only = False
        self._writer = FairLock() if self.dialect == "sqlite" else nullcontext()
        self._running = threading.local()

    def run(
        self,
        context: RequestContext,
        work: Callable[[Transaction], T],
        *,
        read_only: bool = False,
        request_key: str | None = None,
    ) -> T:
        """Run ``work`` in a transaction and commit; repeat the whole when that may help.

        Raises:
            IpamError: as ``work`` raised it; nothing is committed.
            Busy: the database refused too often.
            Unavailable: the database cannot be reached.
        """
        if getattr(self._running, "yes", False):
            raise RuntimeError("a transaction was opened inside another one")
        try:
            return self._repeatedly(
                lambda attempt: self._once(context, work, read_only, request_key, attempt)
            )
        except sa.exc.TimeoutError as error:
            raise errors.Busy("All database connections are in use") from error
        except Exception as error:
            if is_unreachable(error):
                raise errors.Unavailable("The database cannot be reached") from error
            if may_run_again(error):
                raise errors.Busy() from error
            raise

    def _repeatedly(self, once: Callable[[int], T]) -> T:
        """Run ``once`` with the number of the attempt, until it works or cannot."""
        try:
            return once(1)
        except Exception as error:
            if self.conf.ipam.ip_allocation_retries == 1 or not may_run_again(error):
                raise
            LOG.info("transaction runs again (attempt 2): %s", _reason(error))
            self.on_retry(error)
        # Only now: tenacity alone costs a tenth of a transaction's CPU time.
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.conf.ipam.ip_allocation_retries - 1),
            wait=tenacity.wait_random_exponential(multiplier=0.01, max=0.5),
            retry=tenacity.retry_if_exception(may_run_again),
            before_sleep=self._before_retry,
            reraise=True,
        )
        time.sleep(random.uniform(0, 0.005))  # noqa: S311 - two that met should part
        for attempt in retrying:
            with attempt:
                return once(attempt.retry_state.attempt_number + 1)
        raise AssertionError("tenacity returns or raises")

    def _once(
        self,
        context: RequestContext,
        work: Callable[[Transaction], T],
        read_only: bool,
        request_key: str | None,
        attempt: int,
    ) -> T:
        with (
            nullcontext() if read_only else self._writer,
            self._marked_running(),
            self.engine.connect() as plain,
        ):
            connection = plain.execution_options(ipamd_read_only=read_only)
            with connection.begin():
                tx = Transaction(
                    connection,
                    context,
                    self.conf,
                    attempt,
                    request_key=request_key,
                    journal_only=self.journal_only,
                    quotas=self.quotas,
                )
                result = work(tx)
                if tx.events:
                    outbox.store(tx, tx.events)
                tx.finish()
        if tx.events:
            self.on_events()
        return result

    def _before_retry(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        attempt = state.attempt_number + 2
        LOG.info("transaction runs again (attempt %d): %s", attempt, _reason(error))
        if error is not None:
            self.on_retry(error)

    @contextmanager
    def _marked_running(self) -> Iterator[None]:
        self._running.yes = True
        try:
            yield
        finally:
            self._running.yes = False

    def close(self) -> None:
        """Close the pool's connections."""
        self.engine.dispose()


def _reason(error: BaseException | None) -> str:
    """Return the driver's first line: SQLAlchemy adds the statement and all its values."""
    return str(getattr(error, "orig", None) or error).partition("\n")[0]
