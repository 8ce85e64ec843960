"""Who asks: names and passwords, clouds.yaml, Keystone; each through the real service.

Keystone is a small one of the tests' own, see ``tests.api.small_keystone``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
import yaml

from ipamd.ctl.exit_status import ExitStatus
from tests.api.small_keystone import SmallKeystone
from tests.ctl.conftest import Ctl
from tests.integration.programs import Facade

REQUEST = re.compile(r"request req-[0-9a-f-]{36}\)")


def run(ctl: Ctl, *args: str, **env: str) -> str:
    """Run it as a process: openstacksdk looks for its files where it was imported."""
    done = ctl.end(*args, **env)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facade]:
    """An ``ipamd-all`` that asks for a name and a password."""
    folder = tmp_path_factory.mktemp("guarded")
    digest = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    (folder / "passwords").write_text(f"ann:{digest}\n")
    users = {"ann": {"tenant": "t-ann", "roles": ["admin"]}}
    (folder / "users.yaml").write_text(yaml.safe_dump(users))
    api = {
        "auth_strategy": "http_basic",
        "password_file": folder / "passwords",
        "users_file": folder / "users.yaml",
    }
    facade = Facade("all", folder, {"DEFAULT": {"state_path": folder}, "api": api})
    facade.wait_ready()
    yield facade
    assert facade.stop() == 0


def test_a_name_and_a_password(ctl: Ctl, guarded: Facade) -> None:
    there = {"IPAMD_ENDPOINT": guarded.url}
    user = {**there, "IPAMD_USERNAME": "ann", "IPAMD_PASSWORD": "secret"}
    run(ctl, "block", "create", "10.0.0.0/24", "--tenant", "t-ann", **user)
    assert "10.0.0.0/24" in ctl(
        "--username", "ann", "--password", "secret", "block", "list", **there
    )
    user["IPAMD_PASSWORD"] = "guess"
    for env in (user, there):
        sentence = ctl.refused("block", "list", status=ExitStatus.NOT_ALLOWED, **env)
        assert REQUEST.search(sentence)


def test_a_cloud_of_clouds_yaml(ctl: Ctl, guarded: Facade, served: Facade, tmp_path: Path) -> None:
    basic = {"endpoint": guarded.url, "username": "ann", "password": "secret"}
    clouds = {
        "guarded": {"auth_type": "http_basic", "auth": basic},
        "open": {"auth_type": "none", "auth": {"endpoint": served.url}},
        "by-option": {
            "auth_type": "none", "auth": {"endpoint": "http://127.0.0.1:1"},
            "ipam_endpoint_override": f"{served.url}/v2",
        },
    }  # fmt: skip
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": clouds}))
    ctl.env.pop("IPAMD_ENDPOINT")
    for name in ("guarded", "open", "by-option"):
        assert run(ctl, "--os-cloud", name, "version", "list")
        run(ctl, "block", "list", OS_CLOUD=name)
    wrong = {**clouds["guarded"], "auth": {**basic, "password": "guess"}}
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"guarded": wrong}}))
    ctl.refused("block", "list", status=ExitStatus.NOT_ALLOWED, OS_CLOUD="guarded")


@pytest.fixture
def keystone() -> Iterator[SmallKeystone]:
    """A Keystone that knows ann of the project t-ann, an admin."""
    made = SmallKeystone()
    made.issue("a-token", project="t-ann", roles=["admin"], user="ann")
    made.people["ann", "secret", "t-ann"] = "a-token"
    yield made
    made.close()


def test_keystone(ctl: Ctl, keystone: SmallKeystone, tmp_path: Path) -> None:
    section = {
        "www_authenticate_uri": f"{keystone.url}/v3", "auth_type": "password",
        "auth_url": f"{keystone.url}/v3", "username": "ipamd", "password": "right",
        "project_name": "service", "user_domain_name": "Default",
        "project_domain_name": "Default", "interface": "admin",
        "service_token_roles_required": "true",
    }  # fmt: skip
    settings: dict[str, dict[str, object]] = {
        "DEFAULT": {"state_path": tmp_path},
        "api": {"auth_strategy": "keystone"},
        "keystone_authtoken": {**section},
    }
    facade = Facade("all", tmp_path, settings)
    try:
        facade.wait_ready()
        # The catalogue says where the service is.
        endpoint = {"id": "i", "interface": "public", "region": "R", "region_id": "R",
                    "url": facade.url}  # fmt: skip
        catalog = keystone.tokens["a-token"]["catalog"]
        catalog.append({"id": "s", "type": "ipam", "name": "ipamd", "endpoints": [endpoint]})
        auth = {
            "auth_url": f"{keystone.url}/v3", "username": "ann", "password": "secret",
            "project_name": "t-ann", "user_domain_name": "Default",
            "project_domain_name": "Default",
        }  # fmt: skip
        clouds = {"clouds": {"here": {"auth": auth}}}
        (tmp_path / "clouds.yaml").write_text(yaml.safe_dump(clouds))
        ctl.env.pop("IPAMD_ENDPOINT")
        run(ctl, "--os-cloud", "here", "block", "create", "10.0.0.0/24", "--tenant", "t-ann")
        openrc = {f"OS_{name.upper()}": value for name, value in auth.items()}
        for env in (
            openrc,
            {"OS_CLOUD": "here"},
            {"IPAMD_ENDPOINT": facade.url, "IPAMD_TOKEN": "a-token"},
        ):
            assert "10.0.0.0/24" in run(ctl, "block", "list", **env)
        wrong = {**openrc, "OS_PASSWORD": "guess"}
        sentence = ctl.refused("block", "list", status=ExitStatus.NOT_ALLOWED, **wrong)
        assert "wrong" in sentence
        forged = {"IPAMD_ENDPOINT": facade.url, "IPAMD_TOKEN": "forged"}
        ctl.refused("block", "list", status=ExitStatus.NOT_ALLOWED, **forged)
    finally:
        assert facade.stop() == 0
