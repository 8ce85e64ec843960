"""pytest's side of the servers: option, selection, fixtures, summary.

A test needs a server when it uses one of its fixtures, directly or not, or is marked
``services(name, ...)``. ``--services=none`` (or a list of those to keep) deselects tests
that need others, and the summary counts them; no test is skipped on the quiet.

With ``-n`` the first process starts the servers, and its workers use them; what they left
out and left running is told in its summary.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ipamd import config
from ipamd.db import schema
from ipamd.db.database import Database
from tests.services import supervisor
from tests.services.chromium import Chromium
from tests.services.databases import fresh_database
from tests.services.migrated import MigratedDatabases
from tests.services.packages import MissingPackages
from tests.services.promtool import Promtool
from tests.services.shared import KINDS, SERVICES, Access, SharedServers, install
from tests.services.vhosts import fresh_vhost

_shared = pytest.StashKey[SharedServers]()
_left_out = pytest.StashKey[list[set[str]]]()
_left_running = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--services",
        default="all",
        metavar="NAMES",
        help="servers that tests may use: all, none, or some of " + ",".join(SERVICES),
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_left_out] = []
    config.stash[_left_running] = []
    running = getattr(config, "workerinput", {}).get("servers", {})
    config.stash[_shared] = SharedServers(
        {name: Access(*access) for name, access in running.items()}
    )
    _allowed(config)


def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    if getattr(config.option, "dist", "no") != "no" and not _is_worker(config):
        allowed = _allowed(config)
        _start(config, allowed, allowed)
        config.pluginmanager.register(_Workers(config), "ipamd-workers")


class _Workers:
    """What the first process of several does for the others."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_configure_node(self, node: Any) -> None:
        shared = self._config.stash[_shared]
        names = sorted(_allowed(self._config) & set(KINDS))
        node.workerinput["servers"] = {name: tuple(shared.access(name)) for name in names}

    def pytest_testnodedown(self, node: Any) -> None:
        told = getattr(node, "workeroutput", {})
        # Each worker has collected, and left out, the same tests.
        left_out = [set(needs) for needs in told.get("left_out", [])]
        self._config.stash[_left_out] = left_out or self._config.stash[_left_out]
        self._config.stash[_left_running] += told.get("left_running", [])


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _start(config: pytest.Config, used: set[str], own: set[str]) -> None:
    """Install what the tests need, and start the servers that they share."""
    try:
        install(used, own, config.get_terminal_writer().line)
    except MissingPackages as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    for name in sorted(used & set(KINDS)):
        config.stash[_shared].begin(name)


def _allowed(config: pytest.Config) -> set[str]:
    option: str = config.getoption("services")
    if option in ("all", "none"):
        return set(SERVICES) if option == "all" else set()
    names = set(option.split(","))
    if unknown := names - set(SERVICES):
        raise pytest.UsageError(f"--services: {', '.join(sorted(unknown))} is not a service")
    return names


def _own(item: pytest.Item) -> set[str]:
    """Name the services of which the test starts servers itself."""
    return {name for mark in item.iter_markers("services") for name in mark.args}


def _used(item: pytest.Item) -> set[str]:
    """Name the shared servers that the test uses, and the browser."""
    fixtures = set(getattr(item, "fixturenames", ()))
    callspec = getattr(item, "callspec", None)
    if callspec is not None and "database_url" in callspec.params:
        fixtures.add(f"{callspec.params['database_url']}_url")
    return {name for name in SERVICES if not fixtures.isdisjoint((f"{name}_url", name))}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    allowed = _allowed(config)
    left_out = {item: _own(item) | _used(item) for item in items}
    left_out = {item: needs for item, needs in left_out.items() if needs - allowed}
    if left_out:
        config.stash[_left_out] = list(left_out.values())
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish(session: pytest.Session) -> None:
    config = session.config
    if config.option.collectonly or _is_worker(config):
        return
    used = {name for item in session.items for name in _used(item)}
    own = {name for item in session.items for name in _own(item)}
    _start(config, used, own)


