"""``Database.run``: all or nothing, run again when that may help, never nested."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_config import cfg

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db import engine
from ipamd.db.database import Database, Transaction
from ipamd.db.fair import FairLock
from ipamd.db.models import Outbox, Scope, table_of
from tests.db.store import Store, together
from tests.services.waiting import wait_until

SCOPES, OUTBOX = table_of(Scope), table_of(Outbox)
CONTEXT = RequestContext(project_id="acme")
SERVERS = pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)


def add(tx: Transaction, name: str) -> None:
    tx.execute(sa.insert(SCOPES), {"name": name})


def lock(tx: Transaction, name: str) -> None:
    tx.execute(sa.update(SCOPES).where(SCOPES.c.name == name).values(name=name))


def names(db: Database) -> list[str]:
    with db.engine.connect() as connection:
        return sorted(connection.execute(sa.select(SCOPES.c.name)).scalars())


def test_state_and_events_are_committed_together(db: Database) -> None:
    told: list[str] = []
    db.on_events = lambda: told.extend(names(db))

    def work(tx: Transaction) -> str:
        add(tx, "a")
        tx.emit("ip_block.full", {"id": "a"}, tenant_id="acme")
        return "answer"

    assert db.run(CONTEXT, work) == "answer"
    assert names(db) == ["a"]
    with db.engine.connect() as connection:
        assert connection.execute(sa.select(OUTBOX.c.event_type)).scalars().all() == [
            "ip_block.full"
        ]
    assert told == ["a"], "the relay is woken after the commit"


def test_a_refused_request_leaves_nothing(db: Database) -> None:
    def work(tx: Transaction) -> None:
        add(tx, "a")
        tx.emit("ip_block.full", {"id": "a"})
        raise errors.NoMoreAddressesError()

    with pytest.raises(errors.NoMoreAddressesError):
        db.run(CONTEXT, work)
    assert names(db) == []
    with db.engine.connect() as connection:
        assert connection.execute(sa.select(OUTBOX)).all() == []


def test_a_transaction_inside_another_one_is_refused(db: Database) -> None:
    with pytest.raises(RuntimeError, match="inside another one"):
        db.run(CONTEXT, lambda _: db.run(CONTEXT, lambda tx: add(tx, "b")))
    assert names(db) == []
    db.run(CONTEXT, lambda tx: add(tx, "c"))
    assert names(db) == ["c"]


def test_threads_have_transactions_of_their_own(db: Database) -> None:
    def outer(tx: Transaction) -> int:
        (read,) = together(lambda: db.run(CONTEXT, lambda _: 1, read_only=True))
        add(tx, "a")
        return int(read)

    assert db.run(CONTEXT, outer) == 1


def test_a_deadlock_is_resolved_by_running_again(db: Database) -> None:
    """Two transactions lock the same two rows in opposite orders."""
    # On SQLite there is one writer at a time: the second one starts after the first.
    both_started = threading.Barrier(1 if db.dialect == "sqlite" else 2)
    # The victim may be quicker than the one that waits for its lock, and meet it once more.
    one_is_done = threading.Event()
    for name in "ab":
        db.run(CONTEXT, partial(add, name=name))
    attempts: list[int] = []

    def work(first: str, second: str) -> None:
        def locked(tx: Transaction) -> None:
            attempts.append(tx.attempt)
            if tx.attempt > 1:
                assert one_is_done.wait(20)
            lock(tx, first)
            if tx.attempt == 1:
                both_started.wait(10)
            lock(tx, second)
            add(tx, f"done {first}{second}")

        db.run(CONTEXT, locked)
        one_is_done.set()

    together(lambda: work("a", "b"), lambda: work("b", "a"))
    assert names(db) == ["a", "b", "done ab", "done ba"]
    assert max(attempts) == (1 if db.dialect == "sqlite" else 2)


@SERVERS
def test_a_connection_lost_in_the_middle_is_replaced(db: Database) -> None:
    attempts: list[int] = []

    def work(tx: Transaction) -> None:
        attempts.append(tx.attempt)
        add(tx, "a")
        if tx.attempt == 1:
            kill(db, session_of(tx), driver_of(tx))
        add(tx, "b")

    db.run(CONTEXT, work)
    assert attempts == [1, 2]
    assert names(db) == ["a", "b"]


@SERVERS
def test_a_connection_lost_while_idle_is_replaced_unnoticed(db: Database) -> None:
    sessions: list[int] = []
    drivers: list[Any] = []
    attempts: list[int] = []

    def work(tx: Transaction) -> None:
        sessions.append(session_of(tx))
        drivers.append(driver_of(tx))
        attempts.append(tx.attempt)

    db.run(CONTEXT, work)
    kill(db, sessions[0], drivers[0])
    db.run(CONTEXT, work)
    assert attempts == [1, 1]
    assert sessions[0] != sessions[1]


def session_of(tx: Transaction) -> int:
    """Return the server's number of a transaction's connection."""
    own = "pg_backend_pid()" if tx.dialect == "postgresql" else "connection_id()"
    return int(tx.execute(sa.text(f"SELECT {own}")).scalar_one())


def driver_of(tx: Transaction) -> Any:
    """Return the driver's connection that a transaction uses."""
    return tx.connection.connection.driver_connection


