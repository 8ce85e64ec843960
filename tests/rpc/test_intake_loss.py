"""Nothing is lost and nothing done twice when workers and brokers die."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from ipamd.rpc.intake import Intake
from ipamd.rpc.jobs import Job
from ipamd.rpc.publisher import Publisher
from tests.rpc.process import notes, worker_processes, works
from tests.rpc.support import (
    Worker,
    make_conf,
    plain_client,
    queue_length,
    raw_channel,
    serving,
)
from tests.services import RabbitMQ
from tests.services.waiting import wait_until

QUORUM = ("oslo_messaging_rabbit__rabbit_quorum_queue=True",)
KINDS = pytest.mark.parametrize("options", [(), QUORUM], ids=["classic", "quorum"])


@KINDS
@pytest.mark.parametrize("method", ["kill_once", "kill_after"])
def test_call_survives_its_worker(
    tmp_path: Path, transport_url: str, method: str, options: tuple[str, ...]
) -> None:
    url = transport_url + ("?rabbit_quorum_queue=True" if options else "")
    with (
        worker_processes(2, tmp_path, transport_url, *options) as workers,
        plain_client(url) as client,
    ):
        answer = client.call({}, method, name="a")
        # A killed process can be waited for only some time after its connections are gone.
        wait_until(lambda: any(process.poll() is not None for process in workers))
        dead = [process for process in workers if process.poll() is not None]
    assert answer["name"] == "a"
    assert [process.returncode for process in dead] == [-signal.SIGKILL]
    assert answer["pid"] != dead[0].pid
    assert works(tmp_path) == ["a"]


def test_casts_in_hand_survive_their_worker(tmp_path: Path, transport_url: str) -> None:
    names = [str(number) for number in range(40)]
    with (
        plain_client(transport_url) as client,
        worker_processes(2, tmp_path, transport_url, "worker__threads=2") as workers,
    ):
        for name in names:
            client.cast({}, "slow", name=name, seconds=0.02)
        wait_until(lambda: len(notes(tmp_path, "start-")) > 4)
        workers[0].kill()
        wait_until(lambda: len(works(tmp_path)) >= len(names))
    assert sorted(works(tmp_path), key=int) == names


@KINDS
def test_poison_is_buried_and_reported(
    tmp_path: Path, transport_url: str, options: tuple[str, ...]
) -> None:
    url = transport_url + ("?rabbit_quorum_queue=True" if options else "")
    options = (*options, "worker__max_redeliveries=2")
    with raw_channel(transport_url) as channel:
        with worker_processes(4, tmp_path, transport_url, *options) as workers:
            with plain_client(url) as client:
                client.cast({}, "kill", name="poison")
            wait_until(lambda: len(notes(tmp_path, "failed-kill-internal_error-")) == 1)
            wait_until(lambda: queue_length(channel, "ipam.dead") == 1)
            wait_until(lambda: sum(process.poll() is None for process in workers) == 1)
            # Delivered once and redelivered twice: three workers died, the fourth lives.
            (alive,) = [process for process in workers if process.poll() is None]
            # Not killed: it may be about to acknowledge what it has buried.
            alive.terminate()
            assert alive.wait(10) == 0
        assert len(notes(tmp_path, "start-kill-poison")) == 3
        assert queue_length(channel, "ipam") == 0
        headers = channel.basic_get("ipam.dead").headers
    assert "3 redeliveries" in headers["x-ipamd-reason"]


def test_what_is_not_started_stays_with_the_broker(
    conf: cfg.ConfigOpts, worker: Worker, client: Any, channel: Any
) -> None:
    conf.set_override("threads", 2, group="worker")
    conf.set_override("prefetch", 5, group="worker")
    with serving(conf, worker):
        for number in range(20):
            client.cast({}, "wait", number=number)
        wait_until(lambda: worker.count("wait") == 2)
        wait_until(lambda: queue_length(channel, "ipam") == 15)
        time.sleep(0.3)
        assert worker.count("wait") == 2
        assert queue_length(channel, "ipam") == 15
        worker.gate.set()
        wait_until(lambda: worker.count("wait") == 20)


def test_cast_waits_for_the_store_to_come_back(
    conf: cfg.ConfigOpts, worker: Worker, client: Any, channel: Any
) -> None:
    worker.away.set()
    with serving(conf, worker):
        client.cast({}, "store", value=1)
        wait_until(lambda: worker.count("store") >= 2)  # it was put off, and came again
        worker.away.clear()
        wait_until(lambda: worker.stored)
        wait_until(lambda: queue_length(channel, "ipam.retry") == 0)
    assert worker.failures == []
    assert len({key for _, _, key in worker.calls}) == 1
    assert queue_length(channel, "ipam") == queue_length(channel, "ipam.dead") == 0


def test_failed_cast_is_reported_once(
    conf: cfg.ConfigOpts, worker: Worker, client: Any, channel: Any
) -> None:
    with serving(conf, worker):
        client.cast({}, "fail", code="no_more_addresses")
        wait_until(lambda: len(worker.failures) == 1)
    method, error, key = worker.failures[0]
    assert (method, error.code, key) == ("fail", "no_more_addresses", worker.calls[0][2])
    assert queue_length(channel, "ipam") == queue_length(channel, "ipam.dead") == 0


def stop_while_one_waits(intake: Intake, worker: Worker) -> None:
    """Stop an intake that has a request in hand, which goes on once it is told to stop."""
    stopping = threading.Thread(target=intake.stop)
    stopping.start()
    wait_until(lambda: intake._stopping)
    worker.gate.set()
    stopping.join()


def test_stop_finishes_what_is_in_hand_and_leaves_the_rest(
    conf: cfg.ConfigOpts, worker: Worker, client: Any, channel: Any
) -> None:
    conf.set_override("threads", 1, group="worker")
    conf.set_override("prefetch", 3, group="worker")
    with serving(conf, worker) as intake, ThreadPoolExecutor() as pool:
        answer = pool.submit(client.call, {}, "wait", number=1)
        wait_until(lambda: worker.count("wait") == 1)
        for number in range(10):
            client.cast({}, "echo", number=number)
        wait_until(lambda: queue_length(channel, "ipam") == 8)
        stop_while_one_waits(intake, worker)
        assert answer.result(10) == 1
    assert worker.count("echo") == 2
    assert queue_length(channel, "ipam") == 8


def test_what_is_settled_last_is_acknowledged_before_a_stop(
    conf: cfg.ConfigOpts,
    worker: Worker,
    client: Any,
    channel: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever waits for the end may be quicker than the thread that has told of it."""
    finish = Intake._finish

    def finish_and_be_held_up(self: Intake, job: Job) -> None:
        finish(self, job)
        if self._stopping:
            wait_until(lambda: self._link._closing)

    monkeypatch.setattr(Intake, "_finish", finish_and_be_held_up)
    with serving(conf, worker) as intake, ThreadPoolExecutor() as pool:
        answer = pool.submit(client.call, {}, "wait", number=1)
        wait_until(lambda: worker.count("wait") == 1)
        stop_while_one_waits(intake, worker)
        assert answer.result(10) == 1
    assert queue_length(channel, "ipam") == 0


