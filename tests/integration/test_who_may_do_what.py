"""Callers who are asked who they are, by whole programs: over RabbitMQ and in one process."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.api.guarded_service import OTHER, TENANT, USERS, write_users
from tests.integration.conftest import StartWorkers
from tests.integration.programs import Facade, Settings
from tests.services.waiting import wait_until

BLOCK: dict[str, Any] = {"cidr": "10.0.0.0/24", "type": "private", "tenant_id": TENANT}


def api_settings(folder: Path) -> dict[str, object]:
    """Write the files of ``http_basic``, and return the settings that name them."""
    write_users(folder, USERS)
    return {
        "auth_strategy": "http_basic",
        "password_file": folder / "htpasswd",
        "users_file": folder / "users.yaml",
    }


def ask(facade: Facade, name: str, verb: str, path: str, body: Any = None) -> requests.Response:
    """Send a request with a name's password."""
    url, secret = facade.url + path, (name, name)
    return requests.request(verb, url, json=body, auth=secret, timeout=30)


@pytest.fixture
def facades() -> Iterator[ExitStack]:
    """Kills what a test has started."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_workers_keep_what_a_facade_asks_for_to_the_callers_tenant(
    start_workers: StartWorkers, transport_url: str, tmp_path: Path, facades: ExitStack
) -> None:
    (worker,) = start_workers(1)
    settings: Settings = {
        "DEFAULT": {"transport_url": transport_url},
        "api": api_settings(tmp_path),
    }
    facade = Facade("api", tmp_path, settings)
    facades.callback(facade.kill)
    facade.wait_ready()
    made = ask(facade, "member", "POST", "/v2/ip-blocks", {"ip_block": BLOCK})
    assert made.status_code == 201
    block = made.json()["ip_block"]["id"]
    path = f"/v2/ip-blocks/{block}"
    seen = {
        name: ask(facade, name, "GET", path).status_code
        for name in ("reader", "member", "admin", "another tenant", "lessee")
    }
    assert seen == {"reader": 200, "member": 200, "admin": 200,
                    "another tenant": 404, "lessee": 404}  # fmt: skip
    assert ask(facade, "another tenant", "DELETE", path).status_code == 404
    assert ask(facade, "reader", "DELETE", path).status_code == 403
    # The owner leases; the lessee reaches its address, and gives it back.
    lease = {"ip_block_id": block, "tenant_id": "lessee", "interface_id": "vif-l"}
    made = ask(facade, "member", "POST", "/v2/ip-addresses", {"ip_address": lease})
    address = f"/v2/ip-addresses/{made.json()['ip_address']['id']}"
    assert ask(facade, "lessee", "GET", address).status_code == 200
    assert ask(facade, "another tenant", "DELETE", address).status_code == 404
    assert ask(facade, "lessee", "DELETE", address).status_code == 204
    melange = f"/v0.1/ipam/tenants/{OTHER}/ip_blocks"
    assert ask(facade, "member", "GET", melange).status_code == 403
    assert requests.get(facade.url + path, timeout=30).status_code == 401
    assert facade.stop() == 0
    assert "Traceback" not in facade.text() + worker.text()


def test_passwords_change_without_a_restart(tmp_path: Path, facades: ExitStack) -> None:
    settings: Settings = {"DEFAULT": {"state_path": tmp_path}, "api": api_settings(tmp_path)}
    facade = Facade("all", tmp_path, settings)
    facades.callback(facade.kill)
    facade.wait_ready()
    assert ask(facade, "member", "GET", "/v2/ip-blocks").status_code == 200
    write_users(tmp_path, {"late": (TENANT, ["reader"])})
    wait_until(lambda: ask(facade, "late", "GET", "/v2/ip-blocks").status_code == 200)
    assert ask(facade, "member", "GET", "/v2/ip-blocks").status_code == 401
    assert base64.b64encode(b"late:late").decode() not in facade.text()
    assert facade.stop() == 0
