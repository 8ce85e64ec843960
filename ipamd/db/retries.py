"""Which database errors mean "the same transaction may work when it is run again"."""

from __future__ import annotations

import sqlalchemy as sa


class RunAgainError(Exception):
    """Raised inside a transaction to have the whole of it rolled back and run again."""


# Deadlock, serialisation failure, lock not available, admin shutdown, cannot connect now.
POSTGRESQL_STATES = frozenset({"40P01", "40001", "55P03", "57P01", "57P02", "57P03"})
# Deadlock (and Galera's certification failure), lock wait timeout, Galera not ready,
# record changed since last read (MariaDB 11), connection lost or refused.
MARIADB_CODES = frozenset({1213, 1205, 1047, 1020, 1053, 1927, 2002, 2003, 2006, 2013, 2055})


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
    original = error.orig
    state = getattr(original, "sqlstate", None)
    if state is not None:
        return state in POSTGRESQL_STATES or state.startswith("08")
    if isinstance(error, sa.exc.OperationalError):
        code = original.args[0] if original is not None and original.args else None
        if isinstance(code, int):
            return code in MARIADB_CODES
        text = str(original)
        return any(sign in text for sign in ("locked", "busy", "connection"))
    return False
