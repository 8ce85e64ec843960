"""What is run and killed: durable servers of its own, several workers, the facade."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ipamd import config
from ipamd.db import schema
from ipamd.db.database import Database
from tests.integration.programs import Facade, Program, write_config
from tests.services import MariaDB, PostgreSQL, Process, RabbitMQ
from tests.services.waiting import wait_until

WORKERS = 3
# Seconds after which broker and clients take a silent partner for dead.
HEARTBEAT = 4
# Days that released addresses rest: less than a long run takes, so that the reaper works too.
QUARANTINE_DAYS = 0.001
DURABLE = f"amqp_durable_queues=True&heartbeat_timeout_threshold={HEARTBEAT}&rabbit_interval_max=3"


class Worker(Program):
    """``ipamd-worker``, and how often it was started."""

    def __init__(
        self, folder: Path, settings: Mapping[str, Mapping[str, object]], name: str
    ) -> None:
        self._starts = 0
        self._settings = settings
        super().__init__("worker", folder, settings, name)

    def configure(self, group: str, option: str, value: object) -> None:
        """Change an option; it holds from the next start on."""
        changed = {**self._settings, group: {**self._settings.get(group, {}), option: value}}
        write_config(self.config, changed)

    def _start(self) -> Process:
        self._starts += 1
        with self.log.open("a") as log:
            log.write(f"--- start {self._starts} ---\n")
        return super()._start()

    def wait_ready(self) -> None:
        """Wait until it takes requests, however often it was killed before it did."""

        def is_ready() -> bool:
            if self.process.returncode is not None:
                raise AssertionError(f"{self.name} ended:\n{self.process.tail()}")
            return "takes requests" in self.text().rpartition(f"- start {self._starts} -")[2]

        wait_until(is_ready, timeout=60)


@dataclass
class Stack:
    """Everything of one run."""

    database: PostgreSQL | MariaDB
    broker: RabbitMQ
    transport_url: str
    db: Database
    workers: list[Worker]
    api: Facade

    def wait_ready(self) -> None:
        """Wait until all programs do their work."""
        for worker in self.workers:
            worker.wait_ready()
        self.api.wait_ready()


@contextmanager
def run_stack(
    folder: Path, database: PostgreSQL | MariaDB, broker: RabbitMQ, transport_url: str
) -> Iterator[Stack]:
    """Start the programs on servers that run already; kill them at the end."""
    conf = config.load([])
    conf.set_override("connection", database.url, group="database")
    db = Database(conf)
    schema.upgrade(db)
    settings: dict[str, dict[str, object]] = {
        "DEFAULT": {"transport_url": transport_url, "state_path": folder},
        "database": {"connection": database.url},
        "relay": {"sweep_interval": 0.3, "lease_seconds": 3},
        "worker": {"prefetch": 16, "reap_interval": 2},
        "api": {"rpc_timeout": 10},
        "ipam": {"keep_deallocated_ips_for_days": QUARANTINE_DAYS},
    }
    with ExitStack() as cleanup:
        cleanup.callback(db.close)
        workers = []
        for number in range(WORKERS):
            worker = Worker(folder, settings, f"worker-{number}")
            cleanup.callback(worker.kill)
            workers.append(worker)
        api = Facade("api", folder, settings)
        cleanup.callback(api.kill)
        stack = Stack(database, broker, transport_url, db, workers, api)
        stack.wait_ready()
        yield stack
