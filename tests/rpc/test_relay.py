"""Events reach an oslo.messaging listener: all that was committed, in order, nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import oslo_messaging
import pytest
from oslo_config import cfg

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db import outbox, schema
from ipamd.db.database import Database, Transaction
from ipamd.rpc import transport
from ipamd.rpc.notifications import JournalOnly, make_sender
from ipamd.rpc.relay import Relay
from tests.rpc.support import make_conf
from tests.services import RabbitMQ
from tests.services.waiting import wait_until

CONTEXT = RequestContext(project_id="T1", overwrite=False)
GROUP = "oslo_messaging_notifications"


class Listener:
    """An unmodified notification endpoint, which keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any], str, str, dict[str, Any]]] = []

    def info(
        self, ctxt: dict[str, Any], publisher: str, event: str, payload: Any, _meta: Any
    ) -> None:
        self.heard.append(("info", ctxt, publisher, event, payload))

    def error(
        self, ctxt: dict[str, Any], publisher: str, event: str, payload: Any, _meta: Any
    ) -> None:
        self.heard.append(("error", ctxt, publisher, event, payload))

    @property
    def numbers(self) -> list[int]:
        """The numbers of the events, first hearings only, in their order."""
        return list({event[4]["event_id"]: event[4]["number"] for event in self.heard}.values())


@contextmanager
def listening(transport_url: str) -> Iterator[Listener]:
    conf = make_conf(transport_url)
    listener = Listener()
    server = oslo_messaging.get_notification_listener(
        transport.notification_transport(conf),
        [oslo_messaging.Target(topic="notifications")],
        [listener],
    )
    server.start()
    try:
        yield listener
    finally:
        server.stop()
        server.wait()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    conf = make_conf("", state_path=str(tmp_path))
    made = Database(conf)
    schema.upgrade(made)
    yield made
    made.close()


@contextmanager
def relaying(db: Database, conf: cfg.ConfigOpts) -> Iterator[Relay]:
    relay = Relay(db, conf)
    db.on_events = relay.wake
    relay.start()
    try:
        yield relay
    finally:
        relay.stop()


def emit(db: Database, *numbers: int, priority: str = "INFO") -> None:
    def work(tx: Transaction) -> None:
        for number in numbers:
            tx.emit("ip_block.update", {"number": number}, tenant_id="T1", priority=priority)

    db.run(CONTEXT, work)


def unsent(db: Database) -> int:
    return len(db.run(CONTEXT, lambda tx: outbox.claim(tx, 10_000), read_only=True))


def test_listener_hears_what_was_committed_in_order(db: Database, transport_url: str) -> None:
    with listening(transport_url) as listener, relaying(db, make_conf(transport_url)):
        emit(db, 1, 2, 3)
        with pytest.raises(errors.Conflict):
            db.run(CONTEXT, roll_back)
        for number in range(4, 60):
            emit(db, number)
        wait_until(lambda: len(listener.heard) == 59)
        wait_until(lambda: unsent(db) == 0)
    assert listener.numbers == list(range(1, 60))
    sequences = [event[4]["sequence"] for event in listener.heard]
    assert sequences == sorted(set(sequences))
    _, context, publisher, event_type, payload = listener.heard[0]
    assert publisher.startswith("ipamd.")
    assert event_type == "ip_block.update"
    assert context["project_id"] == payload["tenant_id"] == "T1"
    assert context["request_id"] == payload["request_id"] == CONTEXT.request_id
    assert set(payload) >= {"event_id", "occurred_at", "idempotency_key"}


def roll_back(tx: Transaction) -> None:
    tx.emit("ip_block.update", {"number": -1}, tenant_id="T1")
    raise errors.Conflict()


def test_error_events_have_their_priority(db: Database, transport_url: str) -> None:
    with listening(transport_url) as listener, relaying(db, make_conf(transport_url)):
        emit(db, 1, priority="ERROR")
        wait_until(lambda: len(listener.heard) == 1)
    assert listener.heard[0][0] == "error"


def test_event_is_sent_soon_after_its_commit(db: Database, transport_url: str) -> None:
    conf = make_conf(transport_url, relay__sweep_interval=30)
    with listening(transport_url) as listener, relaying(db, conf):
        emit(db, 0)
        wait_until(lambda: len(listener.heard) == 1)
        wait_until(lambda: unsent(db) == 0)
        started = time.monotonic()
        emit(db, 1)
        wait_until(lambda: len(listener.heard) == 2)
        assert time.monotonic() - started < 1


