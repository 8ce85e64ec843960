"""``http_basic``: whose password is right, from files that change under a running server."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from flask import Flask
from oslo_config import cfg

from ipamd import errors
from ipamd.api import auth
from ipamd.api.app import create_app
from ipamd.api.strategies import http_basic
from tests.api.conftest import RecordingCaller
from tests.api.guarded_service import (
    LEASED,
    OTHER,
    TENANT,
    USERS,
    Service,
    basic_conf,
    serving,
    write_users,
)
from tests.services.waiting import wait_until

EMPTY: dict[str, Any] = {"ip_blocks": [], "next_marker": None}
BLOCKS = f"/v0.1/ipam/tenants/{TENANT}/ip_blocks"


class Facade:
    """A facade with ``http_basic`` whose worker answers with an empty list."""

    def __init__(self, folder: Path, **api: Any) -> None:
        self.folder = folder
        write_users(folder, USERS)
        self.worker = RecordingCaller()
        self.worker.result = EMPTY
        self.app: Flask = create_app(basic_conf(folder, **api), self.worker)

    def status(self, name: str, password: str | bytes, path: str = BLOCKS, **more: Any) -> int:
        """Ask with a name and a password; return the status."""
        secret = password if isinstance(password, bytes) else password.encode()
        token = base64.b64encode(name.encode() + b":" + secret).decode()
        return self.header(f"Basic {token}", path, **more)

    def header(self, value: str, path: str = BLOCKS, **more: Any) -> int:
        """Ask with an Authorization header; return the status."""
        headers = {"Authorization": value, **more}
        return self.app.test_client().get(path, headers=headers).status_code


@pytest.fixture
def facade_(tmp_path: Path) -> Facade:
    """A facade of the test's own."""
    return Facade(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A whole service that only reads are asked of."""
    with serving(tmp_path_factory.mktemp("basic")) as service:
        yield service


def replace_file(path: Path, text: str) -> None:
    """Write a file anew, as editors do; it is newer however coarse the clock of files is."""
    before = path.stat().st_mtime_ns
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    os.utime(fresh, ns=(before + 10**9, before + 10**9))
    os.replace(fresh, path)


def digest(password: str) -> str:
    """Return an htpasswd digest that is quickly checked."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def test_the_right_password_lets_in_and_says_who_asks(facade_: Facade) -> None:
    assert facade_.status("member", "member") == 200
    (context,) = facade_.worker.contexts
    assert (context.user_id, context.tenant, context.roles) == ("member", TENANT, ["member"])
    assert (context.is_admin, context.confined_to) == (False, TENANT)
    assert facade_.status("admin", "admin") == 200
    context = facade_.worker.contexts[-1]
    assert (context.tenant, context.is_admin, context.confined_to) == ("operators", True, None)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("member", "reader"), ("member", ""), ("member", "member "), ("nobody", "nobody"),
        ("", ""), ("Member", "Member"), ("member", b"member\0"), ("member", b"\xff\xfe"),
        ("member", "m" * 100), ("member\n", "member"), ("member:member", "member"),
    ],
)  # fmt: skip
def test_any_other_is_401(facade_: Facade, name: str, password: str | bytes) -> None:
    assert facade_.status(name, password) == 401
    assert facade_.worker.calls == []


@pytest.mark.parametrize(
    "value",
    ["", "Basic", "Basic ", "Basic !", "Basic bWVtYmVy", "Bearer bWVtYmVyOm1lbWJlcg==",
     "Digest username=member", "Basic bWVtYmVyOm1lbWJlcg== x", "Basic \xe9", "basic /w=="],
)  # fmt: skip
def test_a_header_that_cannot_be_read_is_401(facade_: Facade, value: str) -> None:
    assert facade_.header(value) == 401


def test_headers_that_claim_roles_or_tenants_are_not_believed(facade_: Facade) -> None:
    claims = {
        "X-Roles": "admin", "X-Role": "admin", "X-Project-Id": OTHER, "X-Tenant": OTHER,
        "X-Tenant-Id": OTHER, "X-Identity-Status": "Confirmed", "X-User-Id": "root",
    }  # fmt: skip
    client = facade_.app.test_client()
    assert client.get(BLOCKS, headers=claims).status_code == 401
    assert facade_.status("another tenant", "another tenant", **claims) == 403
    assert facade_.worker.calls == []


