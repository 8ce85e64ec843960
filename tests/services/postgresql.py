"""A private PostgreSQL server."""

from __future__ import annotations

import signal
from collections.abc import Mapping

import psycopg

from tests.services.packages import program
from tests.services.process import Process
from tests.services.server import Server


class PostgreSQL(Server):
    """PostgreSQL on 127.0.0.1, superuser ``postgres``, no password.

    Commits survive ``kill``. ``durable``: they are also flushed to disk, as in production;
    off by default, for speed. ``settings`` go into the server's configuration.
    """

    name = "postgresql"
    packages = ("postgresql",)
    programs = ("initdb", "postgres")
    variable = "IPAMD_TEST_POSTGRESQL_URL"
    account = "postgres"
    stop_signal = signal.SIGINT  # "fast": transactions are rolled back, clients thrown out

    def __init__(
        self, *, durable: bool = False, settings: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self.settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "64MB",
            **({} if durable else {"fsync": "off", "full_page_writes": "off"}),
            **(settings or {}),
        }

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the database ``postgres``."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        """Create the cluster."""
        code = self.spawn(
            [
                program("initdb"),
                *("--pgdata", self.folder / "data"),
                *("--auth", "trust", "--username", "postgres"),
                *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
            ]
        ).wait(self.start_timeout)
        if code != 0:
            raise RuntimeError(f"initdb ended with {code}:\n{self.log.read_text()}")

    def launch(self) -> Process:
        """Start the postmaster in the foreground."""
        options = [f"--{name}={value}" for name, value in self.settings.items()]
        return self.spawn(
            [program("postgres"), "-D", self.folder / "data", f"--port={self.port}", *options]
        )

    def answers(self) -> bool:
        """Tell whether a client can log in."""
        try:
            psycopg.connect(
                f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres connect_timeout=2"
            ).close()
        except psycopg.OperationalError:
            return False
        return True
