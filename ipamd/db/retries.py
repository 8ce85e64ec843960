"""Which database errors mean "the same transaction may work when it is run again"."""

from __future__ import annotations

import sqlalchemy as sa


class RunAgainError(Exception):
    """Raised inside a transaction to have the whole of it rolled back and run again."""


# Deadlock, serialisation failure, lock not available, prepared statement gone, admin shutdown,
# crash shutdown, cannot connect now.
POSTGRESQL_STATES = frozenset({"40P01", "40001", "55P03", "26000", "57P01", "57P02", "57P03"})
# Deadlock (and Galera's certification failure), lock wait timeout, Galera not ready, Galera
# without a majority at the commit, record changed since last read (MariaDB 11), connection
# lost or refused.
MARIADB_CODES = frozenset({1213, 1205, 1047, 1180, 1020, 1053, 1927, 2002, 2003, 2006, 2013, 2055})
# Of these: the server is not there, or about to go, or not yet back.
_AWAY_STATES = frozenset({"57P01", "57P02", "57P03"})
_AWAY_CODES = frozenset({1047, 1053, 1927, 2002, 2003, 2006, 2013, 2055})

_CAUSES: dict[str | int, str] = {
    "40P01": "deadlock", "40001": "serialization", "55P03": "lock_timeout",
    1213: "deadlock", 1020: "serialization", 1205: "lock_timeout",
}  # fmt: skip


def may_run_again(error: BaseException) -> bool:
    """Tell whether the transaction that raised ``error`` should be run again.

    A collision on a unique key is one: under the block's lock it can only mean that
    another writer was faster, which the next run sees.
    """
    if isinstance(error, RunAgainError | sa.exc.IntegrityError):
        return True
    if isinstance(error, sa.exc.TimeoutError):
        return False  # the pool is exhausted: more of the same does not help
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    state, code = _state(error), _code(error)
    if code is not None:
        return isinstance(error, sa.exc.OperationalError) and code in MARIADB_CODES
    if state is not None:
        return state in POSTGRESQL_STATES or state.startswith("08")
    if isinstance(error, sa.exc.OperationalError):
        return any(sign in str(error.orig) for sign in ("locked", "busy", "connection"))
    return False


def is_unreachable(error: BaseException) -> bool:
    """Tell whether ``error`` means that the database server is away, not that it is busy."""
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    state, code = _state(error), _code(error)
    if code is not None:
        return code in _AWAY_CODES
    if state is not None:
        return state in _AWAY_STATES or state.startswith("08")
    # psycopg has no state for a connection that it could not make.
    return isinstance(error, sa.exc.OperationalError) and "connection" in str(error.orig)


def cause_of(error: BaseException) -> str:
    """Name what stood in a transaction's way, for statistics."""
    if isinstance(error, sa.exc.IntegrityError):
        return "collision"
    if is_unreachable(error):
        return "lost_connection"
    if not isinstance(error, sa.exc.DBAPIError):
        return "other"
    found = _CAUSES.get(_state(error) or _code(error) or "")
    # SQLite has neither: it is "locked" or "busy".
    return found or ("lock_timeout" if "locked" in str(error.orig) else "other")


def _state(error: sa.exc.DBAPIError) -> str | None:
    """Return psycopg's SQLSTATE.  PyMySQL has one too, which says less than its number."""
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


def _code(error: sa.exc.DBAPIError) -> int | None:
    """Return MariaDB's number of an error."""
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return code if isinstance(code, int) else None
