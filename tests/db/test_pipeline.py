"""PostgreSQL's pipeline where something goes wrong: the connection, and what is run again."""

from __future__ import annotations

import threading
from typing import Any
from unittest import mock

import psycopg
import pytest
import sqlalchemy as sa

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db.database import Database, Transaction
from ipamd.db.drivers import Pipeline, Statement
from ipamd.db.writes import Write

CONTEXT = RequestContext(project_id="acme")
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def ask(tx: Transaction, sql: str = "SELECT 5", *values: Any) -> Any:
    """Ask for one value."""
    (done,) = tx.run([Statement(sql, values)])
    return done.rows[0][0]


def session(db: Database) -> Any:
    return db.run(CONTEXT, lambda tx: ask(tx, "SELECT pg_backend_pid()"))


def test_the_isolation_is_ours_whatever_the_servers_default(db: Database) -> None:
    with db.engine.begin() as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        connection.exec_driver_sql(
            f'ALTER DATABASE "{name}" SET default_transaction_isolation = "repeatable read"'
        )
    db.engine.dispose()
    found = db.run(CONTEXT, lambda tx: ask(tx, "SHOW transaction_isolation"))
    assert found == "read committed"


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_a_value_that_is_none_costs_no_connection(db: Database, text: str) -> None:
    before = session(db)
    attempts: list[int] = []

    def work(tx: Transaction) -> None:
        attempts.append(tx.attempt)
        ask(tx, "SELECT %s::text", text)

    with pytest.raises((sa.exc.DataError, UnicodeEncodeError)):
        db.run(CONTEXT, work)
    assert attempts == [1]
    assert session(db) == before


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_who_interrupts_is_obeyed(db: Database, interrupt: type[BaseException]) -> None:
    before = session(db)
    attempts: list[int] = []

    def work(tx: Transaction) -> None:
        attempts.append(tx.attempt)
        tx.put_off(Write("INSERT INTO scopes (name) VALUES (%s)", ["a"], table="scopes"))

    with (
        mock.patch.object(Pipeline, "_results", side_effect=interrupt),
        pytest.raises(interrupt),
    ):
        db.run(CONTEXT, work)
    assert attempts == [1]
    assert session(db) != before, "answers were on their way"


def test_prepared_statements_that_the_server_forgot_are_prepared_anew(db: Database) -> None:
    before = session(db)
    assert db.run(CONTEXT, ask) == 5
    db.run(CONTEXT, lambda tx: tx.execute(sa.text("DEALLOCATE ALL")))
    assert db.run(CONTEXT, ask) == 5
    assert session(db) == before


def test_copy_is_refused_and_does_not_hang(db: Database) -> None:
    db.conf.set_override("ip_allocation_retries", 1, group="ipam")
    with pytest.raises(errors.Unavailable):
        db.run(CONTEXT, lambda tx: ask(tx, "COPY (SELECT 1) TO STDOUT"))
    assert db.run(CONTEXT, ask) == 5


@pytest.mark.parametrize("when", ["before", "in the middle", "while it waits"])
def test_a_session_that_is_ended_costs_an_attempt_alone(db: Database, when: str) -> None:
    session(db)  # there is one in the pool
    attempts: list[int] = []
    enders: list[threading.Timer] = []
    row = Write("INSERT INTO scopes (name) VALUES (%s)", ["once"], table="scopes")

    def work(tx: Transaction) -> None:
        attempts.append(tx.attempt)
        tx.put_off(row)
        if tx.attempt == 1 and when == "while it waits":
            pid = ask(tx, "SELECT pg_backend_pid()")
            enders.append(threading.Timer(0.3, end, [db, pid]))
            enders[0].start()
            ask(tx, "SELECT pg_sleep(30)::text")
        elif tx.attempt == 1 and when == "in the middle":
            end(db, ask(tx, "SELECT pg_backend_pid()"))

    if when == "before":
        end(db, session(db))
    db.run(CONTEXT, work)
    for ender in enders:
        ender.join()
    assert attempts == ([1] if when == "before" else [1, 2])
    with db.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM scopes WHERE name = 'once'")
        assert found.scalar_one() == 1


def test_a_session_that_is_ended_before_a_rollback_costs_an_attempt_alone(db: Database) -> None:
    attempts: list[int] = []

    def work(tx: Transaction) -> None:
        attempts.append(tx.attempt)
        pid = ask(tx, "SELECT pg_backend_pid()")
        if tx.attempt == 1:
            end(db, pid)
        raise errors.NoMoreAddressesError

    with pytest.raises(errors.NoMoreAddressesError):
        db.run(CONTEXT, work)
    assert attempts == [1, 2]
    assert db.run(CONTEXT, ask) == 5


def end(db: Database, pid: int) -> None:
    """End a session of the server's, and wait until it is gone."""
    with psycopg.connect(db.engine.url.render_as_string(False).replace("+psycopg", "")) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