def test_events_wait_before_anyone_listens(db: Database, transport_url: str) -> None:
    with relaying(db, make_conf(transport_url)):
        emit(db, 1)
        wait_until(lambda: unsent(db) == 0)
    with listening(transport_url) as listener:
        wait_until(lambda: listener.numbers == [1])


def test_relay_takes_over_from_one_that_died(db: Database, transport_url: str) -> None:
    db.run(CONTEXT, lambda tx: outbox.acquire_lease(tx, "a relay that died", 2))
    emit(db, 1, 2)
    with (
        listening(transport_url) as listener,
        relaying(db, make_conf(transport_url, relay__sweep_interval=0.1)),
    ):
        time.sleep(1)
        assert listener.heard == []
        wait_until(lambda: listener.numbers == [1, 2])


def test_relay_that_stops_leaves_its_lease_at_once(db: Database, transport_url: str) -> None:
    conf = make_conf(transport_url, relay__lease_seconds=600)
    with listening(transport_url) as listener:
        with relaying(db, conf):
            emit(db, 1)
            wait_until(lambda: unsent(db) == 0)
        with relaying(db, conf):
            emit(db, 2)
            wait_until(lambda: listener.numbers == [1, 2])


def test_two_relays_send_each_event_once(db: Database, transport_url: str) -> None:
    conf = make_conf(transport_url, relay__sweep_interval=0.05)
    with listening(transport_url) as listener, relaying(db, conf), relaying(db, conf):
        writers = [
            threading.Thread(target=emit, args=(db, *range(n, n + 10))) for n in range(0, 100, 10)
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        wait_until(lambda: len(listener.heard) == 100)
        wait_until(lambda: unsent(db) == 0)
    assert len({event[4]["event_id"] for event in listener.heard}) == len(listener.heard)
    assert [event[4]["sequence"] for event in listener.heard] == list(range(1, 101))


@pytest.mark.services("rabbitmq")
@pytest.mark.slow
def test_events_wait_while_the_bus_is_away(db: Database) -> None:
    with RabbitMQ() as broker:
        query = "?amqp_durable_queues=True"
        conf = make_conf(broker.url + query)
        with relaying(db, conf):
            emit(db, 1)
            wait_until(lambda: unsent(db) == 0)
            broker.kill()
            for number in range(2, 12):
                emit(db, number)
            time.sleep(2)
            assert unsent(db) == 10
            broker.start()
            wait_until(lambda: unsent(db) == 0, timeout=60)
            with listening(broker.url + query) as listener:
                wait_until(lambda: listener.numbers == list(range(1, 12)))


def test_unreachable_bus_does_not_hold_up_stop(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    conf = make_conf("rabbit://127.0.0.1:1//")
    with relaying(db, conf):
        emit(db, 1)
        wait_until(lambda: "events wait" in caplog.text)
        started = time.monotonic()
    assert time.monotonic() - started < 5
    assert unsent(db) == 1


def test_without_a_bus_events_go_to_the_journal(db: Database) -> None:
    conf = make_conf("", relay__sweep_interval=0.05)
    assert isinstance(make_sender(conf), JournalOnly)
    with relaying(db, conf):
        emit(db, 1)
        wait_until(lambda: unsent(db) == 0)


def test_noop_driver_is_the_journal_too(transport_url: str) -> None:
    conf = make_conf(transport_url)
    conf.set_override("driver", ["noop"], group=GROUP)
    assert isinstance(make_sender(conf), JournalOnly)


def test_log_driver_needs_no_bus(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="oslo.messaging.notification")
    conf = make_conf("")
    conf.set_override("driver", ["log"], group=GROUP)
    with relaying(db, conf):
        emit(db, 1)
        wait_until(lambda: unsent(db) == 0)
    assert "ip_block.update" in caplog.text


def test_bus_driver_without_a_bus_is_a_configuration_error(db: Database) -> None:
    conf = make_conf("")
    conf.set_override("driver", ["messagingv2"], group=GROUP)
    with pytest.raises(cfg.ConfigFileValueError, match="needs a transport_url"):
        Relay(db, conf)


@pytest.mark.parametrize("action", [Relay.stop, Relay.wake])
def test_relay_that_never_started_can_be_stopped(
    db: Database, action: Callable[[Relay], None]
) -> None:
    action(Relay(db, make_conf("")))
