"""Databases of their own for tests, on a server that they share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

# MariaDB's ER_NO_SUCH_THREAD: the client has left in the meantime.
_UNKNOWN_CLIENT = 1094


@contextmanager
def fresh_database(
    server_url: str, *, template: str | None = None, encoding: str | None = None
) -> Iterator[str]:
    """Give the URL of a new database; drop it afterwards, connections or not.

    It is empty, or on PostgreSQL a clone of the database ``template``, or has an
    ``encoding`` that is not the server's.

    ``server_url`` is that of any PostgreSQL or MariaDB database whose user may create others.
    """
    url = sa.make_url(server_url)
    name = f"ipamd_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        clone = f" TEMPLATE {template}" if template else ""
        if encoding:
            clone = f" TEMPLATE template0 LOCALE 'C' ENCODING '{encoding}'"
        connection.exec_driver_sql(f"CREATE DATABASE {name}{clone}")
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            if url.get_backend_name() == "postgresql":
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            else:
                _disconnect_clients(connection, name)
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")


def _disconnect_clients(connection: sa.Connection, database: str) -> None:
    # A transaction left open would make DROP DATABASE wait for its metadata locks.
    clients = sa.text("SELECT id FROM information_schema.processlist WHERE db = :database")
    for client in connection.scalars(clients, {"database": database}).all():
        try:
            connection.exec_driver_sql(f"KILL CONNECTION {client}")
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "args", ())[:1] != (_UNKNOWN_CLIENT,):
                raise
