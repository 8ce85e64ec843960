"""Melange's rule by ``X-Tenant`` and ``X-Role``: for /v0.1, from the proxies listed."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from oslo_config import cfg

from ipamd.api.app import create_app
from ipamd.cmd.serving import check_doors
from tests.api.conftest import RecordingCaller
from tests.api.guarded_service import OTHER, TENANT, USERS, basic_conf, write_users

PROXY, ELSEWHERE = "192.0.2.7", "192.0.2.8"
BLOCKS = f"/v0.1/ipam/tenants/{TENANT}/ip_blocks"


@pytest.fixture
def worker() -> RecordingCaller:
    """A worker that answers with empty lists."""
    worker = RecordingCaller()
    worker.result = {"ip_blocks": [], "ip_addresses": [], "interfaces": [], "next_marker": None}
    return worker


@pytest.fixture
def client(tmp_path: Path, worker: RecordingCaller) -> FlaskClient:
    """A client of a facade that believes two proxies."""
    write_users(tmp_path, USERS)
    conf = basic_conf(tmp_path, melange_trusted_proxies=["2001:db8::7", PROXY])
    return create_app(conf, worker).test_client()


def status(client: FlaskClient, path: str, peer: str = PROXY, **headers: str) -> int:
    """Ask from a peer; underscores in names of headers are hyphens."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.get(path, headers=sent, environ_base={"REMOTE_ADDR": peer})
    return answer.status_code


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        (BLOCKS, {"X_Tenant": TENANT}, 200),
        (BLOCKS, {"X_Tenant": TENANT, "X_Role": "Member"}, 200),
        (BLOCKS, {"X_Tenant": OTHER}, 403),
        (BLOCKS, {"X_Tenant": OTHER, "X_Role": "Member, Admin"}, 200),
        (BLOCKS, {"X_Role": "admin"}, 200),
        (BLOCKS, {"X_Tenant": OTHER, "X_Role": "administrator"}, 403),
        (BLOCKS, {"X_Role": "Member"}, 401),
        (BLOCKS, {}, 401),
        # Where the URL names no tenant only admins may ask, as with Melange.
        ("/v0.1/ipam/allocated_ip_addresses", {"X_Tenant": TENANT}, 403),
        ("/v0.1/ipam/instances/i/interfaces", {"X_Tenant": TENANT}, 403),
        ("/v0.1/ipam/instances/i/interfaces", {"X_Role": "Admin"}, 200),
        ("/v0.1/ipam/mac_address_ranges", {"X_Tenant": TENANT}, 403),
    ],
)
def test_a_listed_proxy_is_believed_by_melanges_rule(
    client: FlaskClient, path: str, headers: dict[str, str], expected: int
) -> None:
    assert status(client, path, **headers) == expected


def test_what_it_named_is_confined_to_its_tenant(
    client: FlaskClient, worker: RecordingCaller
) -> None:
    status(client, BLOCKS, X_Tenant=TENANT)
    status(client, BLOCKS, X_Role="admin")
    assert [context.confined_to for context in worker.contexts] == [TENANT, None]


@pytest.mark.parametrize("peer", ["::ffff:192.0.2.7", "2001:db8::7", "2001:0DB8:0::0:7"])
def test_spellings_of_its_address_are_one(client: FlaskClient, peer: str) -> None:
    assert status(client, BLOCKS, peer, X_Tenant=TENANT) == 200


@pytest.mark.parametrize("peer", [ELSEWHERE, "127.0.0.1", "", "unix:", "::1"])
def test_nobody_else_is_believed(client: FlaskClient, worker: RecordingCaller, peer: str) -> None:
    assert status(client, BLOCKS, peer, X_Tenant=TENANT, X_Role="admin") == 401
    claims = {"X-Tenant": OTHER, "X-Role": "admin", "X-Forwarded-For": PROXY}
    answer = client.get(
        f"/v0.1/ipam/tenants/{OTHER}/ip_blocks",
        headers=claims, auth=("member", "member"), environ_base={"REMOTE_ADDR": peer},
    )  # fmt: skip
    assert answer.status_code == 403
    assert worker.calls == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1.0/ipam/tenants/acme/ip_blocks", "/v2/ip-blocks", "/v1.1/tenants/acme/networks",
        "/compute/v2/acme/servers/s/os-virtual-interfaces", "/v0.10/ipam", "/v1.0/../v0.1/",
        "//v2/ip-blocks",
    ],
)  # fmt: skip
def test_no_other_path_is_covered(client: FlaskClient, worker: RecordingCaller, path: str) -> None:
    assert status(client, path, X_Tenant=TENANT, X_Role="admin") in (401, 404)
    assert worker.calls == []


def test_other_paths_ask_for_a_password_even_from_the_proxy(client: FlaskClient) -> None:
    answer = client.get(
        "/v1.0/ipam/tenants/acme/ip_blocks",
        auth=("member", "member"), environ_base={"REMOTE_ADDR": PROXY},
    )  # fmt: skip
    assert answer.status_code == 200


def test_with_an_open_door_it_is_refused(tmp_path: Path) -> None:
    conf = basic_conf(tmp_path, auth_strategy="noauth", melange_trusted_proxies=[PROXY])
    with pytest.raises(cfg.Error, match="melange_trusted_proxies"):
        check_doors(conf)


@pytest.mark.parametrize("wrong", ["0.0.0.0/0", "192.0.2.0/24", "proxy.example", "*"])
def test_networks_and_names_are_no_proxies(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ValueError, match="IP"):
        basic_conf(tmp_path, melange_trusted_proxies=[wrong]).api.melange_trusted_proxies  # noqa: B018


@pytest.mark.parametrize("wide", ["0.0.0.0", "::", "255.255.255.255", "224.0.0.1"])
def test_addresses_that_are_no_hosts_are_refused(tmp_path: Path, wide: str) -> None:
    write_users(tmp_path, USERS)
    with pytest.raises(cfg.Error, match="melange_trusted_proxies"):
        check_doors(basic_conf(tmp_path, melange_trusted_proxies=[wide]))
