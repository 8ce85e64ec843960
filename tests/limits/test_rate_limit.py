"""A caller over its limit gets 429 in the words of the API it speaks, and nothing is done."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path

import bcrypt
import pytest
from flask.testing import FlaskClient
from oslo_config import cfg

from ipamd import config
from ipamd.api.app import create_app
from tests.api.conftest import RecordingCaller

MakeClient = Callable[..., tuple[FlaskClient, RecordingCaller]]
CALLED = "list_ip_blocks", "list_networks"


@pytest.fixture
def facade() -> MakeClient:
    """Build facades that let two requests a minute through, unless told otherwise."""

    def make(**options: object) -> tuple[FlaskClient, RecordingCaller]:
        conf = config.load(["--config-file", os.devnull])
        for name, value in {"rate_limit": "2/minute", **options}.items():
            conf.set_override(name, value, group="api")
        caller = RecordingCaller()
        caller.result = {"ip_blocks": [], "networks": [], "virtual_interfaces": [],
                         "next_marker": None}  # fmt: skip
        return create_app(conf, caller).test_client(), caller

    return make


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v0.1/ipam/tenants/t/ip_blocks", ["TooManyRequests", "detail"]),
        ("/v0.1/ipam/tenants/t/ip_blocks.xml", ['<TooManyRequests code="429">']),
        ("/v1.0/tenants/t/networks", ["quantumServiceFault"]),
        ("/v1.1/tenants/t/networks", ["QuantumError"]),
        ("/compute/v2/t/servers/s/os-virtual-interfaces", ["overLimit"]),
        ("/v2/ip-blocks", ["ipam.too_many_requests"]),
    ],
)
def test_every_mount_words_the_refusal_as_its_own(
    facade: MakeClient, path: str, words: list[str]
) -> None:
    client, caller = facade()
    answers = [client.get(path) for _ in range(4)]
    assert [answer.status_code == 429 for answer in answers] == [False, False, True, True]
    assert len(caller.calls) == 2
    for answer in answers[2:]:
        assert 1 <= int(answer.headers["Retry-After"]) <= 61
        for word in words:
            assert word in answer.text


def test_the_limit_is_one_over_all_mounts(facade: MakeClient) -> None:
    client, _ = facade()
    assert client.get("/v1.1/tenants/t/networks").status_code == 200
    assert client.get("/v0.1/ipam/tenants/t/ip_blocks").status_code == 200
    assert client.get("/v2/ip-blocks").status_code == 429


def test_each_address_is_a_caller_of_its_own(facade: MakeClient) -> None:
    client, _ = facade()
    path = "/v0.1/ipam/tenants/t/ip_blocks"
    for address in ("192.0.2.1", "192.0.2.2"):
        found = [
            client.get(path, environ_base={"REMOTE_ADDR": address}).status_code for _ in range(3)
        ]
        assert found == [200, 200, 429]


def test_nobody_gets_a_fresh_limit_by_a_header(facade: MakeClient) -> None:
    client, _ = facade()
    path = "/v0.1/ipam/tenants/t/ip_blocks"
    found = [
        client.get(
            path, headers={"X-Forwarded-For": f"192.0.2.{n}", "Remote-User": f"u{n}"}
        ).status_code
        for n in range(3)
    ]
    assert found == [200, 200, 429]


def test_each_user_is_a_caller_of_its_own(facade: MakeClient, tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    (tmp_path / "htpasswd").write_text(f"ann:{hashed}\nbob:{hashed}\n")
    (tmp_path / "users.yaml").write_text(
        "ann: {tenant: t, roles: [member]}\nbob: {tenant: t, roles: [member]}\n"
    )
    client, _ = facade(
        auth_strategy="http_basic",
        password_file=str(tmp_path / "htpasswd"),
        users_file=str(tmp_path / "users.yaml"),
    )
    path = "/v0.1/ipam/tenants/t/ip_blocks"
    for user in ("ann", "bob"):
        found = [client.get(path, auth=(user, "secret")).status_code for _ in range(3)]
        assert found == [200, 200, 429]
    # Who is not known is known by the address.
    assert [client.get(path).status_code for _ in range(3)] == [401, 401, 429]


def test_a_health_check_is_never_refused(facade: MakeClient) -> None:
    client, _ = facade()
    assert {client.get("/healthcheck").status_code for _ in range(5)} == {200}


def test_by_default_there_is_no_limit(facade: MakeClient) -> None:
    client, _ = facade(rate_limit="")
    path = "/v0.1/ipam/tenants/t/ip_blocks"
    assert {client.get(path).status_code for _ in range(50)} == {200}


@pytest.mark.parametrize(
    "options", [{"rate_limit": "many"}, {"rate_limit_storage": "cupboard://"}]
)
def test_a_limit_that_cannot_be_read_stops_the_start(
    facade: MakeClient, options: dict[str, str]
) -> None:
    with pytest.raises(cfg.Error, match="rate_limit"):
        facade(**options)


@pytest.mark.parametrize("program", ["all", "api"])
def test_a_program_says_so_in_a_sentence(tmp_path: Path, program: str) -> None:
    path = tmp_path / "ipamd.conf"
    path.write_text(f"[DEFAULT]\nstate_path = {tmp_path}\n[api]\nrate_limit = many\n")
    main = importlib.import_module(f"ipamd.cmd.{program}").main
    with pytest.raises(SystemExit, match=r"rate_limit: 'many' is no limit such as 100/minute"):
        main(["--config-file", str(path)])
