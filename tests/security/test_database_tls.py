"""TLS to PostgreSQL and MariaDB, certificates checked: by the query of the connection's URL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ipamd import config, errors
from ipamd.db import schema
from ipamd.db.database import Database
from tests.db.store import Store
from tests.security.certificates import make_authority, make_certificate
from tests.services import MariaDB, PostgreSQL

HBA = "hostssl all all 127.0.0.1/32 trust\n"


class Encrypted:
    """A server with a certificate, and how ipamd is told of its authority."""

    def __init__(self, server: PostgreSQL | MariaDB, query: str, cipher: str, made: str) -> None:
        self.server = server
        self._query = query
        self.cipher = cipher
        self.made = made

    def url(self, authority: Path, host: str = "127.0.0.1") -> str:
        plain = self.server.url.replace("127.0.0.1", host)
        return f"{plain}?{self._query.format(authority)}"


def start_postgresql(authority: Path) -> Encrypted:
    server = PostgreSQL()
    certificate = make_certificate(server.folder, authority, server.user)
    (server.folder / "hba").write_text(HBA)
    server.settings |= {
        "ssl": "on",
        "ssl_cert_file": str(certificate),
        "ssl_key_file": str(certificate.with_suffix(".key")),
        "hba_file": str(server.folder / "hba"),
    }
    server.start()
    return Encrypted(
        server,
        "sslmode=verify-full&sslrootcert={}",
        "SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        "SELECT sessions FROM pg_stat_database WHERE datname = 'postgres'",
    )


def start_mariadb(authority: Path) -> Encrypted:
    server = MariaDB()
    certificate = make_certificate(server.folder, authority, server.user)
    server.settings |= {
        "ssl-cert": str(certificate),
        "ssl-key": str(certificate.with_suffix(".key")),
    }
    server.start()
    return Encrypted(
        server,
        "ssl_ca={}",
        "SELECT variable_value FROM information_schema.session_status "
        "WHERE variable_name = 'ssl_cipher'",
        "SELECT variable_value FROM information_schema.global_status "
        "WHERE variable_name = 'connections'",
    )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(
    params=[
        pytest.param(start_postgresql, marks=pytest.mark.services("postgresql"), id="postgresql"),
        pytest.param(start_mariadb, marks=pytest.mark.services("mariadb"), id="mariadb"),
    ]
)
def encrypted(request: pytest.FixtureRequest, authority: Path) -> Iterator[Encrypted]:
    running: Encrypted = request.param(authority)
    yield running
    running.server.close()


def database(url: str) -> Database:
    conf = config.load([])
    conf.set_override("connection", url, group="database")
    conf.set_override("pool_timeout", 3, group="database")
    return Database(conf)


@pytest.mark.slow
def test_the_database_is_spoken_to_in_tls_or_not_at_all(
    encrypted: Encrypted, authority: Path, tmp_path: Path
) -> None:
    db = database(encrypted.url(authority))
    schema.upgrade(db)
    store = Store(db)
    assert store.rows(encrypted.cipher)[0][0]
    block = store.block()["id"]
    before = int(store.rows(encrypted.made)[0][0])
    for _ in range(20):
        store.allocate(block)
    # What TLS sends by itself is not taken for a server that hangs up.
    assert int(store.rows(encrypted.made)[0][0]) - before <= 2
    db.close()

    other = make_authority(tmp_path, "other")
    # A certificate of another authority, or for another name.
    for url in (encrypted.url(other), encrypted.url(authority, "localhost")):
        wrong = database(url)
        with pytest.raises((errors.Unavailable, sa.exc.OperationalError)) as refused:
            Store(wrong).call("list_ip_blocks", tenant_id="t")
        assert "certificate" in str(refused.value.__cause__ or refused.value).lower()
        wrong.close()
