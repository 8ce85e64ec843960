"""Real RabbitMQ accounts with the documented permissions: enough for the work, and no more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import amqp
import oslo_messaging
import pytest

from ipamd.context import RequestContext
from ipamd.db.database import Database
from ipamd.rpc import transport
from ipamd.rpc.caller import RpcCaller
from ipamd.rpc.client import IpamClient
from ipamd.rpc.intake import Intake
from ipamd.rpc.manager import Manager
from ipamd.rpc.relay import Relay
from tests.db.conftest import conf as db_conf
from tests.db.conftest import db, empty_db
from tests.rpc.support import make_conf, plain_client, raw_channel
from tests.security.accounts import accounts
from tests.services.waiting import wait_until

__all__ = ["db", "db_conf", "empty_db"]

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CLIENTS = ["ipamd-api", "nova-compute"]
BODY = {"cidr": "10.0.0.0/24", "type": "private"}


@pytest.fixture
def conf(db_conf: Any) -> Any:
    """The configuration under the name that the fixtures of the database know."""
    return db_conf


@pytest.fixture
def urls(transport_url: str, rabbitmq_management_url: str) -> Iterator[dict[str, str]]:
    with accounts(transport_url, rabbitmq_management_url) as made:
        yield made


@pytest.fixture
def worker(urls: dict[str, str], db: Database) -> Iterator[Intake]:
    """What a worker consists of, under the worker's account."""
    conf = make_conf(urls["ipamd-worker"])
    relay = Relay(db, conf)
    intake = Intake(conf, Manager(db))
    relay.start()
    db.on_events = relay.wake
    intake.start()
    try:
        assert intake.wait_ready(20)
        yield intake
    finally:
        intake.stop()
        relay.stop()


class Endpoint:
    """Keeps the types of the events that come."""

    def __init__(self) -> None:
        self.types: list[str] = []

    def info(self, _context: Any, _publisher: str, event_type: str, _payload: Any, _: Any) -> None:
        self.types.append(event_type)

    error = info


def test_everybody_can_do_their_work(urls: dict[str, str], worker: Intake) -> None:
    assert worker.ready
    endpoint = Endpoint()
    bus = transport.notification_transport(make_conf(urls["event-listener"]))
    listener = oslo_messaging.get_notification_listener(
        bus, [oslo_messaging.Target(exchange="ipamd", topic="notifications")], [endpoint]
    )
    starting = threading.Thread(target=listener.start)
    starting.start()
    starting.join(20)
    assert not starting.is_alive()

    api = RpcCaller(make_conf(urls["ipamd-api"]))
    context = RequestContext(project_id="t", overwrite=False)
    block = api.call(context, "create_ip_block", {"tenant_id": "t", "ip_block": BODY})
    nova = IpamClient(urls["nova-compute"], tenant_id="t", timeout=20)
    address = nova.allocate_ip_address("t", block["id"], {"interface_id": "vif"})["address"]
    with plain_client(urls["nova-compute"]) as plain:
        names = {"tenant_id": "t", "ip_block_id": block["id"], "address": address}
        assert plain.call({}, "get_ip_address", **names)["address"] == address
        plain.cast({}, "deallocate_ip_address", **names)
        plain.cast({}, "delete_ip_block", tenant_id="t", ip_block_id="no such block")
    try:
        wanted = {"ip_block.create", "ip_address.create", "ip_address.deallocate",
                  "ip_block.delete.error"}  # fmt: skip
        wait_until(lambda: wanted <= set(endpoint.types), timeout=20)
    finally:
        nova.close()
        api.close()
        listener.stop()
        listener.wait()
        bus.cleanup()


def consume(queue: str) -> Callable[[Any], object]:
    return lambda channel: channel.basic_consume(queue, callback=lambda _: None)


def publish(exchange: str, key: str) -> Callable[[Any], object]:
    message = amqp.Message("{}")
    return lambda channel: channel.basic_publish_confirm(message, exchange, key)


def declare(queue: str) -> Callable[[Any], object]:
    return lambda channel: channel.queue_declare(queue, auto_delete=True)


FOREIGN: dict[str, Callable[[Any], object]] = {
    "take requests": consume("ipam"),
    "take dead requests": consume("ipam.dead"),
    "read events": consume("notifications.info"),
    "throw requests away": lambda channel: channel.queue_purge("ipam"),
    "delete the queue": lambda channel: channel.queue_delete("ipam"),
    "declare another queue": declare("mine"),
    "listen in on requests": lambda channel: (
        channel.queue_declare("reply_" + "0" * 32),
        channel.queue_bind("reply_" + "0" * 32, "ipamd", "ipam"),
    ),
    "declare another exchange": lambda channel: channel.exchange_declare("mine", "topic"),
    "answer for a worker": publish("", "reply_" + "0" * 32),
    "invent an event": publish("ipamd", "notifications.info"),
    "speak to one worker": publish("ipamd", "ipam.host1"),
    "speak to every worker": publish("ipam_fanout", "ipam"),
}


@pytest.mark.parametrize("account", CLIENTS)
def test_a_client_can_do_nothing_else(urls: dict[str, str], worker: Intake, account: str) -> None:
    assert worker.ready
    assert not is_refused(urls[account], publish("ipamd", "ipam"))
    for what, act in FOREIGN.items():
        assert is_refused(urls[account], act), f"{account} may {what}"


@pytest.mark.parametrize(
    ("what", "act"),
    [
        ("send requests", publish("ipamd", "ipam")),
        ("invent an event", publish("ipamd", "notifications.info")),
        ("take requests", consume("ipam")),
        ("answer for a worker", publish("", "reply_" + "0" * 32)),
    ],
)
def test_a_listener_only_listens(
    urls: dict[str, str], worker: Intake, what: str, act: Callable[[Any], object]
) -> None:
    assert worker.ready
    assert is_refused(urls["event-listener"], act), f"a listener may {what}"


def test_a_worker_reads_nobodys_answers(urls: dict[str, str], worker: Intake) -> None:
    assert worker.ready
    assert is_refused(urls["ipamd-worker"], declare("reply_" + "0" * 32))
    assert is_refused(urls["ipamd-worker"], consume("notifications.info"))


def is_refused(url: str, act: Callable[[Any], object]) -> bool:
    """Do something on the bus; tell whether the broker says that one may not."""
    try:
        with raw_channel(url) as channel:
            act(channel)
    except amqp.AccessRefused:
        return True
    return False
