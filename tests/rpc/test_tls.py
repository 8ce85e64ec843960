"""TLS to the broker, by the options that oslo.messaging has for it."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.rpc.caller import RpcCaller
from tests.rpc.support import Worker, make_conf, serving
from tests.services import RabbitMQ
from tests.services.ports import release_port, reserve_port

CONTEXT = RequestContext(overwrite=False)


def make_certificate(folder: Path, name: str) -> Path:
    """Make a self-signed certificate for 127.0.0.1; its key is beside it."""
    certificate = folder / f"{name}.pem"
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout {name}.key -out {name}.pem "
        "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1".split(),
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (folder / f"{name}.key").chmod(0o644)
    return certificate


@pytest.mark.services("rabbitmq")
@pytest.mark.slow
def test_intake_and_caller_speak_tls(tmp_path: Path, worker: Worker) -> None:
    port = reserve_port()
    broker = RabbitMQ()
    # RabbitMQ's own account must be able to read its certificate.
    ours = make_certificate(broker.folder, "broker")
    other = make_certificate(tmp_path, "other")
    broker.settings |= {
        "listeners.ssl.1": f"127.0.0.1:{port}",
        "ssl_options.certfile": str(ours),
        "ssl_options.keyfile": str(ours.with_suffix(".key")),
    }
    url = f"rabbit://guest:guest@127.0.0.1:{port}//"
    unknown = {"oslo_messaging_rabbit__ssl": True}
    right = {**unknown, "oslo_messaging_rabbit__ssl_ca_file": str(ours)}
    wrong = {**unknown, "oslo_messaging_rabbit__ssl_ca_file": str(other)}
    try:
        broker.start()
        with serving(make_conf(url, **right), worker) as intake:
            caller = RpcCaller(make_conf(url, **right))
            for size in (1, 20_000, 2_000_000):  # more than TLS puts into one record
                sent = {"text": "x" * size}
                assert caller.call(CONTEXT, "echo", sent) == sent
            time.sleep(1)  # idle connections stay
            assert intake.ready
            assert caller.call(CONTEXT, "echo", {"a": 1}) == {"a": 1}
            caller.close()
            for options in (unknown, wrong, {}):
                caller = RpcCaller(make_conf(url, **options))
                with pytest.raises(errors.Unavailable, match="cannot be reached"):
                    caller.call(CONTEXT, "echo", {}, timeout=1.5)
                caller.close()
    finally:
        broker.close()
        release_port(port)
