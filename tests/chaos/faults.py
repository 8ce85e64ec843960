"""What goes wrong, and when: two hands that each break one thing after the other.

Which fault comes when follows from the seed; each hand draws its faults from a deck, so
that every kind has happened before one happens again.  A hand heals what it broke before
it goes on, so after both have ended everything runs again.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import sqlalchemy as sa

from tests.chaos.stack import HEARTBEAT, Stack, Worker
from tests.services import PostgreSQL

Fault = Callable[[random.Random], None]

_BACKENDS = sa.text("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")


class Hand(threading.Thread):
    """Breaks things until told to stop; ``count`` says what, and ``log`` when."""

    def __init__(
        self, name: str, seed: str, faults: Mapping[str, Fault], pauses: tuple[float, float]
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.count: Counter[str] = Counter()
        self.log: list[str] = []
        self.error: BaseException | None = None
        self._random = random.Random(f"{seed}-{name}")
        self._faults = faults
        self._pauses = pauses
        self._stopping = threading.Event()

    def run(self) -> None:
        """Break one thing after the other."""
        try:
            deck = self._deck()
            while not self._stopping.wait(self._random.uniform(*self._pauses)):
                kind = next(deck)
                began = time.strftime("%H:%M:%S")
                self._faults[kind](self._random)
                self.log.append(f"{began} to {time.strftime('%H:%M:%S')} {kind}")
                self.count[kind] += 1
        except BaseException as error:  # noqa: BLE001 - raised again by finish()
            self.error = error

    def _deck(self) -> Iterator[str]:
        while True:
            kinds = list(self._faults)
            self._random.shuffle(kinds)
            yield from kinds

    def finish(self) -> None:
        """Let it heal what it broke last, and wait for it.

        Raises: what went wrong in breaking things, such as a worker that ended by itself.
        """
        self._stopping.set()
        self.join()
        if self.error is not None:
            raise self.error


class ProgramFaults:
    """Faults of workers and facade."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def faults(self) -> dict[str, Fault]:
        """Return the faults by the names under which they are counted."""
        return {
            "kill -9 of a worker": self.kill_worker,
            "kill -9 of two workers at once": self.kill_two_workers,
            "SIGTERM of a worker": self.stop_worker,
            "SIGSTOP of a worker": self.pause_worker,
            "kill -9 of the API": self.kill_api,
        }

    def _check(self, worker: Worker) -> Worker:
        if worker.process.returncode is not None:
            raise AssertionError(f"{worker.name} ended by itself:\n{worker.process.tail()}")
        return worker

    def kill_worker(self, source: random.Random) -> None:
        """Kill a worker, and start it again soon."""
        worker = self._check(source.choice(self._stack.workers))
        worker.kill()
        time.sleep(source.uniform(0, 1))
        worker.restart()

    def kill_two_workers(self, source: random.Random) -> None:
        """Kill two workers, and start them again soon."""
        workers = [self._check(worker) for worker in source.sample(self._stack.workers, 2)]
        for worker in workers:
            worker.kill()
        time.sleep(source.uniform(0, 1))
        for worker in workers:
            worker.restart()

    def stop_worker(self, source: random.Random) -> None:
        """Stop a worker as an operator does; it has to end with status 0."""
        worker = self._check(source.choice(self._stack.workers))
        worker.wait_ready()  # it cannot heed SIGTERM before it has set itself up
        status = worker.stop()
        if status != 0:
            raise AssertionError(f"{worker.name} ended with {status}:\n{worker.process.tail()}")
        worker.restart()

    def pause_worker(self, source: random.Random) -> None:
        """Freeze a worker until the broker has given its requests to others."""
        worker = self._check(source.choice(self._stack.workers))
        worker.process.pause()
        time.sleep(source.uniform(0.5, 3 * HEARTBEAT))
        worker.process.resume()

    def kill_api(self, source: random.Random) -> None:
        """Kill the facade with all its processes, and start it again soon."""
        self._stack.api.kill()
        time.sleep(source.uniform(0, 1))
        self._stack.api.restart()


class ServerFaults:
    """Faults of the database server and the broker."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def faults(self) -> dict[str, Fault]:
        """Return the faults by the names under which they are counted."""
        return {
            "kill -9 of the database server": self.kill_database,
            "restart of RabbitMQ": self.restart_broker,
            "kill -9 of one database process": self.kill_database_process,
            "kill -9 of RabbitMQ": self.kill_broker,
        }

    def kill_database(self, source: random.Random) -> None:
        """Kill all processes of the database server, and start it again."""
        self._stack.database.kill()
        time.sleep(source.uniform(0, 2))
        self._stack.database.start()

    def kill_database_process(self, source: random.Random) -> None:
        """Kill the process of one session; MariaDB has none, its one process is killed."""
        database = self._stack.database
        if not isinstance(database, PostgreSQL):
            database.kill()
            database.start()
            return
        engine = sa.create_engine(database.url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            pids = [pid for pid in connection.scalars(_BACKENDS) if pid != own]
        if pids:
            os.kill(source.choice(pids), signal.SIGKILL)

    def restart_broker(self, source: random.Random) -> None:
        """Restart RabbitMQ in order."""
        self._stack.broker.stop()
        time.sleep(source.uniform(0, 1))
        self._stack.broker.start()

    def kill_broker(self, source: random.Random) -> None:
        """Kill RabbitMQ, and start it again."""
        self._stack.broker.kill()
        time.sleep(source.uniform(0, 1))
        self._stack.broker.start()
