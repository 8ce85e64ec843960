"""Events reach an oslo.messaging listener: all that was committed, in order, nothing else."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import oslo_messaging
import pytest
from oslo_config import cfg

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db import outbox, schema
from ipamd.db.database import Database, Transaction
from ipamd.rpc import transport
from ipamd.rpc.notifications import BusSender, JournalOnly, make_sender
from ipamd.rpc.publisher import Publication, Publisher
from ipamd.rpc.relay import Relay
from tests.rpc.cutting import cutting_proxy
from tests.rpc.support import make_conf, raw_channel
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
    # One thread: of several, each has a message, and any may be the first to keep its own.
    transport.register_opts(conf)
    conf.set_override("executor_thread_pool_size", 1)
    bus = transport.notification_transport(conf)
    listener = Listener()
    server = oslo_messaging.get_notification_listener(
        bus,
        [oslo_messaging.Target(topic="notifications")],
        [listener],
    )
    server.start()
    try:
        yield listener
    finally:
        server.stop()
        server.wait()
        bus.cleanup()  # else its heartbeats go on when the virtual host is gone


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


def test_an_event_larger_than_a_message_may_be_holds_up_no_other(
    db: Database, transport_url: str
) -> None:
    """RabbitMQ 4 refuses messages of more than 16 MiB; this one is compressed."""
    large = {"number": 1, "text": 'a "quoted" line\n' * 1_000_000}
    with listening(transport_url) as listener, relaying(db, make_conf(transport_url)):
        db.run(CONTEXT, lambda tx: tx.emit("ip_block.update", large, tenant_id="T1"))
        emit(db, 2)
        wait_until(lambda: len(listener.heard) == 2)
    assert listener.numbers == [1, 2]
    assert listener.heard[0][4]["text"] == large["text"]


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
        assert time.monotonic() - started < 10  # not with the next sweep


def test_events_wait_before_anyone_listens(db: Database, transport_url: str) -> None:
    with relaying(db, make_conf(transport_url)):
        emit(db, 1)
        wait_until(lambda: unsent(db) == 0)
    with listening(transport_url) as listener:
        wait_until(lambda: listener.numbers == [1])


def test_relay_takes_over_from_one_that_died(db: Database, transport_url: str) -> None:
    started = time.monotonic()
    db.run(CONTEXT, lambda tx: outbox.acquire_lease(tx, "a relay that died", 2))
    emit(db, 1, 2)
    with (
        listening(transport_url) as listener,
        relaying(db, make_conf(transport_url, relay__sweep_interval=0.1)),
    ):
        wait_until(lambda: listener.heard)
        assert time.monotonic() - started >= 2
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
            broker.flush()
            broker.kill()
            for number in range(2, 12):
                emit(db, number)
            time.sleep(2)
            assert unsent(db) == 10
            broker.start()
            wait_until(lambda: unsent(db) == 0, timeout=60)
            with listening(broker.url + query) as listener:
                wait_until(lambda: listener.numbers == list(range(1, 12)))


def hundreds(db: Database, first: int, count: int) -> None:
    for number in range(first, first + count, 50):
        emit(db, *range(number, number + 50))


@pytest.mark.parametrize("cut_after", [3_000, 60_000, 150_000])
def test_a_connection_that_breaks_in_a_batch_loses_nothing_and_keeps_the_order(
    db: Database, transport_url: str, cut_after: int
) -> None:
    """Some of the batch is with the broker, some in between, some not yet sent."""
    place = urlsplit(transport_url)
    assert place.hostname
    assert place.port
    with listening(transport_url) as listener, cutting_proxy(place.hostname, place.port) as proxy:
        conf = make_conf(transport_url.replace(f":{place.port}/", f":{proxy.port}/"))
        with relaying(db, conf):
            emit(db, 0)
            wait_until(lambda: unsent(db) == 0)
            proxy.cut_after(cut_after)
            hundreds(db, 1, 400)
            wait_until(lambda: proxy.cuts == 1 and unsent(db) == 0, timeout=60)
        wait_until(lambda: len(set(listener.numbers)) == 401)
    # First hearings, in their order: what was heard twice is known by its event_id.
    assert listener.numbers == list(range(401))


@pytest.mark.parametrize("quorum", [False, True], ids=["classic", "quorum"])
def test_a_batch_is_under_way_as_a_whole(db: Database, transport_url: str, quorum: bool) -> None:
    """No event waits for the one before it; on a quorum queue each does, for the order."""
    hundreds(db, 0, 200)
    if quorum:
        transport_url += "?rabbit_quorum_queue=True"
    conf = make_conf(transport_url)
    sender = make_sender(conf)
    assert isinstance(sender, BusSender)
    open_at_once: list[int] = []
    with listening(transport_url) as listener:
        relay = Relay(db, conf, sender)
        db.on_events = relay.wake
        publish = Publisher.publish

        def watched(self: Publisher, publication: Publication) -> None:
            publish(self, publication)
            open_at_once.append(len(self._unconfirmed))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Publisher, "publish", watched)
            relay.start()
            try:
                wait_until(lambda: unsent(db) == 0)
            finally:
                relay.stop()
        wait_until(lambda: len(listener.heard) == 200)
    assert listener.numbers == list(range(200))
    assert max(open_at_once) == 1 if quorum else max(open_at_once) > 50


def test_a_queue_that_was_deleted_is_made_again(db: Database, transport_url: str) -> None:
    with relaying(db, make_conf(transport_url)):
        emit(db, 1)
        wait_until(lambda: unsent(db) == 0)
        with raw_channel(transport_url) as channel:
            assert channel.queue_delete("notifications.info") == 1
        emit(db, 2, 3)
        wait_until(lambda: unsent(db) == 0)
    with listening(transport_url) as listener:
        wait_until(lambda: listener.numbers == [2, 3])


def test_where_messages_are_refused_order_is_kept_one_by_one(
    db: Database, transport_url: str
) -> None:
    """A full queue with ``reject-publish``; as the option's text tells, one is in flight."""
    # Of the same name, so that the relay cannot tell it from its own.
    arguments = {"x-max-length": 5, "x-overflow": "reject-publish"}
    with raw_channel(transport_url) as channel:
        channel.exchange_declare("ipamd", "topic", durable=False, auto_delete=False)
        channel.queue_declare("full", auto_delete=False, arguments=arguments)
        # What is published there comes into a queue that refuses the sixth.
        channel.queue_bind("full", "ipamd", "notifications.info")
        conf = make_conf(transport_url, relay__in_flight=1, relay__sweep_interval=0.1)
        heard: list[int] = []
        with relaying(db, conf):
            emit(db, *range(20))
            wait_until(lambda: unsent(db) == 15)
            while len(heard) < 20:
                message = channel.basic_get("full", no_ack=True)
                if message is None:
                    time.sleep(0.01)
                    continue
                number = json.loads(json.loads(message.body)["oslo.message"])["payload"]["number"]
                if number not in heard:
                    heard.append(number)
            wait_until(lambda: unsent(db) == 0)
    assert heard == list(range(20))


def test_a_bus_that_confirms_nothing_does_not_outlast_the_lease(
    db: Database, transport_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    conf = make_conf(transport_url, relay__lease_seconds=1)
    sender = make_sender(conf)
    emit(db, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Publisher, "_flush", lambda _self: None)
        relay = Relay(db, conf, sender)
        relay.start()
        try:
            wait_until(lambda: "not confirmed in time" in caplog.text)
        finally:
            relay.stop()
    assert unsent(db) == 1


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
