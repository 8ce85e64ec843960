"""Calls end at their deadline, and are repeated, but done once, until then."""

from __future__ import annotations

import os
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import amqp
import pytest
from oslo_config import cfg

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.rpc.caller import RpcCaller
from ipamd.rpc.client import DirectCaller
from ipamd.rpc.publisher import REFUSED_PAUSE
from tests.rpc.process import worker_processes, works
from tests.rpc.support import Worker, make_conf, queue_exists, queue_length, serving
from tests.services import RabbitMQ
from tests.services.waiting import wait_until

CONTEXT = RequestContext(project_id="T1", overwrite=False)


@pytest.fixture
def caller(conf: cfg.ConfigOpts) -> Any:
    made = RpcCaller(conf)
    yield made
    made.close()


def elapsed(started: float) -> float:
    return time.monotonic() - started


def connect(caller: RpcCaller) -> None:
    """Have a caller connected: what a broker or a worker says comes within its time then."""
    assert caller._open_session()._link.wait_ready(20)


def test_result_and_context(conf: cfg.ConfigOpts, worker: Worker, caller: RpcCaller) -> None:
    with serving(conf, worker):
        assert caller.call(CONTEXT, "echo", {"a": 1}) == {"a": 1}
    assert worker.contexts[0].tenant == "T1"
    assert worker.contexts[0].request_id == CONTEXT.request_id


def test_errors_are_of_their_own_class(
    conf: cfg.ConfigOpts, worker: Worker, caller: RpcCaller
) -> None:
    with serving(conf, worker):
        with pytest.raises(errors.NoMoreAddressesError) as full:
            caller.call(CONTEXT, "fail", {"code": "no_more_addresses"})
        with pytest.raises(errors.UnknownMethod):
            caller.call(CONTEXT, "no_such_thing", {})
        with pytest.raises(errors.IpamError, match="could not complete") as internal:
            caller.call(CONTEXT, "break", {})
    assert type(full.value) is errors.NoMoreAddressesError
    assert str(full.value) == "this is no_more_addresses"
    assert internal.value.code == "internal_error"


def test_arguments_must_be_json(caller: RpcCaller) -> None:
    around: list[Any] = []
    around.append(around)
    moment = datetime.now(UTC)
    for value in (object(), moment, uuid.uuid4(), b"x", {1}, Decimal(1), around):
        with pytest.raises(errors.BadRequest, match="no JSON"):
            caller.call(CONTEXT, "echo", {"a": value})
    with pytest.raises(errors.BadRequest, match="larger"):
        caller.call(CONTEXT, "echo", {"a": "x" * 17_000_000})


def test_many_threads_share_a_caller(
    conf: cfg.ConfigOpts, worker: Worker, caller: RpcCaller
) -> None:
    with serving(conf, worker), ThreadPoolExecutor(16) as pool:
        answers = pool.map(lambda n: caller.call(CONTEXT, "echo", {"n": n}), range(300))
        assert list(answers) == [{"n": n} for n in range(300)]


def test_slow_worker_is_a_timeout(conf: cfg.ConfigOpts, worker: Worker, caller: RpcCaller) -> None:
    connect(caller)
    with serving(conf, worker):
        started = time.monotonic()
        with pytest.raises(errors.RequestTimeout):
            caller.call(CONTEXT, "wait", {}, timeout=3)
        assert elapsed(started) < 10  # the worker would take thirty
        worker.gate.set()


def test_no_worker_is_unavailable(caller: RpcCaller) -> None:
    connect(caller)
    started = time.monotonic()
    with pytest.raises(errors.Unavailable, match="No worker"):
        caller.call(CONTEXT, "echo", {}, timeout=3)
    assert elapsed(started) < 10