def test_a_password_is_checked_once_in_a_while_and_a_name_unknown_takes_as_long(
    facade_: Facade, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[bytes] = []
    check = bcrypt.checkpw

    def counting(password: bytes, hashed: bytes) -> bool:
        checked.append(password)
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counting)
    for _ in range(3):
        assert facade_.status("member", "member") == 200
    assert checked == [b"member"]
    for name in ("member", "nobody"):
        checked.clear()
        assert facade_.status(name, "wrong") == 401
        assert checked == [b"wrong"]


def test_a_changed_password_counts_at_once(facade_: Facade) -> None:
    assert facade_.status("member", "member") == 200
    replace_file(facade_.folder / "htpasswd", f"# changed\nmember:{digest('new')}\n")
    assert facade_.status("member", "member") == 401
    assert facade_.status("member", "new") == 200
    assert facade_.status("reader", "reader") == 401


def test_changed_roles_and_tenants_count_at_once(facade_: Facade) -> None:
    assert facade_.status("another tenant", "another tenant") == 403
    said = f"another tenant: {{tenant: {TENANT}, roles: [reader]}}\n"
    replace_file(facade_.folder / "users.yaml", said)
    assert facade_.status("another tenant", "another tenant") == 200
    assert facade_.status("member", "member") == 401  # a password alone is not enough


@pytest.mark.parametrize(
    ("file", "text"),
    [("users.yaml", "a: b: c"), ("users.yaml", "member: [admin]"), ("htpasswd", "member:plain")],
)
def test_a_file_that_became_wrong_leaves_in_force_what_was_right(
    facade_: Facade, caplog: pytest.LogCaptureFixture, file: str, text: str
) -> None:
    replace_file(facade_.folder / file, text)
    for _ in range(3):
        assert facade_.status("member", "member") == 200
    told = [record for record in caplog.records if file in record.getMessage()]
    assert len(told) == 1
    (facade_.folder / file).unlink()
    for _ in range(3):
        assert facade_.status("member", "member") == 200
    write_users(facade_.folder, {"late": (TENANT, ["reader"])})
    assert facade_.status("late", "late") == 200
    assert facade_.status("member", "member") == 401


@pytest.mark.parametrize(
    ("file", "text", "named"),
    [
        ("htpasswd", "member:$apr1$abc$def", "line 1"),
        ("htpasswd", "\n\nno colon", "line 3"),
        ("htpasswd", "member:$2y$05$short", "line 1"),
        ("users.yaml", "member: {tenant: acme, roles: member}", "roles of member"),
        ("users.yaml", "member: {tenant: 12, roles: []}", "tenant of member"),
        ("users.yaml", 'member: {tenant: "a\\nb", roles: []}', "tenant of member"),
        ("users.yaml", f"member: {{tenant: {'x' * 256}, roles: []}}", "tenant of member"),
        ("users.yaml", "member: {tenant: acme, roles: [], role: admin}", "nothing else"),
        ("users.yaml", "- member", "names"),
        ("users.yaml", "member: {", "line"),
    ],
)
def test_files_that_are_wrong_at_the_start_are_refused_with_their_option(
    tmp_path: Path, file: str, text: str, named: str
) -> None:
    write_users(tmp_path, USERS)
    (tmp_path / file).write_text(text)
    with pytest.raises(cfg.Error, match=named) as refused:
        create_app(basic_conf(tmp_path), RecordingCaller())
    assert "[api] " + ("password_file" if file == "htpasswd" else "users_file") in str(refused)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"/v0.1/ipam/tenants/{OTHER}/ip_blocks", "403 Forbidden\n\nAccess was denied"),
        (f"/v1.0/tenants/{OTHER}/networks", '"quantumServiceFault": {"code": 403'),
        (f"/v1.1/tenants/{OTHER}/networks.xml", 'QuantumError xmlns="'),
        (f"/compute/v2/{OTHER}/servers/s/os-virtual-interfaces", '"forbidden": {"code": 403'),
        ("/v2/mac-address-ranges", '"code": "ipam.forbidden"'),
    ],
)
def test_refusals_have_the_form_of_their_mount(facade_: Facade, path: str, shown: str) -> None:
    client = facade_.app.test_client()
    refused = client.get(path, auth=("member", "member"))
    assert refused.status_code == 403
    assert shown in refused.get_data(as_text=True)
    unknown = client.get(path)
    assert unknown.status_code == 401
    assert unknown.headers["WWW-Authenticate"] == 'Basic realm="ipamd", charset="UTF-8"'
    form = shown.replace("403 Forbidden\n\nAccess was denied", "401 Unauthorized\n\nThe cred")
    form = form.replace("quantumServiceFault", "unauthorized").replace("ipam.forbidden", "ipam.un")
    form = form.replace('"forbidden"', '"unauthorized"').replace("403", "401").rstrip('"')
    assert form in unknown.get_data(as_text=True)
    assert facade_.worker.calls == []