def kill(db: Database, session: int, driver: Any) -> None:
    """End the server's side of a connection, as an administrator would.

    The server does so in its own time; the connection is known to have ended when there is
    something to read on it.
    """
    end = "SELECT pg_terminate_backend({})" if db.dialect == "postgresql" else "KILL {}"
    administrator = sa.create_engine(db.engine.url, poolclass=sa.NullPool)
    with administrator.connect() as connection:
        connection.exec_driver_sql(end.format(session))
    wait_until(lambda: engine._has_input(driver))


def test_a_unique_collision_is_run_again(db: Database) -> None:
    """Another writer takes the name between the look and the insert."""
    attempts: list[int] = []

    def work(tx: Transaction) -> str:
        attempts.append(tx.attempt)
        taken = set(tx.execute(sa.select(SCOPES.c.name)).scalars())
        name = next(name for name in "abc" if name not in taken)
        if tx.attempt == 1:
            if db.dialect == "sqlite":
                add(tx, name)  # nobody else can write now
            else:
                with db.engine.begin() as other:
                    other.execute(sa.insert(SCOPES), {"name": name})
        add(tx, name)
        return name

    expected = "a" if db.dialect == "sqlite" else "b"
    assert db.run(CONTEXT, work) == expected
    assert attempts == [1, 2]


def test_what_never_works_ends_as_busy(db: Database, conf: cfg.ConfigOpts) -> None:
    conf.set_override("ip_allocation_retries", 3, group="ipam")
    attempts: list[int] = []

    def work(tx: Transaction) -> None:
        attempts.append(tx.attempt)
        add(tx, "a")
        add(tx, "a")

    with pytest.raises(errors.Busy) as caught:
        db.run(CONTEXT, work)
    assert attempts == [1, 2, 3]
    assert caught.value.retryable
    assert names(db) == []


def test_an_error_of_ours_is_not_run_again(db: Database) -> None:
    attempts: list[int] = []

    def work(tx: Transaction) -> None:
        attempts.append(tx.attempt)
        tx.execute(sa.text("SELECT nothing FROM nowhere"))

    with pytest.raises(sa.exc.DBAPIError):
        db.run(CONTEXT, work)
    assert attempts == [1]


def test_an_exhausted_pool_is_busy_after_its_timeout(
    empty_db: Database, conf: cfg.ConfigOpts
) -> None:
    conf.set_override("pool_size", 1, group="database")
    conf.set_override("pool_timeout", 1, group="database")
    small = Database(conf)
    try:
        with small.engine.connect():
            start = time.monotonic()
            with pytest.raises(errors.Busy, match="All database connections are in use"):
                small.run(CONTEXT, lambda _: None)
            assert time.monotonic() - start < 5
    finally:
        small.close()
    assert empty_db.engine is not small.engine


def test_many_threads_share_the_connections_that_are_open(
    empty_db: Database, conf: cfg.ConfigOpts
) -> None:
    conf.set_override("pool_size", 4, group="database")
    small = Database(conf)
    opened: list[object] = []
    sa.event.listen(small.engine, "connect", lambda connection, _: opened.append(connection))

    def read(_number: int) -> object:
        return small.run(CONTEXT, lambda tx: tx.execute(sa.text("SELECT 7")).scalar())

    try:
        with ThreadPoolExecutor(12) as threads:
            assert list(threads.map(read, range(600))) == [7] * 600
        assert 1 <= len(opened) <= 4
    finally:
        small.close()
    assert empty_db.engine is not small.engine


def test_a_read_only_transaction_does_not_wait_for_a_writer(db: Database) -> None:
    writing, reading = threading.Event(), threading.Event()

    def write(tx: Transaction) -> bool:
        add(tx, "a")
        writing.set()
        return reading.wait(10)

    def read() -> list[Any]:
        assert writing.wait(10)
        found = db.run(CONTEXT, lambda tx: tx.execute(sa.select(SCOPES)).all(), read_only=True)
        reading.set()
        return list(found)

    written, found = together(lambda: db.run(CONTEXT, write), read)
    assert written, "the reader was done while the writer was at it"
    assert found == []


def test_writers_get_their_turn_in_the_order_they_came() -> None:
    lock = FairLock()
    order: list[int] = []
    threads = []

    def take(number: int) -> None:
        with lock:
            order.append(number)

    with lock:
        for number in range(8):
            thread = threading.Thread(target=take, args=[number])
            thread.start()
            threads.append(thread)
            while len(lock._waiting) <= number:
                time.sleep(0.001)
    for thread in threads:
        thread.join(5)
    assert order == list(range(8))


def test_no_writer_starves(store: Store) -> None:
    """Greedy threads and a modest one: nobody waits much longer than one round takes."""
    block = store.block("10.0.0.0/16")["id"]
    stop = threading.Event()
    served = [0] * 6

    def greedy(number: int) -> None:
        while not stop.is_set():
            store.call("create_interface", interface={"tenant_id": "acme"})
            served[number] += 1

    def modest() -> float:
        worst = 0.0
        try:
            for _ in range(10):
                time.sleep(0.02)
                start = time.monotonic()
                store.allocate(block)
                worst = max(worst, time.monotonic() - start)
            # One of them may have begun a moment ago; its turn comes among all the others.
            wait_until(lambda: min(served) > 0)
        finally:
            stop.set()
        return worst

    *_, worst = together(*[lambda n=n: greedy(n) for n in range(6)], modest)
    assert worst < 5
