"""The servers that all tests of a run share, each started once, in the background."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.services import packages
from tests.services.chromium import Chromium
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.promtool import Promtool
from tests.services.rabbitmq import RabbitMQ
from tests.services.server import Server

KINDS: dict[str, type[Server]] = {kind.name: kind for kind in (MariaDB, PostgreSQL, RabbitMQ)}
SERVICES: Mapping[str, type[Server] | type[Chromium] | type[Promtool]] = {
    **KINDS,
    Chromium.name: Chromium,
    Promtool.name: Promtool,
}
"""All that can be installed, and left out: the servers, and programs that are none."""

_FACTORIES: dict[str, Callable[[], Server]] = {
    "mariadb": MariaDB,
    "postgresql": PostgreSQL,
    "rabbitmq": RabbitMQ,
}
MANAGEMENT_VARIABLE = "IPAMD_TEST_RABBITMQ_MANAGEMENT_URL"


def install(names: Collection[str], own: Collection[str], say: Callable[[str], None]) -> None:
    """Install what is missing for these servers, unless a variable names another.

    ``own`` are those of which tests start servers of their own, variable or not. ``say``
    is told what is about to be installed, which may take a minute.

    Raises: packages.MissingPackages.
    """
    kinds = [SERVICES[name] for name in sorted({*names, *own})]
    missing = [
        kind
        for kind in kinds
        if not kind.is_installed() and (kind.name in own or not os.environ.get(kind.variable))
    ]
    if missing:
        variables = " and ".join(kind.variable for kind in missing)
        wanted = [package for kind in missing for package in kind.packages]
        say(f"missing Debian packages: {' '.join(wanted)}")
        packages.install(
            wanted,
            f"have them installed, or name what is there already in {variables}, "
            "or leave these tests out with SERVICES=none",
        )


class Access(NamedTuple):
    """How to reach a server: its URL, and that of RabbitMQ's management API."""

    url: str
    management_url: str | None


class SharedServers:
    """Starts the servers and knows their URLs; ``running`` are another process's."""

    def __init__(self, running: dict[str, Access] | None = None) -> None:
        self._running = running or {}
        self._executor = ThreadPoolExecutor(len(KINDS), thread_name_prefix="start")
        self._starting: dict[str, Future[Server]] = {}

    def begin(self, name: str) -> None:
        """Start a server in the background, if it is neither running nor external."""
        if not (name in self._starting or name in self._running or self._external_url(name)):
            self._starting[name] = self._executor.submit(self._start, name)

    def url(self, name: str) -> str:
        """Return a server's URL once it answers.

        Raises: RuntimeError, with the end of its log, when it could not be started.
        """
        if name in self._running:
            return self._running[name].url
        return self._external_url(name) or self._server(name).url

    def access(self, name: str) -> Access:
        """Return what another process needs to use the server."""
        url = self.url(name)
        return Access(url, self.management_url(url) if name == "rabbitmq" else None)

    def management_url(self, url: str) -> str:
        """Return where the management API of the RabbitMQ server at ``url`` answers."""
        if "rabbitmq" in self._running:
            return str(self._running["rabbitmq"].management_url)
        if self._external_url("rabbitmq") is None:
            server = self._server("rabbitmq")
            assert isinstance(server, RabbitMQ)
            return server.management_url
        parts = urlsplit(url)
        credentials = parts.netloc.rpartition("@")[0]
        default = f"http://{credentials}@{parts.hostname}:15672"
        return os.environ.get(MANAGEMENT_VARIABLE) or default

    def close(self) -> None:
        """End all servers; one still starting is waited for."""
        for future in self._starting.values():
            if future.exception() is None:
                future.result().close()
        self._executor.shutdown()

    def _server(self, name: str) -> Server:
        self.begin(name)
        return self._starting[name].result()

    @staticmethod
    def _start(name: str) -> Server:
        return _FACTORIES[name]().__enter__()

    @staticmethod
    def _external_url(name: str) -> str | None:
        return os.environ.get(KINDS[name].variable) or None
