"""The pages of ``ipamd-api``: two processes, whose workers are reached over RabbitMQ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.integration.bare_client import BareClient
from tests.integration.conftest import StartWorkers, bare_client, start_workers, upgraded
from tests.integration.programs import Facade, Settings

__all__ = ["bare_client", "start_workers", "upgraded"]

BLOCK = {"cidr": "10.0.0.0/16", "type": "private"}
WIDE = {"cidr": "2001:db8::/40", "type": "private"}


@pytest.fixture
def site(transport_url: str, tmp_path: Path, start_workers: StartWorkers) -> Iterator[str]:
    """URL of two processes of ``ipamd-api`` with one worker behind them."""
    start_workers(1)
    settings: Settings = {
        "DEFAULT": {"transport_url": transport_url, "state_path": tmp_path},
        "api": {"workers": 2, "threads": 4},
    }
    program = Facade("api", tmp_path, settings)
    try:
        program.wait_ready()
        yield program.url
        assert program.stop() == 0
        assert "Traceback" not in program.text()
    finally:
        program.kill()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_form_of_one_process_is_taken_by_the_other(site: str, bare_client: BareClient) -> None:
    block = bare_client.call("create_ip_block", tenant_id="t", ip_block=BLOCK)["id"]
    wide = bare_client.call("create_ip_block", tenant_id="t", ip_block=WIDE)["id"]
    # Counts beyond 64 bits cross the bus.
    assert "2⁸⁸" in requests.get(f"{site}/ui/blocks/{wide}/", timeout=30).text
    form = f"{site}/ui/blocks/{block}/allocate"
    asked = requests.get(form, params={"confirm": "yes"}, timeout=30)
    token = re.search(r'name="token" value="([^"]+)"', asked.text)
    assert token
    led = set()
    for _ in range(12):  # each on a connection of its own, which either process takes
        answer = requests.post(form, data={"token": token[1]}, timeout=30, allow_redirects=False)
        assert answer.status_code == 303
        led.add(answer.headers["Location"])
    assert led == {f"/ui/blocks/{block}/10.0.0.2?done=allocated"}
    shown = requests.get(f"{site}{led.pop()}", timeout=30).text
    assert "10.0.0.2 is allocated." in shown
