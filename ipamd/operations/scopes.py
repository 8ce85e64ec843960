"""Locks for rules that span several rows."""

from __future__ import annotations

import sqlalchemy as sa

from ipamd.db.database import Transaction
from ipamd.db.models import Scope, table_of

_SCOPES = table_of(Scope)


def of_block(kind: object, network_id: str | None) -> list[str]:
    """Name the scopes in which a new block's rules are checked."""
    names = ["public"] if kind == "public" else []
    if network_id is not None:
        names.append(f"network:{network_id}")
    return names


def lock(tx: Transaction, names: list[str]) -> None:
    """Lock the scopes ``names`` until the transaction ends, in alphabetical order.

    Two transactions that meet a new scope collide on its key; one of them runs again.
    On MariaDB the row is written anew: nodes of a Galera cluster know nothing of each
    other's locks, but of two that write the same row one is refused at its commit.
    SQLite has one writer, which is lock enough.
    """
    if tx.dialect == "sqlite":
        return
    for name in sorted(names):
        found = tx.execute(
            sa.select(_SCOPES.c.name).where(_SCOPES.c.name == name).with_for_update()
        ).first()
        if found is not None and tx.dialect in ("mysql", "mariadb"):
            tx.execute(sa.delete(_SCOPES).where(_SCOPES.c.name == name))
            found = None
        if found is None:
            tx.execute(sa.insert(_SCOPES), {"name": name})


def hold(tx: Transaction, name: str) -> None:
    """Lock a scope that comes and goes, and leave no row of it behind.

    Whoever inserts the same key waits until this transaction ends.
    """
    if tx.connection.dialect.name == "sqlite":
        return
    tx.execute(sa.insert(_SCOPES), {"name": name})
    tx.execute(sa.delete(_SCOPES).where(_SCOPES.c.name == name))
