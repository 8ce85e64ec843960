"""Messages that are no proper requests: answered or buried, logged once, and then on."""

from __future__ import annotations

import bz2
import json
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any

import amqp
import oslo_messaging
import pytest
from oslo_config import cfg

from ipamd.rpc import envelope
from ipamd.rpc.envelope import ReplyTo
from tests.rpc.support import Worker, queue_exists, queue_length, raw_channel, serving
from tests.services.waiting import wait_until

REPLY_TO = {"_reply_q": "reply_test", "_msg_id": "m1"}


def wrap(message: object, version: str = "2.0") -> bytes:
    return json.dumps({"oslo.version": version, "oslo.message": json.dumps(message)}).encode()


BAD = {
    "empty body": (b"", "is no JSON"),
    "no JSON": (b"\x00\xffnot json", "is no JSON"),
    "a list": (b"[1, 2]", "is no JSON object"),
    "deep nesting": (b"[" * 100_000, "is no JSON"),
    "no text in the envelope": (b'{"oslo.version": "2.0", "oslo.message": 1}', "no message"),
    "envelope with bad JSON": (b'{"oslo.version": "2.0", "oslo.message": "{"}', "is no JSON"),
    "no method": (wrap({"args": {}}), "names no method"),
    "method is a number": (wrap({"method": 7}), "names no method"),
    "arguments are a list": (wrap({"method": "echo", "args": []}), "are no object"),
    "other envelope": (wrap({"method": "echo"}, "3.0"), "envelope version, 3.0"),
    "envelope without version": (wrap({"method": "echo"}, "new"), "envelope version, new"),
    "unknown method": (wrap({"method": "nope"}), "does not support RPC method nope"),
    "other version": (wrap({"method": "echo", "version": "1.7"}), "RPC version 1.7"),
    "version is no version": (wrap({"method": "echo", "version": "x"}), "RPC version x"),
}


def send(channel: Any, body: bytes, **properties: Any) -> None:
    channel.basic_publish(
        amqp.Message(body, **properties), exchange="ipamd", routing_key="ipam", mandatory=True
    )


@pytest.mark.parametrize(("body", "reason"), BAD.values(), ids=BAD.keys())
def test_what_nobody_waits_for_is_buried(
    conf: cfg.ConfigOpts,
    worker: Worker,
    client: Any,
    channel: Any,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
    reason: str,
) -> None:
    with serving(conf, worker):
        send(channel, body)
        wait_until(lambda: queue_length(channel, "ipam.dead") == 1)
        assert client.call({}, "echo", a=1) == {"a": 1}
    buried = channel.basic_get("ipam.dead")
    assert reason in buried.headers["x-ipamd-reason"]
    assert buried.body in (body, body.decode("latin-1"))
    assert queue_length(channel, "ipam") == 0
    told = [record for record in caplog.records if record.name.startswith("ipamd.rpc")]
    assert len([record for record in told if record.levelname == "WARNING"]) == 1
    assert not [record for record in told if record.levelname in ("ERROR", "CRITICAL")]


@pytest.mark.parametrize(
    ("message", "version", "expected"),
    [
        ({"args": {}}, "2.0", "BadRequest"),
        ({"method": ""}, "2.0", "BadRequest"),
        ({"method": "echo", "args": "all"}, "2.0", "BadRequest"),
        ({"method": "echo"}, "3.0", "UnsupportedRpcEnvelopeVersion"),
        ({"method": "nope"}, "2.0", "NoSuchMethod"),
        ({"method": "echo", "version": "9"}, "2.0", "UnsupportedVersion"),
    ],
)
def test_who_waits_is_told(
    conf: cfg.ConfigOpts,
    worker: Worker,
    channel: Any,
    message: dict[str, Any],
    version: str,
    expected: str,
) -> None:
    channel.queue_declare("reply_test", auto_delete=False)
    with serving(conf, worker):
        send(channel, wrap({**message, **REPLY_TO}, version))
        wait_until(lambda: queue_length(channel, "reply_test") == 1)
        assert queue_length(channel, "ipam.dead") == 0
    msg_id, _, failure, is_last = envelope.parse_answer(channel.basic_get("reply_test").body)
    assert (msg_id, is_last) == ("m1", True)
    assert json.loads(failure or "{}")["class"] == expected


