"""What an unmodified oslo.messaging client gets back from the intake."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import oslo_messaging
import pytest
from oslo_config import cfg
from oslo_messaging._drivers import common as wire

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.rpc import envelope
from ipamd.rpc.caller import RpcCaller
from ipamd.rpc.intake import Intake
from ipamd.rpc.jobs import Job
from ipamd.rpc.publisher import MAX_BODY
from tests.rpc.support import Worker, serving
from tests.services.waiting import wait_until


def waiting(intake: Intake, method: str) -> list[Job]:
    """Return the requests for ``method`` that the intake has in hand."""
    return [job for job in list(intake._in_hand.values()) if job.request.method == method]


def test_call_gets_the_result(conf: cfg.ConfigOpts, worker: Worker, client: Any) -> None:
    arguments = {"text": "é", "number": 2**70, "none": None, "list": [{"a": [1.5, True]}]}
    with serving(conf, worker):
        assert client.call({}, "echo", **arguments) == arguments
        assert client.call({}, "echo") == {}


def test_context_arrives(conf: cfg.ConfigOpts, worker: Worker, client: Any) -> None:
    context = RequestContext(project_id="T1", user_id="U1", overwrite=False)
    with serving(conf, worker):
        client.call(context.to_dict(), "echo")
    assert worker.contexts[0].tenant == "T1"
    assert worker.contexts[0].request_id == context.request_id


def test_cast_is_done_without_an_answer(conf: cfg.ConfigOpts, worker: Worker, client: Any) -> None:
    with serving(conf, worker):
        assert client.cast({}, "echo", a=1) is None
        wait_until(lambda: worker.count("echo") == 1)


@pytest.mark.parametrize("cls", errors.all_errors(), ids=lambda cls: cls.__name__)
def test_every_error_is_rebuilt_by_oslo_messaging(cls: type[errors.IpamError]) -> None:
    sent = cls("A sentence") if cls is not errors.ValidationError else cls(fields={"a": ["b"]})
    failure = json.dumps(envelope.describe(sent))
    rebuilt = wire.deserialize_remote_exception(failure, ["ipamd.errors"])
    assert isinstance(rebuilt, cls)
    assert (rebuilt.message, rebuilt.kwargs) == (sent.message, sent.kwargs)
    assert type(envelope.rebuild(failure)) is cls


def test_typed_error_arrives_as_its_class(
    conf: cfg.ConfigOpts, worker: Worker, client: Any
) -> None:
    with serving(conf, worker):
        with pytest.raises(errors.NoMoreAddressesError) as full:
            client.call({}, "fail", code="no_more_addresses")
        with pytest.raises(errors.ValidationError) as invalid:
            client.call({}, "invalid")
    assert full.value.http_status == 422
    assert full.value.message == "this is no_more_addresses"
    assert invalid.value.fields == {"cidr": ["cidr is invalid"]}


@pytest.mark.parametrize("method", ["break", "no_json"])
def test_unexpected_error_leaks_nothing(
    conf: cfg.ConfigOpts, worker: Worker, client: Any, method: str
) -> None:
    with serving(conf, worker), pytest.raises(errors.IpamError) as caught:
        client.call({}, method)
    assert caught.value.code == "internal_error"
    assert str(caught.value).strip() == errors.IpamError.default_message


def test_unknown_method_is_no_such_method(
    conf: cfg.ConfigOpts, worker: Worker, client: Any
) -> None:
    with serving(conf, worker), pytest.raises(oslo_messaging.RemoteError) as caught:
        client.call({}, "no_such_thing")
    assert caught.value.exc_type == "NoSuchMethod"
    assert caught.value.value == "Endpoint does not support RPC method no_such_thing"


@pytest.mark.parametrize(
    "target", [{"version": "1.99"}, {"version": "2.0"}, {"namespace": "elsewhere"}]
)
def test_other_version_or_namespace_is_unsupported(
    conf: cfg.ConfigOpts, worker: Worker, client: Any, target: dict[str, str]
) -> None:
    with serving(conf, worker), pytest.raises(oslo_messaging.RemoteError) as caught:
        client.prepare(**target).call({}, "echo")
    assert caught.value.exc_type == "UnsupportedVersion"
    assert worker.calls == []


def test_one_server_and_all_servers_can_be_addressed(conf: cfg.ConfigOpts, client: Any) -> None:
    first, second = Worker(), Worker()
    with serving(conf, first, server="one"), serving(conf, second, server="two"):
        for _ in range(4):
            client.prepare(server="two").call({}, "echo")
        assert (first.count("echo"), second.count("echo")) == (0, 4)
        client.prepare(fanout=True).cast({}, "store", value=1)
        wait_until(lambda: first.count("store") == second.count("store") == 1)


def test_requests_run_in_parallel(conf: cfg.ConfigOpts, worker: Worker, client: Any) -> None:
    threads = conf.worker.threads
    with serving(conf, worker), ThreadPoolExecutor(threads) as pool:
        answers = [pool.submit(client.call, {}, "wait", number=n) for n in range(threads)]
        wait_until(lambda: worker.count("wait") == threads)
        worker.gate.set()
        assert [answer.result() for answer in answers] == list(range(threads))


def test_monitored_call_outlives_its_monitor_timeout(
    conf: cfg.ConfigOpts, worker: Worker, client: Any
) -> None:
    # A sign of life comes every half of it: a moment of standstill does not end the call.
    monitored = client.prepare(call_monitor_timeout=5)
    with serving(conf, worker):
        assert monitored.call({}, "sleep", seconds=6) == 6


def test_monitored_call_in_the_waiting_line_is_told_of(
    conf: cfg.ConfigOpts, worker: Worker, client: Any
) -> None:
    conf.set_override("threads", 1, group="worker")
    monitored = client.prepare(call_monitor_timeout=5)
    with serving(conf, worker):
        client.cast({}, "sleep", seconds=6)
        wait_until(lambda: worker.count("sleep") == 1)
        assert monitored.call({}, "echo", a=1) == {"a": 1}


def test_caller_that_has_given_up_is_not_served(
    conf: cfg.ConfigOpts, worker: Worker, client: Any
) -> None:
    conf.set_override("threads", 1, group="worker")
    with serving(conf, worker) as intake:
        client.cast({}, "wait")
        wait_until(lambda: worker.count("wait") == 1)
        with pytest.raises(oslo_messaging.MessagingTimeout):
            client.prepare(timeout=1).call({}, "store", value=1)
        # The queue is in order: what is behind it is there, so it was, or has expired there.
        client.cast({}, "echo", a=1)
        wait_until(lambda: waiting(intake, "echo"))
        # Its time is counted from its arrival, a little later than the caller counts.
        wait_until(lambda: all(job.is_expired() for job in waiting(intake, "store")))
        worker.gate.set()
        assert client.call({}, "echo", a=2) == {"a": 2}
        assert worker.count("store") == 0
        started = time.monotonic()
        intake.stop()
    assert time.monotonic() - started < 5


def test_message_that_comes_twice_at_once_is_one_request(
    conf: cfg.ConfigOpts, worker: Worker, channel: Any
) -> None:
    import amqp

    body = envelope.request("wait", {"number": 1}, {}, version="1.0", unique_id="same")
    with serving(conf, worker) as intake:
        for _ in range(3):
            channel.basic_publish(amqp.Message(body), exchange="ipamd", routing_key="ipam")
        wait_until(lambda: [len(job.deliveries) for job in waiting(intake, "wait")] == [3])
        worker.gate.set()
    assert [key for _, _, key in worker.calls] == ["same"]
    assert channel.queue_declare("ipam", passive=True).message_count == 0


def test_ten_megabytes_of_arguments_are_refused(
    conf: cfg.ConfigOpts, worker: Worker, client: Any
) -> None:
    with serving(conf, worker):
        with pytest.raises(errors.BadRequest, match="larger than"):
            client.call({}, "echo", text="x" * 10_000_000)
        assert client.call({}, "echo", a=1) == {"a": 1}


def test_an_answer_larger_than_a_message_may_be_is_compressed(
    conf: cfg.ConfigOpts, worker: Worker, client: Any
) -> None:
    """RabbitMQ 4 takes messages of 16 MiB; a call may give 65,536 addresses."""
    asked = {"text": '{"address": "10.0.0.1"} ' * 10, "times": 100_000}
    own = RpcCaller(conf)
    with serving(conf, worker):
        assert client.call({}, "repeat", **asked) == [asked["text"]] * 100_000
        assert own.call(RequestContext(), "repeat", asked, timeout=30) == [asked["text"]] * 100_000
    own.close()


def test_an_answer_that_remains_too_large_is_an_error(
    conf: cfg.ConfigOpts, worker: Worker, client: Any
) -> None:
    with serving(conf, worker):
        with pytest.raises(errors.IpamError, match="The answer is too large"):
            client.call({}, "noise", size=MAX_BODY + 1)
        assert client.call({}, "echo", a=1) == {"a": 1}
