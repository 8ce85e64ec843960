"""A real server with three users, for those who try to get past it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import bcrypt
import pytest
import requests

from tests.integration.programs import Facade

PASSWORD = "correct horse"
# name → tenant and role
USERS = {"ann": ("a", "member"), "bob": ("b", "member"), "ops": ("ops", "admin")}


@dataclass
class Target:
    """The server, a block of tenant a and one of tenant b."""

    facade: Facade
    mine: dict[str, Any]
    foreign: dict[str, Any]

    def ask(self, method: str, path: str, user: str = "ann", **more: Any) -> requests.Response:
        """Send a request as a well-behaved client does; nothing may be wrong inside."""
        answer = requests.request(
            method, self.facade.url + path, auth=(user, PASSWORD), timeout=60, **more
        )
        self.judge(answer.status_code, answer.text)
        return answer

    def judge(self, status: int, text: str) -> None:
        """Check what holds of every answer."""
        assert status < 500, text
        assert "Traceback" not in text
        assert "sqlalchemy" not in text.lower()

    def raw(self, request: bytes) -> bytes:
        """Send bytes as they are; return all that comes back until the server closes."""
        with self.dial() as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            said = b""
            try:
                while chunk := client.recv(65536):
                    said += chunk
            except ConnectionResetError:
                pass
            return said

    def dial(self) -> socket.socket:
        """Connect."""
        host = urlsplit(self.facade.url)
        return socket.create_connection((str(host.hostname), int(host.port or 0)), timeout=60)

    def state(self) -> list[Any]:
        """Return everything there is, as the admin sees it."""
        return [
            self.ask("GET", f"/v2/{plural}", "ops").json()
            for plural in ("ip-blocks", "interfaces", "policies", "networks")
        ]


@pytest.fixture(scope="package")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """``ipamd-all`` with http_basic, a tenant a who attacks and a tenant b who is attacked."""
    folder = tmp_path_factory.mktemp("target")
    digest = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(8)).decode()
    (folder / "passwords").write_text("".join(f"{name}:{digest}\n" for name in USERS))
    (folder / "users.yaml").write_text(
        "".join(
            f"{name}: {{tenant: {tenant}, roles: [{role}]}}\n"
            for name, (tenant, role) in USERS.items()
        )
    )
    facade = Facade(
        "all",
        folder,
        {
            "DEFAULT": {"state_path": folder},
            "api": {
                "auth_strategy": "http_basic",
                "password_file": folder / "passwords",
                "users_file": folder / "users.yaml",
            },
        },
    )
    try:
        facade.wait_ready()
        made = Target(facade, {}, {})
        for user, cidr in (("ann", "10.1.0.0/24"), ("bob", "10.2.0.0/24")):
            body = {"ip_block": {"cidr": cidr, "type": "private", "network_id": f"net-{user}"}}
            tenant = USERS[user][0]
            path = f"/v0.1/ipam/tenants/{tenant}/ip_blocks"
            answer = made.ask("POST", path, user, json=body)
            assert answer.status_code == 201, answer.text
            block = answer.json()["ip_block"]
            address = {"ip_address": {"interface_id": f"vif-{user}", "address": None}}
            made.ask("POST", f"{path}/{block['id']}/ip_addresses", user, json=address)
            if user == "ann":
                made.mine = block
            else:
                made.foreign = block
        yield made
        assert facade.stop() == 0, facade.text()
        assert "Traceback" not in facade.text()
    finally:
        facade.kill()
