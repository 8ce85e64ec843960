"""Every command of the how-tos, on real servers."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from ipamd import config
from ipamd.context import RequestContext
from ipamd.db import check
from ipamd.db.models import Base
from ipamd.rpc.client import IpamClient
from ipamd.rpc.manager import Manager
from ipamd.rpc.transport import register_opts
from tests.docs.pages import DOCS, pages_with
from tests.docs.scripts import Script
from tests.integration.conftest import StartWorkers, database_at
from tests.melange.schema import MelangeDatabase, add_cloud
from tests.services.cluster import RabbitMQCluster
from tests.services.databases import fresh_database
from tests.services.migrated import MigratedDatabases
from tests.services.packages import find_program, install

HOW_TO = DOCS / "how_to"
POSTGRESQL = "postgresql://ipamd:secret@127.0.0.1"
MARIADB = "--host=127.0.0.1 --user=ipamd --password=secret"


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Script]:
    """Prepare the commands of a page of the how-tos."""

    def prepare(page: str, texts: dict[str, str], **env: str) -> Script:
        folder = tmp_path / "page"
        folder.mkdir()
        return Script(HOW_TO / page, folder, texts, env)

    return prepare


def plain(url: str) -> str:
    """Return a URL as PostgreSQL's own programs take it."""
    return url.replace("postgresql+psycopg://", "postgresql://")


@contextmanager
def dropped(server_url: str, database: str) -> Iterator[None]:
    """Drop a database that a page makes."""
    yield
    engine = sa.create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {database}")


def test_moving_from_melange(
    script: Callable[..., Script], postgresql_url: str, mariadb_url: str
) -> None:
    with fresh_database(postgresql_url) as store, fresh_database(mariadb_url) as melange:
        add_cloud(MelangeDatabase(melange))
        texts = {
            "postgresql+psycopg://ipamd:secret@127.0.0.1/ipamd": store,
            "mysql://melange:secret@127.0.0.1/melange": melange,
        }
        assert script("melange.md", texts).run() == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_nova_compute_needs(
    script: Callable[..., Script], database_url: str, transport_url: str
) -> None:
    texts = {
        "rabbit://guest:guest@127.0.0.1:5672/": transport_url,
        "postgresql+psycopg://ipamd:secret@127.0.0.1/ipamd": database_url,
    }

    def is_served() -> None:
        ipam = IpamClient(transport_url, tenant_id="acme", timeout=60)
        assert ipam.list_ip_blocks("acme")["ip_blocks"] == []
        ipam.close()

    assert script("nova_compute.md", texts).run(is_served) == []


@pytest.mark.slow
@pytest.mark.services("rabbitmq")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_cluster_of_rabbitmq(script: Callable[..., Script], upgraded: str) -> None:
    with RabbitMQCluster(3) as cluster:
        hosts = ",".join(f"ipamd:secret@mq{number}:5672" for number in (1, 2, 3))
        texts = {
            f"rabbit://{hosts}/": cluster.url,
            "postgresql+psycopg://ipamd:secret@127.0.0.1/ipamd": upgraded,
        }
        page = script("rabbitmq_cluster.md", texts)
        page.add_program("rabbitmqctl", cluster.nodes[0].control())

        def is_served() -> None:
            conf = config.load(["--config-file", str(page.config)])
            register_opts(conf)
            ipam = IpamClient(conf, tenant_id="acme", timeout=60)
            block = ipam.create_ip_block("acme", {"cidr": "10.0.0.0/24", "type": "private"})
            address = ipam.allocate_ip_address("acme", block["id"], {"interface_id": "vif"})
            assert address["address"] == "10.0.0.2"
            ipam.close()

        assert page.run(is_served) == []


