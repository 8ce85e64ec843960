"""Servers and stores to measure on: durable, private, empty."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ipamd import config
from ipamd.context import RequestContext
from ipamd.db import check, schema
from ipamd.db.check.findings import JOURNAL
from ipamd.db.database import Database
from ipamd.db.models import IpAddress, table_of
from ipamd.rpc.manager import Manager
from tests.services.databases import fresh_database
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.rabbitmq import RabbitMQ
from tests.services.shared import install
from tests.services.vhosts import fresh_vhost

TENANT = "bench"
_ROWS = table_of(IpAddress)


@dataclass(frozen=True)
class Servers:
    """URLs of the servers; ``folder`` is for SQLite files and programs, on a real disk."""

    urls: dict[str, str]
    management_url: str
    folder: Path

    @contextmanager
    def database(self, kind: str) -> Iterator[str]:
        """Give the URL of an empty store with its schema."""
        with ExitStack() as stack:
            if kind == "sqlite":
                folder = stack.enter_context(tempfile.TemporaryDirectory(dir=self.folder))
                url = f"sqlite:///{folder}/ipamd.sqlite"
            else:
                url = stack.enter_context(fresh_database(self.urls[kind]))
            db = open_database(url)
            schema.upgrade(db)
            db.close()
            yield url

    @contextmanager
    def vhost(self) -> Iterator[str]:
        """Give the transport_url of an empty virtual host."""
        with fresh_vhost(self.urls["rabbitmq"], self.management_url) as url:
            yield url


@contextmanager
def own_servers(databases: tuple[str, ...], folder: Path) -> Iterator[Servers]:
    """Start what is measured on; PostgreSQL and MariaDB flush every commit to disk."""
    install((), {"rabbitmq", *databases} - {"sqlite"}, lambda text: print(text, flush=True))
    with ExitStack() as stack:
        broker = stack.enter_context(RabbitMQ())
        urls = {"rabbitmq": broker.url}
        if "postgresql" in databases:
            urls["postgresql"] = stack.enter_context(PostgreSQL(durable=True)).url
        if "mariadb" in databases:
            urls["mariadb"] = stack.enter_context(MariaDB(durable=True)).url
        yield Servers(urls, broker.management_url, folder)


def open_database(url: str, **options: Any) -> Database:
    """Open a store with default options but ``[database]`` ``options``."""
    conf = config.load([])
    conf.set_override("connection", url, group="database")
    for name, value in options.items():
        conf.set_override(name, value, group="database")
    return Database(conf)


class Store:
    """A manager on a store, as a worker has it."""

    def __init__(self, url: str, **options: Any) -> None:
        self.db = open_database(url, **options)
        self.manager = Manager(self.db)

    def call(self, method: str, **arguments: Any) -> Any:
        """Call a method as a message does: with a key of its own, and a context."""
        context = RequestContext(project_id=TENANT, overwrite=False)
        key = uuid.uuid4().hex
        return self.manager.call(context, method, arguments, request_key=key)

    def block(self, cidr: str, **values: Any) -> str:
        """Create a block and return its id."""
        body = {"cidr": cidr, "type": "private", **values}
        return str(self.call("create_ip_block", tenant_id=TENANT, ip_block=body)["id"])

    def allocate(self, block: str, interface: str) -> Any:
        """Allocate the next address of a block."""
        return self.call(
            "allocate_ip_address",
            tenant_id=TENANT,
            ip_block_id=block,
            ip_address={"interface_id": interface},
        )

    def close(self, *, journal: bool = True) -> None:
        """Check that all is well, and close.

        ``journal`` off: addresses were put there without events.

        Raises: RuntimeError when an address was given twice or an invariant is broken.
        """
        findings = [f for f in check.check(self.db) if journal or f.kind != JOURNAL]
        with self.db.engine.connect() as connection:
            twice = connection.execute(
                sa.select(_ROWS.c.ip_block_id, _ROWS.c.address)
                .group_by(_ROWS.c.ip_block_id, _ROWS.c.address)
                .having(sa.func.count() > 1)
                .limit(1)
            ).first()
        self.db.close()
        if findings or twice:
            raise RuntimeError(f"the store is not in order: {findings[:3]} {twice}")


@contextmanager
def opened(url: str, *, journal: bool = True, **options: Any) -> Iterator[Store]:
    """Open a store, and check it at the end."""
    store = Store(url, **options)
    try:
        yield store
    except BaseException:
        store.db.close()
        raise
    store.close(journal=journal)
