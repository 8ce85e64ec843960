"""The broker as ``transport_url`` and ``[oslo_messaging_rabbit]`` describe it.

Hosts, TLS, heartbeats and retry intervals are read through oslo.messaging, so that the
query part of the URL overrides the options here as it does in every other service.
"""

from __future__ import annotations

import itertools
import logging
import os
import random
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from typing import Any

import oslo_messaging
from kombu.connection import Connection
from oslo_config import cfg

from ipamd.rpc import transport

LOG = logging.getLogger(__name__)

CONNECT_TIMEOUT = 5.0
# Seconds after which a read or a write that makes no progress means a dead connection.
IO_TIMEOUT = 15.0


class Broker:
    """The hosts of one RabbitMQ, tried in turn; ``options`` is [oslo_messaging_rabbit]."""

    def __init__(self, conf: cfg.ConfigOpts, *, notifications: bool = False) -> None:
        """Read the configuration; nothing is connected.

        ``notifications``: of the bus that [oslo_messaging_notifications] names.

        Raises: oslo_config.cfg.ConfigFileValueError when the URL names no RabbitMQ.
        """
        url = transport.read_url(conf, notifications=notifications)
        make = transport.notification_transport if notifications else transport.rpc_transport
        self.options: Any = make(conf).conf.oslo_messaging_rabbit
        self.is_tls = bool(self.options.ssl)
        self.heartbeat: int = self.options.heartbeat_timeout_threshold
        self.heartbeat_rate: int = max(1, self.options.heartbeat_rate)
        self._virtual_host = url.virtual_host or "/"
        self._hosts = list(url.hosts) or [oslo_messaging.TransportHost("localhost")]
        random.shuffle(self._hosts)  # not every worker on the same host
        self._cycle = self._each_host()
        self.host = self._next_host()

    def _each_host(self) -> Iterator[Any]:
        if self.options.kombu_failover_strategy == "shuffle":
            while True:
                yield from random.sample(self._hosts, len(self._hosts))
        yield from itertools.cycle(self._hosts)

    def _next_host(self) -> Any:
        return next(self._cycle)

    def switch_host(self) -> None:
        """Let the next attempt go to another host, where there is one."""
        self.host = self._next_host()

    @property
    def hosts(self) -> int:
        """How many hosts there are to try."""
        return len(self._hosts)

    @property
    def address(self) -> str:
        """``host:port`` of the present attempt, for the log."""
        return f"{self.host.hostname}:{self._port}"

    @property
    def _port(self) -> int:
        return int(self.host.port or (5671 if self.options.ssl else 5672))

    def pause(self, failures: int) -> float:
        """Return the seconds to wait after so many failed attempts in a row.

        Another host is tried at once; after a round of all hosts the pause grows from
        ``rabbit_retry_interval`` by ``rabbit_retry_backoff`` to ``rabbit_interval_max``.
        """
        options = self.options
        rounds, rest = divmod(failures, len(self._hosts))
        if rest:
            return 0.0
        pause = options.rabbit_retry_interval + options.rabbit_retry_backoff * (rounds - 1)
        splay = random.uniform(0, options.kombu_reconnect_splay)  # noqa: S311
        return float(min(pause, options.rabbit_interval_max) + splay)

    def connect(self, purpose: str, on_blocked: Callable[[bool], None] | None = None) -> Any:
        """Open one AMQP connection to the present host, and return it.

        ``on_blocked(True)`` is called when the broker, short of memory or disk, stops
        taking messages from this connection, ``on_blocked(False)`` when it goes on.

        Raises: OSError or amqp.AMQPError.
        """
        options, host = self.options, self.host
        notify = on_blocked or (lambda _blocked: None)
        client = Connection(  # type: ignore[no-untyped-call]
            hostname=host.hostname or "localhost",
            userid=host.username or "guest",
            password=host.password or "guest",
            virtual_host=self._virtual_host,
            port=self._port,
            transport="pyamqp",
            ssl=self._tls(),
            login_method=options.rabbit_login_method,
            heartbeat=self.heartbeat,
            connect_timeout=CONNECT_TIMEOUT,
            transport_options={
                "client_properties": {"connection_name": _connection_name(purpose)},
                "on_blocked": lambda _reason: notify(True),
                "on_unblocked": lambda: notify(False),
                "socket_settings": _socket_settings(self.heartbeat),
            },
        )
        connection = client.transport.establish_connection()
        connection.sock.settimeout(IO_TIMEOUT)
        # py-amqp would look for a "blocked" notice before each publish; the link reads
        # all that comes in anyway.
        connection.client_properties["capabilities"]["connection.blocked"] = False
        return connection

    def _tls(self) -> dict[str, Any] | bool:
        options = self.options
        if not options.ssl:
            return False
        tls: dict[str, Any] = {}
        if options.ssl_version:
            tls["ssl_version"] = _tls_version(options.ssl_version)
        if options.ssl_key_file:
            tls["keyfile"] = options.ssl_key_file
        if options.ssl_cert_file:
            tls["certfile"] = options.ssl_cert_file
        if options.ssl_ca_file:
            tls["ca_certs"] = options.ssl_ca_file
            tls["cert_reqs"] = ssl.CERT_REQUIRED
            tls["server_hostname"] = self.host.hostname
        return tls or True


def _tls_version(name: str) -> Any:
    known = {key.removeprefix("PROTOCOL_").lower(): key for key in dir(ssl) if "PROTOCOL_" in key}
    try:
        return getattr(ssl, known[name.lower()])
    except KeyError:
        raise cfg.ConfigFileValueError(
            f"[oslo_messaging_rabbit] ssl_version: {name} is not one of {', '.join(known)}"
        ) from None


def _connection_name(purpose: str) -> str:
    return f"{os.path.basename(sys.argv[0]) or 'ipamd'}:{os.getpid()}:{purpose}"


def _socket_settings(heartbeat: int) -> dict[int, int]:
    if not heartbeat or not hasattr(socket, "TCP_USER_TIMEOUT"):
        return {}
    return {socket.TCP_USER_TIMEOUT: heartbeat * 1000}
