"""Which of the databases' errors a transaction is run again for."""

from __future__ import annotations

import pymysql
import pytest
import sqlalchemy as sa

from ipamd.db.retries import is_unreachable, may_run_again


def of_mariadb(number: int, state: str) -> sa.exc.DBAPIError:
    """Make an error as PyMySQL raises it: with a SQLSTATE, which says less."""
    orig = pymysql.err.OperationalError(number, "…")
    orig.sqlstate = state
    return sa.exc.OperationalError("COMMIT", None, orig)


@pytest.mark.parametrize(
    ("number", "state", "again", "away"),
    [
        (1213, "40001", True, False),  # deadlock, certification failure
        (1205, "HY000", True, False),  # lock wait timeout
        (1180, "HY000", True, False),  # no majority at the commit
        (1020, "HY000", True, False),  # the record has changed
        (1047, "08S01", True, True),  # Galera is not ready
        (2013, "HY000", True, True),  # the connection was lost
        (1044, "42000", False, False),  # access denied
    ],
)
def test_mariadbs_numbers_tell(number: int, state: str, again: bool, away: bool) -> None:
    error = of_mariadb(number, state)
    assert (may_run_again(error), is_unreachable(error)) == (again, away)
