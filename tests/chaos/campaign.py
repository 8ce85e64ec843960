"""One run: clients work, things break, everything heals, and the books are checked."""

from __future__ import annotations

import ipaddress
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import amqp
import sqlalchemy as sa

from ipamd.db.check import check
from ipamd.db.models import Outbox, table_of
from tests.chaos.actors import NETWORK, Actor, Blocks, Clock
from tests.chaos.doors import TENANT, BareDoor, ClientDoor, Door, RestDoor
from tests.chaos.faults import Hand
from tests.chaos.ledger import Ledger
from tests.chaos.listener import Listener
from tests.chaos.replica import read
from tests.chaos.stack import Stack, Worker
from tests.chaos.verdict import Findings, judge
from tests.services.waiting import wait_until

# Of each door so many clients.
ACTORS = 8
# Seconds that clients wait for their last answers, and events may take, after all is healed.
PATIENCE = 90.0
_NARROW = "10.2.0.0/27"
_OUTBOX = table_of(Outbox)


@dataclass
class Result:
    """What a run has shown."""

    name: str
    seed: str
    seconds: float
    requests: int
    casts: int
    sent: int
    copies: int
    longest_wait: float
    faults: Counter[str]
    events: int
    repetitions: int
    findings: Findings
    off: list[str] = field(default_factory=list)
    left_in_queues: dict[str, int] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)
    longest: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.name}, SEED={self.seed}, {self.seconds:.0f} s",
                f"{self.requests} requests, {self.casts} of them casts",
                f"sent {self.sent} times, {self.copies} of them copies without need",
                f"{self.events} events, {self.repetitions} heard again",
                f"longest wait {self.longest_wait:.1f} s",
                *(f"{count} × {kind}" for kind, count in self.faults.items()),
                f"attempts without an answer: {dict(self.troubles)}",
                str(self.findings),
                f"off in the store = {len(self.off)}",
                *(f"  {text}" for text in self.off[:20]),
                f"left in queues: {self.left_in_queues}",
                *self.log,
                *self.longest,
            ]
        )


def run(name: str, stack: Stack, seed: str, seconds: float, hands: Sequence[Hand]) -> Result:
    """Let clients work for ``seconds`` while ``hands`` break things; check everything."""
    ledger, clock = Ledger(), Clock()
    with ExitStack() as cleanup:
        listener = Listener(stack.transport_url)
        cleanup.callback(listener.close)
        doors: list[Door] = [
            BareDoor(stack.transport_url, timeout=6),
            ClientDoor(stack.transport_url, timeout=12),
            RestDoor(stack.api.url, timeout=15),
        ]
        for door in doors:
            cleanup.callback(door.close)
        blocks = _make_blocks(doors[1])
        actors = [
            Actor(f"{door.name}-{number}", 16 * place + number, door, ledger, blocks, clock, seed)
            for place, door in enumerate(doors)
            for number in range(ACTORS)
        ]
        started = time.monotonic()
        for thread in (*actors, *hands):
            thread.start()
        while time.monotonic() - started < seconds and all(hand.is_alive() for hand in hands):
            time.sleep(0.2)
        for hand in hands:
            hand.finish()
        stack.wait_ready()
        clock.give_up_at = time.monotonic() + PATIENCE
        clock.finish.set()
        for actor in actors:
            actor.join()
        lasted = time.monotonic() - started
        for worker in stack.workers:
            _stop(worker)
        # One worker does what is left, and frees nothing more: the store stands still.
        calm = stack.workers[0]
        calm.configure("worker", "reap_interval", 100_000)
        calm.restart()
        journal = _wait_for_events(stack, listener, ledger)
        calm.wait_ready()
        _stop(calm)
        findings = judge(ledger, listener.heard, journal, read(stack.db.engine))
        findings.wrong += _logged_errors(stack)
        return Result(
            name,
            seed,
            lasted,
            len(ledger.requests),
            ledger.count(is_cast=True),
            ledger.sent,
            ledger.copies,
            ledger.longest_wait,
            sum((hand.count for hand in hands), Counter()),
            len(journal),
            listener.repetitions,
            findings,
            [str(finding) for finding in check(stack.db)],
            _queue_lengths(stack),
            [line for hand in hands for line in hand.log],
            ledger.troubles,
            [f"{asked.waited:.1f} s: {asked}" for asked in ledger.longest_waits(5)],
        )


def _stop(worker: Worker) -> None:
    status = worker.stop()
    assert status == 0, f"{worker.name} ended with {status}:\n{worker.process.tail()}"


def _make_blocks(door: Door) -> Blocks:
    def make(cidr: str, **more: str) -> str:
        block = {"cidr": cidr, "type": "private", **more}
        args = {"tenant_id": TENANT, "ip_block": block}
        return str(door.call("create_ip_block", args, f"make-{cidr}").result["id"])

    make("10.3.0.0/16", network_id=NETWORK)
    make("fd00:0:0:3::/64", network_id=NETWORK)
    hosts = [str(host) for host in ipaddress.ip_network(_NARROW).hosts()]
    return Blocks(make("10.1.0.0/16"), make(_NARROW), hosts[1:])


def _wait_for_events(stack: Stack, listener: Listener, ledger: Ledger) -> set[str]:
    """Wait until every cast has an event and the listener has heard all; return the journal.

    What does not come in time is missing, and the verdict tells of it.
    """
    casts = {asked.key for asked in ledger.requests if asked.is_cast}

    def is_quiet() -> bool:
        told = {event["idempotency_key"] for event in listener.heard}
        return casts <= told and _journal(stack) <= listener.event_ids()

    with suppress(TimeoutError):
        wait_until(is_quiet, timeout=PATIENCE)
    return _journal(stack)


def _logged_errors(stack: Stack) -> list[str]:
    """Return what the programs have logged as errors of their own: a fault is none."""
    return [
        f"{program.name} logged {line[:300]}"
        for program in (*stack.workers, stack.api)
        for line in program.text().splitlines()
        if " ERROR ipamd" in line or " CRITICAL " in line or line.startswith("Traceback")
    ]


def _queue_lengths(stack: Stack) -> dict[str, int]:
    """Count the requests that nobody has served, and those that were given up."""
    with amqp.Connection(f"127.0.0.1:{stack.broker.port}", connect_timeout=10) as connection:
        channel = connection.channel()
        return {
            name: channel.queue_declare(name, passive=True).message_count
            for name in ("ipam", "ipam.retry", "ipam.dead")
        }


def _journal(stack: Stack) -> set[str]:
    with stack.db.engine.connect() as connection:
        return set(connection.scalars(sa.select(_OUTBOX.c.event_id)))