def _command_of(pid: int) -> str:
    """Return a process's command line, or its name where there is none.

    There is none for a moment while a program is put into its process.
    """
    until = time.monotonic() + 1
    while time.monotonic() < until:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        if command:
            return command.decode(errors="replace")
        time.sleep(0.01)
    return Path(f"/proc/{pid}/comm").read_text().strip()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    config.stash[_shared].close()
    for pid in supervisor.children_by_parent().get(os.getpid(), []):
        try:
            command = _command_of(pid)
            # A supervisor takes what it watches along, unless it is killed itself.
            supervised = supervisor.__file__ in command
            os.kill(pid, signal.SIGTERM if supervised else signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended by itself just now
        config.stash[_left_running].append(f"{pid} {command}")
    if _is_worker(config):
        output: dict[str, Any] = config.workeroutput  # type: ignore[attr-defined]
        output["left_out"] = [sorted(needs) for needs in config.stash[_left_out]]
        output["left_running"] = config.stash[_left_running]
    elif config.stash[_left_running]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if left_out := config.stash[_left_out]:
        counts = Counter(name for needs in left_out for name in needs)
        names = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        terminalreporter.write_line(
            f"--services={config.getoption('services')}: "
            f"tests left out for want of a server: {len(left_out)} ({names})",
            yellow=True,
        )
    for process in config.stash[_left_running]:
        terminalreporter.write_line(f"ERROR: left running by a test: {process}", red=True)


@pytest.fixture(scope="session")
def shared_servers(pytestconfig: pytest.Config) -> SharedServers:
    """The servers of this test run."""
    return pytestconfig.stash[_shared]


@pytest.fixture(scope="session")
def rabbitmq_url(shared_servers: SharedServers) -> str:
    """transport_url of the shared RabbitMQ server, whose queues all tests see."""
    return shared_servers.url("rabbitmq")


@pytest.fixture(scope="session")
def rabbitmq_management_url(rabbitmq_url: str, shared_servers: SharedServers) -> str:
    """URL, with credentials, of the shared RabbitMQ server's management API."""
    return shared_servers.management_url(rabbitmq_url)


@pytest.fixture(scope="session")
def postgresql_url(shared_servers: SharedServers) -> str:
    """SQLAlchemy URL of the shared PostgreSQL server, not for tables."""
    return shared_servers.url("postgresql")


@pytest.fixture(scope="session")
def mariadb_url(shared_servers: SharedServers) -> str:
    """SQLAlchemy URL of the shared MariaDB server, not for tables."""
    return shared_servers.url("mariadb")


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus's program that checks metrics and rules."""
    return Promtool.path()


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Path of the browser."""
    return Chromium.path()


@pytest.fixture
def transport_url(rabbitmq_url: str, rabbitmq_management_url: str) -> Iterator[str]:
    """transport_url of a virtual host that is this test's own."""
    with fresh_vhost(rabbitmq_url, rabbitmq_management_url) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MigratedDatabases]:
    """Databases with the schema, made once and used by many tests."""
    databases = MigratedDatabases(tmp_path_factory.mktemp("migrated"), _migrate)
    yield databases
    databases.close()


def _migrate(url: str) -> None:
    conf = config.load([])
    conf.set_override("connection", url, group="database")
    db = Database(conf)
    schema.upgrade(db)
    db.close()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """SQLAlchemy URL of a database that is this test's own; three times, one a kind.

    It is empty, or has the schema where the test uses one of the fixtures that promise it:
    ``db``, ``store``, ``upgraded``.
    """
    kind = request.param
    migrated: MigratedDatabases = request.getfixturevalue("migrated_databases")
    wants_schema = not {"db", "store", "upgraded"}.isdisjoint(request.fixturenames)
    if kind == "sqlite":
        yield migrated.sqlite(tmp_path) if wants_schema else f"sqlite:///{tmp_path}/ipamd.sqlite"
        return
    server_url = request.getfixturevalue(f"{kind}_url")
    with (
        getattr(migrated, kind)(server_url) if wants_schema else fresh_database(server_url) as url
    ):
        yield url