def test_queue_that_no_worker_reads_is_unavailable_at_the_deadline(
    conf: cfg.ConfigOpts,
    worker: Worker,
    caller: RpcCaller,
    channel: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It looks for workers after half a second, and has the rest of its time to find none.
    monkeypatch.setattr("ipamd.rpc.caller._LATE", 0.125)
    with serving(conf, worker):
        caller.call(CONTEXT, "echo", {})
    started = time.monotonic()
    with pytest.raises(errors.Unavailable, match="No worker"):
        caller.call(CONTEXT, "echo", {"late": True}, timeout=4)
    assert 3.9 < elapsed(started) < 15
    # Its time has run out in the queue as well: nobody does it after all.
    wait_until(lambda: queue_length(channel, "ipam") == 0)
    with serving(conf, worker):
        assert caller.call(CONTEXT, "echo", {"n": 1}) == {"n": 1}
    assert {"late": True} not in [args for _, args, _ in worker.calls]


def test_worker_that_comes_in_time_answers(
    conf: cfg.ConfigOpts, worker: Worker, caller: RpcCaller
) -> None:
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(caller.call, CONTEXT, "echo", {"a": 1}, timeout=10)
        time.sleep(1)
        with serving(conf, worker):
            assert answer.result(10) == {"a": 1}


@pytest.mark.parametrize("method", ["call", "cast"])
def test_unreachable_broker_is_unavailable_at_the_deadline(method: str) -> None:
    caller = RpcCaller(make_conf("rabbit://127.0.0.1:1//"), timeout=1)
    for _ in range(2):
        started = time.monotonic()
        with pytest.raises(errors.Unavailable, match="broker cannot be reached"):
            getattr(caller, method)(CONTEXT, "echo", {})
        assert 0.9 < elapsed(started) < 5
    caller.close()


def test_call_survives_its_worker(tmp_path: Path, transport_url: str, caller: RpcCaller) -> None:
    with worker_processes(3, tmp_path, transport_url):
        assert caller.call(CONTEXT, "kill_once", {"name": "a"})["name"] == "a"
        assert caller.call(CONTEXT, "kill_after", {"name": "b"})["name"] == "b"
    assert works(tmp_path) == ["a", "b"]


def test_cast_is_taken_once_a_queue_has_it(
    conf: cfg.ConfigOpts, worker: Worker, caller: RpcCaller, channel: Any
) -> None:
    hasty = RpcCaller(conf, timeout=1)
    with pytest.raises(errors.Unavailable):
        hasty.cast(CONTEXT, "echo", {"a": 1})
    hasty.close()
    with serving(conf, worker):
        pass  # the queue exists from now on, and nobody reads it
    caller.cast(CONTEXT, "echo", {"a": 2})
    assert queue_length(channel, "ipam") == 1
    with serving(conf, worker):
        wait_until(lambda: worker.count("echo") == 1)
    assert worker.calls[0][1] == {"a": 2}


def test_unanswered_request_is_sent_again_and_done_once(
    conf: cfg.ConfigOpts, worker: Worker, caller: RpcCaller, channel: Any
) -> None:
    with serving(conf, worker):
        caller.call(CONTEXT, "echo", {})
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(caller.call, CONTEXT, "store", {"value": 1}, timeout=20)
        wait_until(lambda: queue_length(channel, "ipam") == 1)
        channel.queue_purge("ipam")  # as a broker without durable queues forgets
        wait_until(lambda: queue_length(channel, "ipam") == 1)
        with serving(conf, worker):
            assert answer.result(10) == 1


def test_nothing_is_sent_for_a_caller_who_has_given_up(
    conf: cfg.ConfigOpts, worker: Worker, caller: RpcCaller
) -> None:
    """Also where the broker took no messages meanwhile."""
    with serving(conf, worker):
        caller.call(CONTEXT, "echo", {"a": 1})
        link = caller._open_session()._link
        blocked = threading.Event()
        link.call_soon(lambda: link.publisher.set_blocked(True), blocked.set)
        assert blocked.wait(10)
        with pytest.raises(errors.Unavailable):
            caller.call(CONTEXT, "echo", {"a": 2}, timeout=0.5)
        link.call_soon(lambda: link.publisher.set_blocked(False))
        assert caller.call(CONTEXT, "echo", {"a": 3}) == {"a": 3}
    assert [args for _, args, _ in worker.calls] == [{"a": 1}, {"a": 3}]


def test_a_message_that_is_refused_is_sent_no_longer_than_its_caller_waits(
    caller: RpcCaller, channel: Any
) -> None:
    connect(caller)
    limit = {"x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare("full", auto_delete=False, arguments=limit)
    channel.queue_bind("full", "ipamd", "ipam")
    channel.basic_publish(amqp.Message("all that it takes"), routing_key="full")
    with pytest.raises(errors.IpamError):
        caller.call(CONTEXT, "echo", {}, timeout=1.5)
    wait_until(lambda: caller._open_session()._link.publisher.idle)
    channel.queue_purge("full")
    time.sleep(REFUSED_PAUSE * 1.5)
    assert queue_length(channel, "full") == 0


def test_a_message_that_was_refused_is_sent_again(caller: RpcCaller, channel: Any) -> None:
    connect(caller)
    limit = {"x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare("full", auto_delete=False, arguments=limit)
    channel.queue_bind("full", "ipamd", "ipam")
    channel.basic_publish(amqp.Message("all that it takes"), routing_key="full")
    with ThreadPoolExecutor() as pool:
        cast = pool.submit(caller.cast, CONTEXT, "echo", {"a": 1})
        wait_until(lambda: caller._open_session()._link.publisher._refusals)
        channel.queue_purge("full")
        cast.result(20)
    assert queue_length(channel, "full") == 1


def test_it_can_be_made_before_a_fork(
    conf: cfg.ConfigOpts, worker: Worker, caller: RpcCaller
) -> None:
    with serving(conf, worker):
        assert caller.call(CONTEXT, "echo", {"a": 1}) == {"a": 1}
        child = os.fork()
        if child == 0:
            answered = False
            try:
                answered = caller.call(CONTEXT, "echo", {"a": 2}) == {"a": 2}
            finally:  # or the child would go on with the tests that follow
                os._exit(0 if answered else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert caller.call(CONTEXT, "echo", {"a": 3}) == {"a": 3}


def test_closed_caller_opens_again(
    conf: cfg.ConfigOpts, worker: Worker, caller: RpcCaller
) -> None:
    with serving(conf, worker):
        caller.call(CONTEXT, "echo", {})
        session = caller._session
        assert session is not None
        assert queue_exists(conf.transport_url, session._replies.name)
        caller.close()
        assert not session._link._thread.is_alive()
        assert not queue_exists(conf.transport_url, session._replies.name)
        assert caller.call(CONTEXT, "echo", {"a": 1}) == {"a": 1}


@pytest.mark.services("rabbitmq")
@pytest.mark.slow
def test_broker_that_dies_or_hangs(worker: Worker) -> None:
    with RabbitMQ() as broker:
        conf = make_conf(broker.url)
        caller = RpcCaller(conf)
        with serving(conf, worker), ThreadPoolExecutor() as pool:
            assert caller.call(CONTEXT, "store", {"value": 1}) == 1
            broker.pause()
            started = time.monotonic()
            with pytest.raises(errors.RequestTimeout):
                caller.call(CONTEXT, "echo", {}, timeout=3)
            assert elapsed(started) < 10  # not until a write makes no progress
            broker.resume()
            assert caller.call(CONTEXT, "echo", {"a": 1}, timeout=20) == {"a": 1}
            answer = pool.submit(caller.call, CONTEXT, "wait", {"number": 5}, timeout=60)
            wait_until(lambda: worker.count("wait") == 1)
            broker.kill()
            started = time.monotonic()
            with pytest.raises((errors.Unavailable, errors.RequestTimeout)):
                caller.call(CONTEXT, "echo", {}, timeout=1)
            assert elapsed(started) < 10
            broker.start()
            worker.gate.set()
            assert answer.result(60) == 5
        caller.close()


def test_direct_caller_calls_and_casts(worker: Worker) -> None:
    direct = DirectCaller(worker)
    assert direct.call(CONTEXT, "echo", {"a": 1}, timeout=1) == {"a": 1}
    with pytest.raises(errors.NoMoreAddressesError):
        direct.call(CONTEXT, "fail", {"code": "no_more_addresses"})
    direct.cast(CONTEXT, "fail", {"code": "no_more_addresses"})
    assert [(method, error.code) for method, error, _ in worker.failures] == [
        ("fail", "no_more_addresses")
    ]
    worker.away.set()
    with pytest.raises(errors.Unavailable):
        direct.cast(CONTEXT, "store", {"value": 1})
    assert len(worker.failures) == 1
