"""A private MariaDB server."""

from __future__ import annotations

from collections.abc import Mapping

import pymysql

from tests.services.packages import program
from tests.services.process import Process
from tests.services.server import Server


class MariaDB(Server):
    """MariaDB on 127.0.0.1, user ``root``, no password.

    Commits survive ``kill``. ``durable``: they are also flushed to disk, as in production;
    off by default, for speed. ``settings`` are further options of mariadbd.
    """

    name = "mariadb"
    packages = ("mariadb-server",)
    programs = ("mariadb-install-db", "mariadbd")
    variable = "IPAMD_TEST_MARIADB_URL"
    account = "mysql"

    def __init__(
        self, *, durable: bool = False, settings: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        fast = {
            "innodb-flush-log-at-trx-commit": "2",  # written at commit, flushed later
            "innodb-flush-method": "nosync",
            "innodb-doublewrite": "0",
        }
        self.settings = {
            "bind-address": "127.0.0.1",
            "character-set-server": "utf8mb4",
            "max-connections": "300",
            "innodb-buffer-pool-size": "128M",
            "innodb-log-file-size": "48M",
            **({} if durable else fast),
            **(settings or {}),
        }

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the database ``test``."""
        return f"mysql+pymysql://root@127.0.0.1:{self.port}/test"

    def prepare(self) -> None:
        """Create the system tables and the database ``test``."""
        code = self.spawn(
            [
                program("mariadb-install-db"),
                "--no-defaults",
                f"--datadir={self.folder / 'data'}",
                "--auth-root-authentication-method=normal",
                "--skip-name-resolve",
                *(f"--{name}={value}" for name, value in self.settings.items()),
            ]
        ).wait(self.start_timeout)
        if code != 0:
            raise RuntimeError(f"mariadb-install-db ended with {code}:\n{self.log.read_text()}")

    def launch(self) -> Process:
        """Start mariadbd in the foreground."""
        return self.spawn(
            [
                program("mariadbd"),
                "--no-defaults",
                f"--datadir={self.folder / 'data'}",
                f"--port={self.port}",
                f"--socket={self.folder / 'socket'}",
                f"--pid-file={self.folder / 'pid'}",
                "--skip-name-resolve",
                *(f"--{name}={value}" for name, value in self.launch_settings().items()),
            ]
        )

    def launch_settings(self) -> dict[str, str]:
        """Return the options of mariadbd as it is to start now."""
        return self.settings

    def answers(self) -> bool:
        """Tell whether a client can log in."""
        try:
            pymysql.connect(
                host="127.0.0.1", port=self.port, user="root", connect_timeout=2, read_timeout=2
            ).close()
        except pymysql.err.OperationalError:
            return False
        return True