def test_stop_does_not_wait_beyond_drain_timeout(
    conf: cfg.ConfigOpts, worker: Worker, client: Any, channel: Any
) -> None:
    conf.set_override("drain_timeout", 1, group="worker")
    with serving(conf, worker) as intake:
        client.cast({}, "wait")
        wait_until(lambda: worker.count("wait") == 1)
        started = time.monotonic()
        intake.stop()
        # Not the thirty seconds that the request goes on for.
        assert 0.9 < time.monotonic() - started < 10
    wait_until(lambda: queue_length(channel, "ipam") == 1)
    worker.gate.set()


def test_sigterm_ends_a_worker_cleanly(tmp_path: Path, transport_url: str) -> None:
    with (
        worker_processes(1, tmp_path, transport_url) as (process,),
        plain_client(transport_url) as client,
        ThreadPoolExecutor() as pool,
    ):
        answer = pool.submit(client.call, {}, "slow", name="a", seconds=1)
        wait_until(lambda: notes(tmp_path, "start-slow-a"))
        os.kill(process.pid, signal.SIGTERM)
        assert answer.result(10)["name"] == "a"
        assert process.wait(10) == 0


@pytest.mark.services("rabbitmq")
@pytest.mark.slow
def test_intake_outlives_the_broker(worker: Worker) -> None:
    with RabbitMQ() as broker:
        conf = make_conf(broker.url, oslo_messaging_rabbit__amqp_durable_queues=True)
        url = broker.url + "?amqp_durable_queues=True"
        with serving(conf, worker) as intake, plain_client(url, timeout=60) as client:
            assert client.call({}, "echo", a=1) == {"a": 1}
            with ThreadPoolExecutor() as pool:
                answer = pool.submit(client.call, {}, "wait", number=7)
                wait_until(lambda: worker.count("wait") == 1)
                broker.kill()
                wait_until(lambda: not intake.ready)
                broker.start()
                worker.gate.set()
                assert answer.result(60) == 7
            assert client.call({}, "echo", a=2) == {"a": 2}
            broker.kill()
            wait_until(lambda: not intake.ready)
            started = time.monotonic()
            intake.stop()
            assert time.monotonic() - started < 8


def test_unreachable_broker_is_tried_again_until_stopped(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    # The second pause is far longer than a stop may take.
    pauses = {"oslo_messaging_rabbit__rabbit_retry_backoff": 30}
    intake = Intake(make_conf("rabbit://127.0.0.1:1//", **pauses), worker)
    intake.start()
    attempts = "intake: broker 127.0.0.1:1: cannot connect"
    wait_until(lambda: caplog.text.count(attempts) == 2)
    assert not intake.ready
    started = time.monotonic()
    intake.stop()
    assert time.monotonic() - started < 10
    assert intake.wait(0)


def test_intake_goes_to_the_host_that_answers(transport_url: str, worker: Worker) -> None:
    conf = make_conf(transport_url.replace("guest@", "guest@127.0.0.1:1,guest:guest@"))
    with serving(conf, worker), plain_client(transport_url) as client:
        assert client.call({}, "echo", a=1) == {"a": 1}


def test_other_transport_is_refused(worker: Worker) -> None:
    with pytest.raises(cfg.ConfigFileValueError, match="rabbit://"):
        Intake(make_conf("fake://"), worker)


def test_connection_lost_while_it_is_made_is_made_again(
    conf: cfg.ConfigOpts, worker: Worker, monkeypatch: pytest.MonkeyPatch, transport_url: str
) -> None:
    """A request may have come by it already: nobody can acknowledge that one any more."""
    with serving(conf, worker):
        pass
    with plain_client(transport_url) as client:
        client.cast({}, "echo", number=1)
    attach = Publisher.attach
    lost = threading.Event()

    def lose_once(self: Publisher, channel: Any) -> None:
        if not lost.is_set():
            lost.set()
            raise OSError("lost in between")
        attach(self, channel)

    monkeypatch.setattr(Publisher, "attach", lose_once)
    with serving(conf, worker) as intake, raw_channel(transport_url) as channel:
        wait_until(lambda: intake.in_hand == 0 and queue_length(channel, "ipam") == 0)
    assert worker.count("echo") in (1, 2)  # the first time perhaps by the connection that was lost