def test_hardening(script: Callable[..., Script], tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.conf"
    secrets.touch(mode=0o644)
    texts = {
        "/etc/ipamd/ipamd.conf": str(secrets),
        "root:ipamd": f"{os.getuid()}:{os.getgid()}",
    }
    assert script("harden.md", texts).run() == []
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o640


def test_every_page_with_commands_is_run() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_how_tos*.py"))
    pages = [page.name for page in pages_with("sh") if page.parent == HOW_TO]
    assert pages
    assert [page for page in pages if f'"{page}"' not in tests] == []


# --- backup and restore -----------------------------------------------------------------


def fill(url: str) -> None:
    """Do something of every kind in a store."""
    db = database_at(url)

    def call(method: str, **args: object) -> object:
        return Manager(db).call(RequestContext(project_id="acme"), method, args)

    block = call(
        "create_ip_block",
        tenant_id="acme",
        ip_block={"cidr": "10.0.0.0/24", "type": "private", "network_id": "blue"},
    )
    assert isinstance(block, dict)
    call("create_mac_address_range", mac_address_range={"cidr": "02-16-3E-00-00-00/24"})
    for number in range(5):
        call(
            "allocate_network_ips",
            tenant_id="acme",
            network_id="blue",
            interface_id=f"vif-{number}",
            network={},
        )
    call("deallocate_ip_address", tenant_id="acme", ip_block_id=block["id"], address="10.0.0.3")
    db.close()


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of a store."""
    db = database_at(url)
    with db.engine.connect() as connection:
        found = {
            table.name: sorted(
                (tuple(row) for row in connection.execute(sa.select(table))), key=str
            )
            for table in Base.metadata.sorted_tables
        }
    db.close()
    return found


def test_backup_and_restore(
    script: Callable[..., Script],
    migrated_databases: MigratedDatabases,
    postgresql_url: str,
    mariadb_url: str,
    tmp_path: Path,
) -> None:
    if find_program("sqlite3") is None:
        install(["sqlite3"], "have it installed")
    with ExitStack() as stack:
        originals = {
            "postgresql": stack.enter_context(migrated_databases.postgresql(postgresql_url)),
            "mariadb": stack.enter_context(migrated_databases.mariadb(mariadb_url)),
            "sqlite": migrated_databases.sqlite(tmp_path),
        }
        for url in originals.values():
            fill(url)
        before = {kind: contents(url) for kind, url in originals.items()}
        pg, maria = (sa.make_url(originals[kind]) for kind in ("postgresql", "mariadb"))
        for url in (postgresql_url, mariadb_url):
            stack.enter_context(dropped(url, f"{pg.database}_restored"))
        server = f"--host=127.0.0.1 --port={maria.port} --user={maria.username}"
        restored = f"{pg.database}_restored"
        texts = {
            f"{POSTGRESQL}/ipamd": plain(originals["postgresql"]),
            f"{POSTGRESQL}/postgres": plain(postgresql_url),
            f"{POSTGRESQL}/restored": plain(str(pg.set(database=restored))),
            "postgresql+psycopg://ipamd:secret@127.0.0.1/restored": str(pg.set(database=restored)),
            "CREATE DATABASE restored": f"CREATE DATABASE {restored}",
            f"{MARIADB} ipamd": f"{server} {maria.database}",
            f"{MARIADB} restored": f"{server} {restored}",
            MARIADB: server,
            "/var/lib/ipamd": str(tmp_path),
        }
        assert script("backup.md", texts).run() == []
        after = {
            "postgresql": contents(str(pg.set(database=restored))),
            "mariadb": contents(str(maria.set(database=restored))),
            "sqlite": contents(originals["sqlite"]),
        }
        assert after == before


def test_sqlites_backup_is_whole_while_it_is_written_to(
    migrated_databases: MigratedDatabases, tmp_path: Path
) -> None:
    url = migrated_databases.sqlite(tmp_path)
    fill(url)
    stop = threading.Event()
    db = database_at(url)

    def allocate() -> None:
        manager, number = Manager(db), 0
        while not stop.is_set() and number < 200:
            number += 1
            manager.call(
                RequestContext(project_id="acme"),
                "allocate_network_ips",
                {"tenant_id": "acme", "network_id": "blue", "interface_id": f"w-{number}"},
            )

    writer = threading.Thread(target=allocate)
    writer.start()
    with (
        closing(sqlite3.connect(tmp_path / "ipamd.sqlite", timeout=30)) as source,
        closing(sqlite3.connect(tmp_path / "copy.sqlite")) as copy,
    ):
        source.backup(copy, pages=5)
    stop.set()
    writer.join()
    db.close()
    restored = database_at(f"sqlite:///{tmp_path}/copy.sqlite")
    assert check.check(restored) == []
    restored.close()


# --- upgrade ----------------------------------------------------------------------------


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_workers_are_replaced_while_requests_go_on(
    script: Callable[..., Script],
    start_workers: StartWorkers,
    upgraded: str,
    transport_url: str,
) -> None:
    (old,) = start_workers(1)
    ipam = IpamClient(transport_url, tenant_id="acme", timeout=60)
    block = ipam.create_ip_block("acme", {"cidr": "10.0.0.0/16", "type": "private"})
    stop = threading.Event()
    answers: list[list[str]] = [[] for _ in range(3)]

    def allocate(number: int) -> None:
        client = IpamClient(transport_url, tenant_id="acme", timeout=60)
        while not stop.is_set():
            found = client.allocate_ip_address("acme", block["id"], {"interface_id": "vif"})
            answers[number].append(found["address"])
        client.close()

    threads = [threading.Thread(target=allocate, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    prepared = script("upgrade.md", {}, OLD_WORKER=str(old.process.pid))
    prepared.config.write_text(old.config.read_text())
    try:
        # The new worker ends with the page: what follows needs one more.
        problems = prepared.run()
        ended = old.process.wait(40)
    finally:
        start_workers(1)
        counts = [len(mine) for mine in answers]
        stop.set()
        for thread in threads:
            thread.join()
    assert problems == []
    assert ended == 0
    assert all(counts)
    given = [address for mine in answers for address in mine]
    assert len(given) == len(set(given))
    db = database_at(upgraded)
    with db.engine.connect() as connection:
        held = connection.execute(sa.text("SELECT allocated FROM ip_blocks")).scalar_one()
    # Every request was answered, none was done without an answer.
    assert held == len(given)
    assert check.check(db) == []
    db.close()
    ipam.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_old_worker_goes_on_with_a_newer_schema_and_does_not_start_with_it(
    start_workers: StartWorkers, upgraded: str, transport_url: str
) -> None:
    (worker,) = start_workers(1)
    engine = sa.create_engine(upgraded, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in (
            "ALTER TABLE ip_blocks ADD COLUMN colour VARCHAR(16) DEFAULT 'blue' NOT NULL",
            "ALTER TABLE ip_addresses ADD COLUMN colour VARCHAR(16)",
            "CREATE TABLE colours (name VARCHAR(16) PRIMARY KEY)",
            "UPDATE alembic_version SET version_num = '9999'",
        ):
            connection.exec_driver_sql(statement)
    ipam = IpamClient(transport_url, tenant_id="acme", timeout=60)
    block = ipam.create_ip_block("acme", {"cidr": "10.0.0.0/24", "type": "private"})
    address = ipam.allocate_ip_address("acme", block["id"], {"interface_id": "vif"})
    ipam.deallocate_ip_address("acme", block["id"], address["address"])
    ipam.close()
    assert worker.stop() == 0
    worker.restart()
    assert worker.process.wait(40) == 1
    assert "revision 9999, which is newer than this version of ipamd" in worker.text()
