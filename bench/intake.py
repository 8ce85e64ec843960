"""CPU per echoed request: ipamd's intake against oslo.messaging's RPC server.

Both servers run in processes of their own on one private RabbitMQ and answer the same
unmodified oslo.messaging client, in turns.  Each tells its own CPU time, before and after
a round.  Run by ``python -m bench.intake``; exits 1 when the median ratio is above the
limit.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import oslo_messaging
from oslo_config import cfg

from ipamd import config, errors
from ipamd.context import RequestContext
from ipamd.rpc import transport
from ipamd.rpc.intake import Intake
from tests.services import RabbitMQ

LIMIT = 0.5
ARGUMENTS = {
    "tenant_id": "T1",
    "ip_block_id": "6a3d3c1c-9e34-4f4a-8f0f-52e0f8f37d40",
    "ip_address": {"interface_id": "vif-1", "used_by_device": "instance-1"},
}
SERVERS = ("ipamd", "oslo")


def say(line: str) -> None:
    """Print a line of the report."""
    sys.stdout.write(line + "\n")


def make_conf(transport_url: str) -> cfg.ConfigOpts:
    """Build a configuration as a worker has it."""
    conf = cfg.ConfigOpts()
    config.register_opts(conf)
    transport.register_opts(conf)
    conf([], project="ipamd", default_config_files=[], default_config_dirs=[])
    conf.set_override("transport_url", transport_url)
    return conf


class EchoHandler:
    """The intake's side of the comparison."""

    def call(
        self,
        _context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        *,
        request_key: str | None = None,
    ) -> Any:
        """Echo, or tell the CPU time used so far."""
        return time.process_time() if method == "cpu" else dict(args)

    def report_failure(
        self,
        _context: RequestContext,
        method: str,
        _args: Mapping[str, Any],
        error: errors.IpamError,
        *,
        request_key: str | None = None,
    ) -> None:
        """Fail: nothing here may fail."""
        raise RuntimeError(f"{method}: {error}")


class EchoEndpoint:
    """oslo.messaging's side of the comparison."""

    target = oslo_messaging.Target(version="1.0")

    def cpu(self, _context: dict[str, Any]) -> float:
        """Tell the CPU time used so far."""
        return time.process_time()

    def echo(self, _context: dict[str, Any], **args: Any) -> dict[str, Any]:
        """Echo."""
        return args


def serve(kind: str, transport_url: str) -> None:
    """Be a server until killed."""
    conf = make_conf(transport_url)
    if kind == "ipamd":
        intake = Intake(conf, EchoHandler(), topic=kind)
        intake.start()
        intake.wait()
        return
    transport.register_opts(cfg.CONF)
    cfg.CONF([], project="bench", default_config_files=[], default_config_dirs=[])
    target = oslo_messaging.Target(exchange=transport.EXCHANGE, topic=kind, server="bench")
    server = oslo_messaging.get_rpc_server(transport.rpc_transport(conf), target, [EchoEndpoint()])
    server.start()
    threading.Event().wait()


@dataclass(frozen=True)
class Round:
    """What one round of calls cost."""

    cpu_us: float
    rate: float


def run_round(client: Any, calls: int, threads: int) -> Round:
    """Call ``echo`` so often from so many threads."""
    before = client.call({}, "cpu")
    started = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        for answer in pool.map(lambda _: client.call({}, "echo", **ARGUMENTS), range(calls)):
            if answer != ARGUMENTS:
                raise RuntimeError(f"wrong echo: {answer}")
    elapsed = time.monotonic() - started
    used = client.call({}, "cpu") - before
    return Round(used / calls * 1e6, calls / elapsed)


def compare(clients: Mapping[str, Any], rounds: int, calls: int, threads: int) -> float:
    """Run the rounds in turns, print what they gave, and return the median ratio."""
    results: dict[str, list[Round]] = {kind: [] for kind in SERVERS}
    for client in clients.values():
        run_round(client, 200, threads)  # warm up
    for _ in range(rounds):
        for kind in SERVERS:
            results[kind].append(run_round(clients[kind], calls, threads))
    say(f"{threads} client thread(s), {rounds} rounds of {calls} calls each:")
    for kind in SERVERS:
        cpu = [each.cpu_us for each in results[kind]]
        rate = [each.rate for each in results[kind]]
        say(
            f"  {kind:6} {statistics.median(cpu):7.0f} us CPU per echo "
            f"({min(cpu):.0f} to {max(cpu):.0f}), {statistics.median(rate):6.0f} calls/s "
            f"({min(rate):.0f} to {max(rate):.0f})"
        )
    pairs = zip(results["ipamd"], results["oslo"], strict=True)
    ratios = [ours.cpu_us / theirs.cpu_us for ours, theirs in pairs]
    median = statistics.median(ratios)
    say(f"  ratio  {median:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    return median


def main() -> int:
    """Compare the two servers; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--serve", nargs=2, metavar=("KIND", "URL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
        return 0
    with ExitStack() as stack:
        broker = stack.enter_context(RabbitMQ())
        clients = {}
        for kind in SERVERS:
            command = [sys.executable, "-m", "bench.intake", "--serve", kind, broker.url]
            process = subprocess.Popen(command)  # noqa: S603
            stack.callback(process.wait)
            stack.callback(process.kill)
            bus = transport.rpc_transport(make_conf(broker.url))
            stack.callback(bus.cleanup)
            target = oslo_messaging.Target(exchange=transport.EXCHANGE, topic=kind, version="1.0")
            client = oslo_messaging.get_rpc_client(bus, target, timeout=30, retry=3)
            wait_for(client)
            clients[kind] = client
        medians = [compare(clients, options.rounds, options.calls, threads) for threads in (1, 8)]
    say(f"limit {LIMIT}: {'met' if max(medians) <= LIMIT else 'EXCEEDED'}")
    return 0 if max(medians) <= LIMIT else 1


def wait_for(client: Any) -> None:
    """Wait until the client's server answers."""
    for attempt in range(30):
        try:
            client.prepare(timeout=1).call({}, "cpu")
            return
        except oslo_messaging.MessagingTimeout:
            if attempt == 29:
                raise


if __name__ == "__main__":
    sys.exit(main())
