"""Messages of events are those that oslo.messaging's notifier and driver would send."""

from __future__ import annotations

import json
import re
from typing import Any

import oslo_messaging
import pytest
from oslo_config import cfg
from oslo_messaging._drivers import amqp as oslo_amqp
from oslo_messaging._drivers import common as oslo_common

from ipamd.db.outbox import OutboxEvent
from ipamd.rpc import notifications, transport
from ipamd.rpc.event_messages import EventMessages

PAYLOAD = {
    "id": "1", "text": 'quoted "text" \\ Ünïcödé \u2028 \U0001f600', "nothing": None,
    "number": 2**64, "list": [{"deep": True}], "request_id": 'req-"1"', "tenant_id": "ten\\ant",
    "sequence": 7,
}  # fmt: skip
NEW_EACH_TIME = ("message_id", "_unique_id", "timestamp")


class Recorder:
    """A driver of a transport that keeps what oslo.messaging's own would have sent."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.conf = conf
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def send_notification(
        self, target: Any, context: Any, message: Any, version: float, retry: Any = None
    ) -> None:
        """Do what ``AMQPDriverBase._send`` does, but for the sending."""
        whole = dict(message)
        oslo_amqp._add_unique_id(whole)
        oslo_amqp.pack_context(whole, context)
        if version >= 2:
            whole = oslo_common.serialize_msg(whole)
        self.sent.append((target.topic, whole))

    def cleanup(self) -> None:
        """Do nothing."""


def opened(body: dict[str, Any]) -> dict[str, Any]:
    """Return the message in an envelope, or the one without."""
    assert set(body) == {"oslo.version", "oslo.message"} or "oslo.version" not in body
    inner: dict[str, Any] = json.loads(body["oslo.message"]) if "oslo.message" in body else body
    return inner


@pytest.mark.parametrize("tenant", ["ten\\ant", None])
@pytest.mark.parametrize("drivers", [["messagingv2"], ["messaging"], ["messaging", "messagingv2"]])
def test_messages_are_the_notifiers(
    conf: cfg.ConfigOpts, drivers: list[str], tenant: str | None
) -> None:
    transport.register_opts(conf)
    topics = ["notifications", "billing"]
    conf.set_override("topics", topics, group="oslo_messaging_notifications")
    payload = {**PAYLOAD, "tenant_id": tenant}
    event = OutboxEvent(7, "event", "ip_address.create", "ERROR", json.dumps(payload))
    ours = EventMessages(conf, drivers).of(event)

    recorder = Recorder(conf)
    notifier = notifications.Notifications(oslo_messaging.transport.Transport(recorder), drivers)
    notifier.send([event], lambda _event: None, lambda: False)
    theirs = recorder.sent
    assert len(theirs) == len(drivers) * 2
    assert [message.topic for message in ours] == [topic for topic, _ in theirs]
    assert {message.exchange for message in ours} == {conf.control_exchange}
    for mine, (_, body) in zip(ours, theirs, strict=True):
        found = json.loads(mine.body)
        assert found.keys() == body.keys() or "oslo.message" not in body
        assert found.get("oslo.version") == body.get("oslo.version")
        inner, expected = opened(found), opened(body)
        for name in NEW_EACH_TIME:
            shape = re.sub(r"\w", "x", expected.pop(name))
            assert re.sub(r"\w", "x", inner.pop(name)) == shape
        assert inner == expected


def test_each_message_is_unique_and_of_one_event(conf: cfg.ConfigOpts) -> None:
    transport.register_opts(conf)
    event = OutboxEvent(7, "event", "ip_address.create", "INFO", json.dumps(PAYLOAD))
    bodies = [
        opened(json.loads(message.body))
        for message in EventMessages(conf, ["messaging", "messagingv2"]).of(event)
    ]
    assert len({body["_unique_id"] for body in bodies}) == 2
    assert len({body["message_id"] for body in bodies}) == 1