def test_discovery_and_signs_of_life_need_no_password(facade_: Facade) -> None:
    facade_.worker.result = {"version": "0", "database": "sqlite"}
    for path in ("/", "/v2", "/v2/openapi.json", "/extensions", "/compute", "/healthcheck"):
        assert facade_.app.test_client().get(path).status_code == 200


@pytest.mark.parametrize(
    ("peer", "headers", "name", "expected"),
    [
        ("127.0.0.1", {}, None, True),
        ("::1", {}, None, True),
        ("::ffff:127.0.0.1", {}, None, True),
        ("192.0.2.1", {}, None, False),
        ("192.0.2.1", {}, "member", False),
        ("192.0.2.1", {}, "admin", True),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, None, False),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, "admin", True),
        ("", {}, None, False),
    ],
)
def test_details_are_for_admins_and_this_machine(
    facade_: Facade, peer: str, headers: dict[str, str], name: str | None, expected: bool
) -> None:
    if name:
        headers = {
            **headers,
            "Authorization": f"Basic {base64.b64encode(f'{name}:{name}'.encode()).decode()}",
        }
    place = {"environ_base": {"REMOTE_ADDR": peer}, "headers": headers}
    with facade_.app.test_request_context("/metrics", **place):
        assert auth.may_see_details() is expected


def test_without_a_decision_no_call_leaves(facade_: Facade) -> None:
    with (
        facade_.app.test_request_context("/v2/ip-blocks") as context,
        pytest.raises(RuntimeError, match="without a rule"),
    ):
        auth.context_of(context.request, None)


def test_what_anyone_may_ask_reaches_nothing_of_a_tenants(facade_: Facade) -> None:
    with facade_.app.test_request_context("/healthcheck/ready") as context:
        auth.allow_anyone()
        made = auth.context_of(context.request, TENANT)
    assert (made.tenant, made.confined_to, made.is_admin) == ("", "", False)


def test_filters_and_markers_widen_nothing(whole: Service) -> None:
    for query in ("", f"?tenant_id=eq:{TENANT}", "?tenant_id=neq:x", "?marker=0", "?sort=id:desc"):
        answer = whole.send("another tenant", "GET", f"/v2/ip-blocks{query}")
        assert answer.status_code == 200
        assert answer.get_json()["ip_blocks"] == []
    for query in (f"?tenant_id={TENANT}", f"?tenant_id={TENANT}&at=2026-01-01T00:00:00Z"):
        path = f"/v2/ip-addresses/{LEASED}/history{query}"
        newest = {"OpenStack-API-Version": "ipam latest"}
        answer = whole.send("another tenant", "GET", path, **newest)
        assert answer.status_code == 403
    answer = whole.send("another tenant", "GET", f"/v2/events?tenant_id={TENANT}", **newest)
    assert answer.status_code == 403
    assert len(whole.send("admin", "GET", "/v2/ip-blocks").get_json()["ip_blocks"]) == 2


