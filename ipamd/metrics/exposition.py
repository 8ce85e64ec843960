"""Metrics as text: for the facade's ``/metrics``, and on a port of a worker's own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from wsgiref.simple_server import WSGIServer

from oslo_config import cfg
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.exposition import choose_encoder

from ipamd.metrics.instruments import FacadeMetrics, new_registry


@dataclass(frozen=True)
class Exposed:
    """What the facade counts into, and what it tells when it is asked."""

    metrics: FacadeMetrics
    told: Callable[[], CollectorRegistry]

    @classmethod
    def of(cls, registry: CollectorRegistry) -> Exposed:
        """Count into a registry and tell all that it holds."""
        return cls(FacadeMetrics(registry), lambda: registry)

    @classmethod
    def shared(cls, told: Callable[[], CollectorRegistry]) -> Exposed:
        """Count for this process, and tell what all processes have counted."""
        return cls(FacadeMetrics(new_registry()), told)

    def text(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics and their content type: what ``accept``, a header, asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self.told()), content_type


class MetricsServer:
    """Serves a registry over HTTP on ``[worker] metrics_bind``."""

    def __init__(self, bind: str, registry: CollectorRegistry) -> None:
        """Listen.

        Raises: cfg.Error with a sentence when ``bind`` is no ``host:port`` or is taken.
        """
        host, port = parse_bind(bind)
        self._server: WSGIServer
        self._thread: threading.Thread
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise cfg.Error(f"[worker] metrics_bind = {bind}: {error.strerror}") from error
        self.port = self._server.server_port

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def parse_bind(bind: str) -> tuple[str, int]:
    """Read ``host:port``; an IPv6 address stands in brackets.

    Raises: cfg.Error
    """
    host, colon, port = bind.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise cfg.Error(f"[worker] metrics_bind = {bind} is not host:port")
    return host, int(port)
