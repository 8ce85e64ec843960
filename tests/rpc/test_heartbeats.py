"""Heartbeats keep a connection alive and stand in nobody's way."""

from __future__ import annotations

import time

import pytest

from tests.rpc.support import Worker, make_conf, plain_client, serving


@pytest.mark.slow
def test_an_idle_intake_keeps_its_connection_and_answers_at_once(
    transport_url: str, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    conf = make_conf(transport_url, oslo_messaging_rabbit__heartbeat_timeout_threshold=2)
    slowest = 0.0
    # RabbitMQ drops a client that was silent for three intervals.
    with serving(conf, worker), plain_client(transport_url) as client:
        for _ in range(12):
            time.sleep(0.7)
            started = time.monotonic()
            client.call({}, "echo", a=1)
            slowest = max(slowest, time.monotonic() - started)
        time.sleep(8)
    assert "connection lost" not in caplog.text
    # Behind a heartbeat it would be the next message that ends a wait for one.
    assert slowest < 5
