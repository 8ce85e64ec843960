"""The facade under gunicorn: what ``ipamd-api`` and ``ipamd-all`` have in common."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from oslo_config import cfg

from ipamd.api import auth, event_stream, rate_limits
from ipamd.api.ui import forms
from ipamd.cmd.clients import worker_class

LOG = logging.getLogger(__name__)


class Part:
    """The facade of one process and what runs beside it; made after the fork."""

    def __init__(self, app: Flask, close: Callable[[], None]) -> None:
        self.app = app
        self.close = close


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn on ``[api] bind_host:bind_port``; ``make_part`` runs in each process."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        make_part: Callable[[], Part],
        *,
        processes: int,
        greeting: str,
        when_ready: Callable[[], None] = lambda: None,
        on_exit_of: Callable[[int], None] = lambda _pid: None,
    ) -> None:
        """Prepare; ``on_exit_of`` is told the id of each process that has ended."""
        self._conf = conf
        self._make_part = make_part
        self._processes = processes
        self._greeting = greeting
        self._when_ready = when_ready
        self._on_exit_of = on_exit_of
        self._part: Part | None = None
        # Before the fork: a form that one process made may be sent to another.
        forms.secret_of(conf)
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn up from ipamd's options."""
        settings: dict[str, Any] = {
            "bind": listening(self._conf),
            "workers": self._processes,
            "worker_class": worker_class(self._conf.api.client_timeout),
            "threads": self._conf.api.threads,
            "graceful_timeout": self._conf.worker.drain_timeout,
            "timeout": 60,
            "keepalive": 15,
            # No header names the path: by default gunicorn believes PATH_INFO from loopback.
            "forwarder_headers": "",
            "limit_request_fields": self._conf.api.max_headers,
            "limit_request_field_size": self._conf.api.max_header_size,
            "proc_name": "ipamd",
            "control_socket_disable": True,
            "loglevel": "warning",
            "when_ready": self._greet,
            "post_worker_init": self._tell_streams,
            "worker_exit": self._close,
            "child_exit": self._note_exit,
        }
        for name, value in settings.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """Build the application in a fresh process."""
        self._part = self._make_part()
        return self._part.app

    def _greet(self, _: Any) -> None:
        self._when_ready()
        print(self._greeting, flush=True)

    def _tell_streams(self, worker: Any) -> None:
        """Let streams of events end when the process is told to stop."""
        if self._part is not None:
            streams = self._part.app.extensions[event_stream.EXTENSION]
            streams.is_stopping = lambda: not worker.alive

    def _note_exit(self, _arbiter: Any, worker: Any) -> None:
        self._on_exit_of(worker.pid)

    def _close(self, _arbiter: Any, _worker: Any) -> None:
        if self._part is not None:
            self._part.close()


def listening(conf: cfg.ConfigOpts) -> list[str]:
    """Return the facade's addresses, ``host:port``: its own, and Quantum's if that is set."""
    host = f"[{conf.api.bind_host}]" if ":" in conf.api.bind_host else conf.api.bind_host
    ports = dict.fromkeys((conf.api.bind_port, conf.api.quantum_bind_port))
    return [f"{host}:{port}" for port in ports if port is not None]


def check_doors(conf: cfg.ConfigOpts) -> None:
    """Refuse to serve everybody on an address that others reach, or with unusable settings.

    Raises: cfg.Error with a sentence that names the settings
    """
    rate_limits.check(conf)
    if conf.api.auth_strategy != "noauth":
        auth.Door(conf)
        return
    if conf.api.melange_trusted_proxies:
        raise cfg.Error(
            "[api] melange_trusted_proxies would keep nobody out with [api] auth_strategy = "
            "noauth, which lets the same requests in by every other path: choose http_basic or "
            "keystone"
        )
    if not conf.api.allow_noauth and not auth.is_loopback(conf.api.bind_host):
        raise cfg.Error(
            f"[api] auth_strategy = noauth would let everybody who reaches {conf.api.bind_host} "
            "do everything: change [api] bind_host to a loopback address, or set [api] "
            "allow_noauth = true behind something that authenticates"
        )


def curl_example(conf: cfg.ConfigOpts) -> str:
    """Return where the facade listens, and a request to try."""
    base, *more = [f"http://{address}" for address in listening(conf)]
    return f"""\
ipamd listens on {" and ".join([base, *more])}
Look at it: {base}/ui/
Try:
  curl -s {base}/v0.1/ipam/tenants/demo/ip_blocks -H 'Content-Type: application/json' \\
    -d '{{"ip_block": {{"cidr": "10.0.0.0/24", "type": "private"}}}}'"""
