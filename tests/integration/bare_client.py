"""A client of ipamd that is written with nothing but oslo.messaging."""

from __future__ import annotations

from typing import Any

import oslo_messaging
from oslo_config import cfg


class BareClient:
    """Calls and casts to exchange ``ipamd``, topic ``ipam``; its own transport."""

    def __init__(self, url: str, *, timeout: int = 30) -> None:
        conf = cfg.CONF
        self.context = {"request_id": "req-bare", "project_id": "t1"}
        self.transport = oslo_messaging.get_rpc_transport(
            conf, url=url, allowed_remote_exmods=["ipamd.errors"]
        )
        target = oslo_messaging.Target(exchange="ipamd", topic="ipam", version="1.0")
        self._client = oslo_messaging.get_rpc_client(
            self.transport, target, timeout=timeout, retry=2
        )

    def call(self, method: str, **args: Any) -> Any:
        """Call ``method`` and return its result."""
        return self._client.call(self.context, method, **args)

    def cast(self, method: str, **args: Any) -> None:
        """Cast ``method``; nobody answers."""
        self._client.cast(self.context, method, **args)

    def close(self) -> None:
        """Close the connections."""
        self.transport.cleanup()
