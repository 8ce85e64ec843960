"""The client's side of the group ``rpc``: plain oslo.messaging, one process.

``python -m bench.rpc_client TRANSPORT_URL``; orders are ``{kind, callers, seconds, ...}``.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any

import oslo_messaging

from bench import remote
from bench.intake import ARGUMENTS, make_conf, wait_for
from bench.load import run_threads
from ipamd.rpc import transport

CONTEXT = {"project_id": "bench", "request_id": "req-bench"}


def main() -> None:
    """Answer orders until standard input ends."""
    # It warns of its own pool and of what it takes for leaks.
    logging.getLogger("oslo_messaging").setLevel(logging.ERROR)
    bus = transport.rpc_transport(make_conf(sys.argv[1]))
    clients = {}
    for kind, topic in (("echo", "oslo"), ("allocate", transport.TOPIC)):
        target = oslo_messaging.Target(exchange=transport.EXCHANGE, topic=topic, version="1.0")
        clients[kind] = oslo_messaging.get_rpc_client(bus, target, timeout=60, retry=3)
    waited_for: set[str] = set()

    def work(order: Mapping[str, Any]) -> Any:
        client = clients[order["kind"]]
        if order["kind"] == "echo" and "echo" not in waited_for:
            wait_for(client)
            waited_for.add("echo")

        def echo(_caller: int, _number: int) -> Any:
            return client.call(CONTEXT, "echo", **ARGUMENTS)

        def allocate(caller: int, _number: int) -> Any:
            return client.call(
                CONTEXT,
                "allocate_ip_address",
                tenant_id="bench",
                ip_block_id=order["block"],
                ip_address={"interface_id": f"vif-{caller}"},
            )

        call = echo if order["kind"] == "echo" else allocate
        return run_threads(order["callers"], order["seconds"], call)

    remote.serve(work)


if __name__ == "__main__":
    main()
