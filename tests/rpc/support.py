"""What the tests of messages share: configurations, plain clients, a handler that works."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import amqp
import oslo_messaging
from kombu.utils.url import parse_url
from oslo_config import cfg

from ipamd import config, errors
from ipamd.context import RequestContext
from ipamd.rpc import transport
from ipamd.rpc.dispatch import Handler
from ipamd.rpc.intake import Intake


def make_conf(transport_url: str, **options: Any) -> cfg.ConfigOpts:
    """Build a configuration; ``options``: ``group__name=value``, or ``name=value``."""
    conf = cfg.ConfigOpts()
    config.register_opts(conf)
    transport.register_opts(conf)
    conf([], project="ipamd", default_config_files=[], default_config_dirs=[])
    conf.set_override("transport_url", transport_url)
    for key, value in options.items():
        group, _, name = key.rpartition("__")
        conf.set_override(name, value, group=group or None)
    return conf


class Worker:
    """A handler with real behaviour: it answers, waits, fails, counts, and does things once.

    ``gate`` holds the method ``wait`` until it is set.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any], str | None]] = []
        self.contexts: list[RequestContext] = []
        self.failures: list[tuple[str, errors.IpamError, str | None]] = []
        self.gate = threading.Event()
        self.away = threading.Event()
        self._lock = threading.Lock()
        self._answers: dict[str, Any] = {}

    def call(
        self,
        context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        *,
        request_key: str | None = None,
    ) -> Any:
        """Run the method ``do_<method>`` of this class."""
        with self._lock:
            self.calls.append((method, dict(args), request_key))
            self.contexts.append(context)
        work = getattr(self, f"do_{method}", None)
        if work is None:
            raise errors.UnknownMethod(f"No such method: {method}")
        return work(request_key, **args)

    def report_failure(
        self,
        _context: RequestContext,
        method: str,
        _args: Mapping[str, Any],
        error: errors.IpamError,
        *,
        request_key: str | None = None,
    ) -> None:
        """Keep what would be an event."""
        self._need_store()
        with self._lock:
            self.failures.append((method, error, request_key))

    def count(self, method: str) -> int:
        """Return how often a method was called."""
        return sum(1 for name, _, _ in self.calls if name == method)

    @property
    def stored(self) -> bool:
        """Whether the method ``store`` has stored something."""
        return bool(self._answers)

    def _need_store(self) -> None:
        if self.away.is_set():
            raise errors.Unavailable("The database cannot be reached")

    def do_echo(self, _key: str | None, **args: Any) -> Any:
        return args

    def do_wait(self, _key: str | None, number: int = 0) -> int:
        if not self.gate.wait(30):
            raise RuntimeError("the test forgot to open the gate")
        return number

    def do_sleep(self, _key: str | None, seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    def do_fail(self, _key: str | None, code: str) -> None:
        raise errors.from_dict({"code": code, "message": f"this is {code}"})

    def do_invalid(self, _key: str | None) -> None:
        raise errors.ValidationError(fields={"cidr": ["cidr is invalid"]})

    def do_break(self, _key: str | None) -> None:
        raise ZeroDivisionError("password=hunter2")

    def do_no_json(self, _key: str | None) -> object:
        return object()

    def do_repeat(self, _key: str | None, text: str, times: int) -> list[str]:
        return [text] * times

    def do_noise(self, _key: str | None, size: int) -> str:
        return os.urandom(size).hex()

    def do_store(self, key: str | None, value: int) -> int:
        """Answer a key as the first time; refuse while the store is away."""
        self._need_store()
        with self._lock:
            return int(self._answers.setdefault(str(key), value))


@contextmanager
def serving(conf: cfg.ConfigOpts, handler: Handler, **names: str) -> Iterator[Intake]:
    """Run an intake in this process."""
    intake = Intake(conf, handler, **names)
    intake.start()
    try:
        if not intake.wait_ready(20):
            raise TimeoutError("the intake did not reach the broker")
        yield intake
    finally:
        intake.stop()


@contextmanager
def plain_client(transport_url: str, **settings: Any) -> Iterator[Any]:
    """Give a client made with nothing but oslo.messaging."""
    bus = transport.rpc_transport(make_conf(transport_url))
    target = oslo_messaging.Target(exchange="ipamd", topic="ipam", version="1.0")
    settings = {"timeout": 30, "retry": 3, **settings}
    try:
        yield oslo_messaging.get_rpc_client(bus, target, **settings)
    finally:
        bus.cleanup()


@contextmanager
def raw_channel(transport_url: str) -> Iterator[Any]:
    """Give a bare AMQP channel with confirms, for what no proper client would send."""
    url = parse_url(transport_url.replace("rabbit://", "amqp://"))
    connection = amqp.Connection(
        f"{url['hostname']}:{url['port']}",
        userid=url["userid"],
        password=url["password"],
        virtual_host=url["virtual_host"],
        confirm_publish=True,
    )
    connection.connect()
    try:
        yield connection.channel()
    finally:
        connection.close()


def queue_length(channel: Any, name: str) -> int:
    """Return how many messages wait in a queue, those in hand not counted."""
    return int(channel.queue_declare(name, passive=True).message_count)


def queue_exists(transport_url: str, name: str) -> bool:
    """Tell whether there is a queue."""
    with raw_channel(transport_url) as channel:
        try:
            channel.queue_declare(name, passive=True)
        except amqp.NotFound:
            return False
    return True