def test_refusals_that_are_on_their_way_do_not_hold_up_a_stop(
    conf: cfg.ConfigOpts, worker: Worker, channel: Any
) -> None:
    channel.queue_declare("reply_test", auto_delete=False)
    with serving(conf, worker) as intake:
        hold_back = intake._link.publisher.set_blocked
        held = threading.Event()
        intake._link.call_soon(lambda: hold_back(True), held.set)
        assert held.wait(10)  # or the message may be quicker
        send(channel, wrap({"args": {}, **REPLY_TO}))
        wait_until(lambda: not intake._link.publisher.idle)
        stopping = threading.Thread(target=intake.stop)
        stopping.start()
        wait_until(lambda: intake._stopping)
        intake._link.call_soon(lambda: hold_back(False))
        stopping.join(conf.worker.drain_timeout / 2)
        assert not stopping.is_alive()
    assert queue_length(channel, "reply_test") == 1
    assert queue_length(channel, "ipam") == 0


def test_bare_message_without_envelope_is_served(
    conf: cfg.ConfigOpts, worker: Worker, channel: Any
) -> None:
    channel.queue_declare("reply_test", auto_delete=False)
    with serving(conf, worker):
        send(channel, json.dumps({"method": "echo", "args": {"a": 1}, **REPLY_TO}).encode())
        wait_until(lambda: queue_length(channel, "reply_test") == 1)
    answer = envelope.parse_answer(channel.basic_get("reply_test").body)
    assert answer == ("m1", {"a": 1}, None, True)


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "application/x-gzip": zlib.compress,
    "application/x-bz2": bz2.compress,
}


@pytest.mark.parametrize("kind", COMPRESSED)
def test_compressed_body_is_served(
    conf: cfg.ConfigOpts, worker: Worker, channel: Any, kind: str
) -> None:
    """As a client with [oslo_messaging_rabbit] kombu_compression sends it."""
    body = COMPRESSED[kind](wrap({"method": "echo", "args": {"a": 1}}))
    with serving(conf, worker):
        send(channel, body, application_headers={"compression": kind})
        wait_until(lambda: worker.count("echo") == 1)


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("application/x-gzip", b"not compressed", "cannot be decompressed"),
        ("application/x-bz2", b"not compressed", "cannot be decompressed"),
        ("application/x-gzip", zlib.compress(b"{}" * 1000)[:-9], "ends too early"),
        ("application/x-gzip", zlib.compress(b" " * 2**28), f"more than {2**24} bytes"),
        ("application/zstd", b"", "compression is not known: application/zstd"),
    ],
    ids=["no zlib", "no bz2", "cut off", "a bomb", "another kind"],
)
def test_a_body_that_cannot_be_decompressed_is_buried_as_it_came(
    conf: cfg.ConfigOpts, worker: Worker, channel: Any, kind: str, body: bytes, reason: str
) -> None:
    with serving(conf, worker):
        send(channel, body, application_headers={"compression": kind})
        wait_until(lambda: queue_length(channel, "ipam.dead") == 1)
    channel.auto_decode = False
    dead = channel.basic_get("ipam.dead")
    assert (dead.body or b"", dead.headers["compression"]) == (body, kind)
    assert reason in dead.headers["x-ipamd-reason"]


def test_a_compressed_request_that_is_put_back_is_served(
    conf: cfg.ConfigOpts, worker: Worker, channel: Any, transport_url: str
) -> None:
    """Classic queues do not count redeliveries: the copy that bears the count is plain."""
    body = zlib.compress(wrap({"method": "echo", "args": {"a": 1}}))
    with serving(conf, worker):
        wait_until(lambda: queue_exists(transport_url, "ipam"))
    send(channel, body, application_headers={"compression": "application/x-gzip"})
    with raw_channel(transport_url) as dying:
        assert dying.basic_get("ipam") is not None
    with serving(conf, worker):
        wait_until(lambda: worker.count("echo") == 1)
    assert queue_length(channel, "ipam.dead") == 0


