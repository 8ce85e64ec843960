"""Microversions of /v2: negotiated, told, listed in one place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ipamd.api import v2 as package
from ipamd.api.microversions import Version
from ipamd.api.v2.history import HISTORY, SERVICE, since
from ipamd.api.v2.routes import ROUTES
from tests.api.v2_client import HEADER, V2

FOLDER = Path(str(package.__file__)).parent


def test_the_versions_are_in_order_without_gaps_and_each_has_its_sentence() -> None:
    assert list(HISTORY) == [Version(2, minor) for minor in range(len(HISTORY))]
    assert all(text.endswith(".") for text in HISTORY.values())
    assert len(set(HISTORY.values())) == len(HISTORY)


def test_a_version_that_is_not_listed_cannot_be_used() -> None:
    with pytest.raises(KeyError):
        since("2.77")
    with pytest.raises(ValueError, match="2.01"):
        since("2.01")


def test_every_version_that_a_view_uses_is_listed() -> None:
    used = {route.since for route in ROUTES} | {route.until for route in ROUTES if route.until}
    assert used <= set(HISTORY)
    # Each version is there for something.
    assert used == set(HISTORY)


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_versions_are_made_in_the_list_alone(path: Path) -> None:
    if path.name == "history.py":
        return
    made = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("Version", "Version.parse", "microversions.Version")
    ]
    assert made == []


def test_routes_of_one_uri_do_not_overlap() -> None:
    for version in HISTORY:
        offered = [(route.verb, route.path) for route in ROUTES if route.is_in(version)]
        assert len(offered) == len(set(offered))


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        (None, "2.0"),
        ("ipam 2.0", "2.0"),
        ("ipam 2.1", "2.1"),
        ("ipam latest", str(SERVICE.maximum)),
        ("compute 2.12", "2.0"),
        ("compute 2.12, ipam 2.1", "2.1"),
        ("IPAM 2.1", "2.1"),
    ],
)
def test_the_version_that_is_served(v2: V2, asked: str | None, version: str) -> None:
    headers = {} if asked is None else {HEADER: asked}
    answer = v2.client.get("/v2/ip-blocks", headers=headers)
    assert answer.headers[HEADER] == f"ipam {version}"
    assert answer.headers["Vary"] == HEADER


@pytest.mark.parametrize("path", ["", "/ip-blocks", "/ip-blocks/gone", "/nope"])
@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ("1.02", 400, "malformed_version"),
        ("2", 400, "malformed_version"),
        ("2.01", 400, "malformed_version"),
        ("2.-1", 400, "malformed_version"),
        ("2 . 1", 400, "malformed_version"),
        ("newest", 400, "malformed_version"),
        ("1.0", 406, "unsupported_version"),
        ("2.99", 406, "unsupported_version"),
        ("3.0", 406, "unsupported_version"),
    ],
)
def test_a_version_that_is_not_served(
    v2: V2, path: str, asked: str, status: int, code: str
) -> None:
    answer = v2.answer("GET", path, OpenStack_API_Version=f"ipam {asked}")
    (error,) = answer.get_json()["errors"]
    assert (answer.status_code, error["code"]) == (status, f"ipam.{code}")
    if status == 406:
        assert (error["min_version"], error["max_version"]) == ("2.0", str(SERVICE.maximum))


def test_2_1_adds_the_network_of_virtual_interfaces(v2: V2) -> None:
    v2.make("interface", tenant_id=v2.tenant, device_id=v2.tenant)
    path = f"/instances/{v2.tenant}/virtual-interfaces"
    for version, fields in (
        ("2.0", {"id", "mac_address"}),
        ("2.1", {"id", "mac_address", "net_id"}),
    ):
        found = v2.ask("GET", path, OpenStack_API_Version=f"ipam {version}")
        assert set(found["virtual_interfaces"][0]) == fields


def test_2_2_adds_the_history_of_an_address(v2: V2) -> None:
    path = "/ip-addresses/10.99.0.1/history"
    for version in ("2.0", "2.1"):
        found = v2.ask("GET", path, None, 404, OpenStack_API_Version=f"ipam {version}")
        assert found["errors"][0]["code"] == "ipam.unknown_uri"
    assert v2.ask("GET", path, OpenStack_API_Version="ipam 2.2")["history"] == []


def test_discovery(v2: V2) -> None:
    (own,) = v2.get("")["versions"]
    assert v2.get("/")["versions"] == [own]
    assert own["id"] == "v2.0"
    assert own["status"] == "CURRENT"
    assert (own["min_version"], own["max_version"]) == ("2.0", str(SERVICE.maximum))
    (listed,) = [
        version for version in v2.client.get("/").get_json()["versions"] if version["name"] == "v2"
    ]
    assert listed["min_version"] == "2.0"
    assert listed["links"] == [{"rel": "self", "href": "http://localhost/v2"}]
    names = [version["name"] for version in v2.client.get("/").get_json()["versions"]]
    assert names == ["v0.1", "v1.0", "v1.1", "v2", "compute/v2", "compute/v2.1"]
