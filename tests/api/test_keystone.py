"""``keystone``: auth_token and a small server in Keystone's place (see ``small_keystone``)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from oslo_config import cfg

from ipamd import config
from ipamd.api.app import create_app
from tests.api.conftest import RecordingCaller
from tests.api.small_keystone import SmallKeystone

TENANT = "acme"
BLOCKS = f"/v0.1/ipam/tenants/{TENANT}/ip_blocks"


class Cloud:
    """A Keystone and a facade that asks it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.keystone = SmallKeystone()
        self.worker = RecordingCaller()
        self.worker.result = {"ip_blocks": [], "next_marker": None}
        self.client: FlaskClient = create_app(
            configured(folder, self.keystone.url, **settings), self.worker
        ).test_client()
        self.keystone.issue("reader", project=TENANT, roles=["reader"])
        self.keystone.issue("member", project=TENANT, roles=["reader", "member"], user="alice")
        self.keystone.issue("admin", project="operators", roles=["admin"])
        self.keystone.issue("other", project="globex", roles=["member"])
        self.keystone.issue("unscoped", project=None, roles=["member"])
        self.keystone.issue("expired", project=TENANT, roles=["member"], hours=-1)
        self.keystone.issue("service", project="services", roles=["service"], user="nova")

    def get(self, token: str | None, path: str = BLOCKS, **headers: str) -> int:
        """Ask with a token; return the status."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["X-Auth-Token"] = token
        self.answer = self.client.get(path, headers=sent)
        return self.answer.status_code


def configured(folder: Path, url: str, **settings: str) -> cfg.ConfigOpts:
    """Return a configuration as a file gives it: auth_token registers its options late."""
    section = {
        "www_authenticate_uri": f"{url}/v3", "auth_url": f"{url}/v3", "auth_type": "password",
        "username": "ipamd", "password": "right", "project_name": "service",
        "user_domain_name": "Default", "project_domain_name": "Default", "interface": "admin",
        "service_token_roles_required": "true", "http_request_max_retries": "0",
        "token_cache_time": "300", **settings,
    }  # fmt: skip
    lines = ["[api]", "auth_strategy = keystone", "[keystone_authtoken]"]
    lines += [f"{name} = {value}" for name, value in section.items() if value]
    file = folder / "ipamd.conf"
    file.write_text("\n".join(lines) + "\n")
    return config.load(["--config-file", str(file)])


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """A cloud of the test's own."""
    cloud = Cloud(tmp_path)
    yield cloud
    cloud.keystone.close()


def test_a_token_says_who_asks(cloud: Cloud) -> None:
    assert cloud.get("member") == 200
    (context,) = cloud.worker.contexts
    assert (context.user_id, context.tenant) == ("alice", TENANT)
    assert (context.is_admin, context.confined_to) == (False, TENANT)
    assert sorted(context.roles) == ["member", "reader"]
    assert context.auth_token is None  # tokens stay where they came in
    assert cloud.get("admin") == 200
    assert cloud.worker.contexts[-1].confined_to is None


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("reader", 200), ("member", 200), ("admin", 200), ("other", 403), ("unscoped", 403),
        ("expired", 401), ("unknown", 401), ("", 401), (None, 401), ("\xe9\x00", 401),
    ],
)  # fmt: skip
def test_answers_by_token(cloud: Cloud, token: str | None, expected: int) -> None:
    assert cloud.get(token) == expected
    if expected == 401:
        header = cloud.answer.headers.get_all("WWW-Authenticate")
        assert header == [f'Keystone uri="{cloud.keystone.url}/v3"']
        assert "401 Unauthorized" in cloud.answer.get_data(as_text=True)
    if expected != 200:
        assert cloud.worker.calls == []


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v2/ip-blocks", '"code": "ipam.unauthenticated"'),
        ("/v1.0/tenants/acme/networks", '"unauthorized": {"code": 401'),
        ("/compute/v2/acme/servers/s/os-virtual-interfaces", '"unauthorized": {"code": 401'),
    ],
)
def test_a_missing_token_is_told_in_the_form_of_the_mount(
    cloud: Cloud, path: str, shown: str
) -> None:
    assert cloud.get(None, path) == 401
    assert shown in cloud.answer.get_data(as_text=True)
    assert "WWW-Authenticate" in cloud.answer.headers


def test_headers_that_claim_to_be_auth_tokens_are_not_believed(cloud: Cloud) -> None:
    claims = {
        "X_Identity_Status": "Confirmed", "X_Roles": "admin", "X_Project_Id": TENANT,
        "X_User_Id": "root", "X_Service_Identity_Status": "Confirmed", "X_Role": "admin",
    }  # fmt: skip
    assert cloud.get(None, **claims) == 401
    assert cloud.get("other", **claims) == 403
    assert cloud.worker.calls == []


def test_a_service_token_lets_a_users_expired_one_finish_its_work(cloud: Cloud) -> None:
    assert cloud.get("expired", X_Service_Token="service") == 200
    assert cloud.worker.contexts[-1].confined_to == TENANT
    # Not everybody's token is a service's, and a bad one spoils a good user's.
    for token in ("member", "unknown", "expired"):
        assert cloud.get("expired", X_Service_Token=token) == 401
        assert cloud.get("member", X_Service_Token=token) == 401


def test_discovery_needs_no_token_and_asks_keystone_nothing(cloud: Cloud) -> None:
    for path in ("/", "/v2", "/v2/openapi.json", "/extensions", "/compute", "/healthcheck"):
        assert cloud.get(None, path) == 200
    assert cloud.keystone.validated == []


def test_a_token_is_validated_once_in_its_time(cloud: Cloud) -> None:
    for _ in range(3):
        assert cloud.get("member") == 200
    assert cloud.keystone.validated == ["member"]


def test_a_keystone_that_cannot_be_asked_is_503_not_401(cloud: Cloud) -> None:
    cloud.keystone.is_broken = True
    assert cloud.get("member", "/v2/ip-blocks") == 503
    assert cloud.answer.headers["Retry-After"]
    assert cloud.answer.get_json()["errors"][0]["code"] == "ipam.unavailable"
    cloud.keystone.is_broken = False
    assert cloud.get("member") == 200
    cloud.keystone.is_broken = True
    assert cloud.get(None) == 401  # nobody need be asked
    assert cloud.get("member") == 200  # nor about what is known


def test_a_keystone_that_is_not_there_is_503(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path)
    cloud.keystone.close()
    assert cloud.get("member") == 503
    assert cloud.get(None, "/v2") == 200


def test_wrong_credentials_of_ipamds_own_are_503_and_not_the_callers_fault(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, password="wrong")
    try:
        assert cloud.get("member") == 503
    finally:
        cloud.keystone.close()


def test_without_the_address_that_callers_are_told_it_does_not_start(tmp_path: Path) -> None:
    conf = configured(tmp_path, "http://127.0.0.1:1", www_authenticate_uri="")
    with pytest.raises(cfg.Error, match="www_authenticate_uri"):
        create_app(conf, RecordingCaller())


def test_no_secret_of_it_is_in_the_logs(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        assert cloud.get("member") == 200
    assert "right" not in caplog.text