def test_a_lessee_sees_its_address_and_not_the_block(whole: Service) -> None:
    found = whole.send("lessee", "GET", "/v2/ip-addresses").get_json()["ip_addresses"]
    assert [each["address"] for each in found] == [LEASED]
    path = f"/v2/ip-addresses/{whole.ids['id of leased']}"
    assert whole.send("lessee", "GET", path).status_code == 200
    block = f"/v2/ip-blocks/{whole.ids['ip_block_id']}"
    assert whole.send("lessee", "GET", block).status_code == 404
    assert whole.send("lessee", "DELETE", path).status_code == 204
    assert whole.send("lessee", "PATCH", path, {"ip_address": {"status": "allocated"}}
                      ).status_code == 403  # fmt: skip
    assert whole.send("another tenant", "GET", path).status_code == 404
    whole.put_back()


def test_idempotency_keys_of_tenants_do_not_meet(whole: Service) -> None:
    made = []
    for name, tenant in (("member", TENANT), ("another tenant", OTHER)):
        body = {"policy": {"tenant_id": tenant, "name": "mine"}}
        for _ in range(2):
            answer = whole.send(name, "POST", "/v2/policies", body, **{"Idempotency-Key": "same"})
            assert answer.status_code == 201
            made.append(answer.get_json()["policy"]["id"])
    assert made[0] == made[1] != made[2] == made[3]
    whole.put_back()


def test_an_oslo_policy_file_changes_rules_while_the_server_runs(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text('"melange:list_ip_blocks": "rule:context_is_admin"\n')
    write_users(tmp_path, USERS)
    conf = basic_conf(tmp_path)
    worker = RecordingCaller()
    worker.result = EMPTY
    auth.Door(conf)  # registers the options of oslo.policy
    conf.set_override("policy_file", str(policy), group="oslo_policy")
    client = create_app(conf, worker).test_client()

    def status(name: str) -> int:
        return client.get(BLOCKS, auth=(name, name)).status_code

    assert [status(name) for name in ("member", "admin")] == [403, 200]
    replace_file(policy, '"melange:list_ip_blocks": "role:reader"\n"any_tenant": "role:reader"\n')
    assert [status(name) for name in ("member", "reader")] == [403, 200]
    assert worker.contexts[-1].confined_to is None
    replace_file(policy, "{")
    assert status("reader") == 503
    replace_file(policy, "")
    assert status("member") == 200
    for wrong in ("{", '"melange:list_ip_blocks": "rule:nowhere"', '"owner": "rule:owner"'):
        replace_file(policy, wrong)
        with pytest.raises(cfg.Error, match="policy_file"):
            create_app(conf, worker)


def test_passwords_that_were_right_are_forgotten_and_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr("ipamd.api.strategies.http_basic.time.monotonic", lambda: now[0])
    remembered = http_basic._Remembered()
    for number in range(http_basic._MOST_REMEMBERED + 5):
        remembered.add(f"{number}", b"digest", b"secret")
    assert remembered.has("0", b"digest", b"secret")
    assert not remembered.has(f"{http_basic._MOST_REMEMBERED}", b"digest", b"secret")
    assert not remembered.has("0", b"other", b"secret")
    now[0] = http_basic._REMEMBERED_SECONDS
    assert not remembered.has("0", b"digest", b"secret")
    remembered.add("late", b"digest", b"secret")
    assert remembered.has("late", b"digest", b"secret")


def test_the_log_names_who_asked(facade_: Facade, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert facade_.status("another tenant", "another tenant") == 403
        assert facade_.status("nobody", "nobody") == 401

    def lines() -> list[str]:
        return [r.getMessage() for r in caplog.records if r.name == "ipamd.api.middleware"]

    wait_until(lambda: len(lines()) == 2)
    first, second = lines()
    assert f" another%20tenant@{OTHER} GET {BLOCKS} 403 " in first
    assert f" GET {BLOCKS} 401 " in second
    assert "@" not in second


def test_the_service_being_away_is_told_after_the_door(facade_: Facade) -> None:
    facade_.worker.result = errors.Unavailable()
    assert facade_.status("nobody", "nobody") == 401
    assert facade_.status("member", "member") == 503