@pytest.mark.parametrize(
    "encoding", ["utf-8", "UTF-8", "latin-1", "utf-16", "binary", "no-such", "a\0b"]
)
def test_a_body_is_read_in_its_encoding(
    conf: cfg.ConfigOpts, worker: Worker, channel: Any, encoding: str
) -> None:
    channel.queue_declare("reply_test", auto_delete=False)
    message = {"method": "echo", "args": {"a": "Gerät"}, **REPLY_TO}
    text = json.dumps(message, ensure_ascii=False)
    body = text.encode("utf-8" if encoding in ("binary", "no-such", "a\0b") else encoding)
    with serving(conf, worker):
        send(channel, body, content_encoding=encoding)
        wait_until(lambda: queue_length(channel, "reply_test") == 1)
    answer = envelope.parse_answer(channel.basic_get("reply_test").body)
    assert answer == ("m1", {"a": "Gerät"}, None, True)


def test_missing_reply_queues_hold_no_worker(
    conf: cfg.ConfigOpts, worker: Worker, client: Any, channel: Any
) -> None:
    conf.set_override("threads", 2, group="worker")
    conf.set_override("prefetch", 4, group="worker")
    body = {"method": "echo", "args": {}, "_msg_id": "m1", "_reply_q": "reply_that_is_gone"}
    with serving(conf, worker):
        for number in range(20):
            send(channel, wrap({**body, "_unique_id": str(number)}))
        wait_until(lambda: worker.count("echo") == 20)
        started = time.monotonic()
        assert client.call({}, "echo", a=1) == {"a": 1}
        assert time.monotonic() - started < 10  # a missing queue is waited for a minute
    assert queue_length(channel, "ipam") == 0


def test_answer_waits_a_while_for_its_queue(
    conf: cfg.ConfigOpts, worker: Worker, channel: Any
) -> None:
    with serving(conf, worker):
        send(channel, wrap({"method": "echo", "args": {"a": 1}, **REPLY_TO}))
        wait_until(lambda: worker.count("echo") == 1)
        time.sleep(0.3)
        channel.queue_declare("reply_test", auto_delete=False)
        wait_until(lambda: queue_length(channel, "reply_test") == 1)


def test_queue_that_stays_away_is_given_up(
    conf: cfg.ConfigOpts, worker: Worker, channel: Any, caplog: pytest.LogCaptureFixture
) -> None:
    conf.set_override("kombu_missing_consumer_retry_timeout", 0, group="oslo_messaging_rabbit")
    with serving(conf, worker):
        for number in range(3):
            send(channel, wrap({"method": "echo", "_unique_id": str(number), **REPLY_TO}))
        wait_until(lambda: "reply queue reply_test is gone" in caplog.text)
        time.sleep(0.5)
    assert caplog.text.count("reply queue reply_test is gone") == 1


def test_deleted_queue_is_declared_again(
    conf: cfg.ConfigOpts, worker: Worker, client: Any, channel: Any
) -> None:
    with serving(conf, worker) as intake:
        channel.queue_delete("ipam")
        # Declared, and bound as well: what is sent in between goes nowhere.
        wait_until(lambda: intake._session == 2 and intake.ready)
        assert queue_exists(conf.transport_url, "ipam")
        assert client.call({}, "echo", a=1) == {"a": 1}


def test_stamp_of_a_slow_clock_expires_nothing(
    conf: cfg.ConfigOpts, worker: Worker, channel: Any
) -> None:
    slow = int(time.time()) - 3600
    with serving(conf, worker):
        send(
            channel,
            wrap({"method": "echo", **REPLY_TO}),
            expiration="20000",
            timestamp=slow,
        )
        wait_until(lambda: worker.count("echo") == 1)


def test_oslo_messaging_reads_our_answers() -> None:
    from oslo_messaging._drivers import common

    body = json.loads(envelope.answer(ReplyTo("q", "m1"), {"a": 1}))
    assert common.deserialize_msg(body)["result"] == {"a": 1}
    assert isinstance(oslo_messaging.RemoteError(), Exception)
