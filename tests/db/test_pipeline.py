"""PostgreSQL's pipeline where something goes wrong: the connection, and what is run again."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
import sqlalchemy as sa

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
