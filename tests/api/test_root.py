"""What belongs to no version: the list of versions, extensions, health, the log line."""

from __future__ import annotations

import logging

import pytest
from defusedxml import ElementTree
from flask.testing import FlaskClient

from ipamd import errors
from tests.api.conftest import RecordingCaller
from tests.services.waiting import wait_until

ATOM = "{http://www.w3.org/2005/Atom}"


def test_versions_in_json(client: FlaskClient) -> None:
    versions = client.get("/").get_json()["versions"]
    assert versions[:2] == [
        {
            "name": "v0.1",
            "status": "DEPRECATED",
            "links": [{"href": "http://localhost/v0.1", "rel": "self"}],
        },
        {
            "name": "v1.0",
            "status": "CURRENT",
            "links": [{"href": "http://localhost/v1.0", "rel": "self"}],
        },
    ]


def test_versions_in_xml(client: FlaskClient) -> None:
    answer = client.get("/", headers={"Accept": "application/xml"})
    version = ElementTree.fromstring(answer.data)[0]
    assert version.attrib == {"name": "v0.1", "status": "DEPRECATED"}
    link = version.find("links/link")
    assert link is not None
    assert link.attrib == {"href": "http://localhost/v0.1", "rel": "self"}


@pytest.mark.parametrize(("path", "accept"), [("/.atom", "*/*"), ("/", "application/atom+xml")])
def test_versions_as_an_atom_feed(client: FlaskClient, path: str, accept: str) -> None:
    answer = client.get(path, headers={"Accept": accept})
    assert answer.content_type == "application/atom+xml"
    feed = ElementTree.fromstring(answer.data)
    assert feed.tag == f"{ATOM}feed"
    for element in (feed, *feed.iterfind(f"{ATOM}entry")):
        for required in ("id", "title", "updated"):
            assert element.findtext(f"{ATOM}{required}")
    titles = [entry.findtext(f"{ATOM}title") for entry in feed.iterfind(f"{ATOM}entry")]
    assert titles[:2] == ["Version v0.1", "Version v1.0"]


@pytest.mark.parametrize("path", ["/extensions", "/v0.1/extensions", "/v1.0/extensions"])
def test_there_are_no_extensions(client: FlaskClient, path: str) -> None:
    assert client.get(path).get_json() == {"extensions": []}
    root = ElementTree.fromstring(client.get(f"{path}.xml").data)
    assert root.tag == "{http://docs.openstack.org/melange}extensions"
    assert client.get(f"{path}/nope").status_code == 404


def test_liveness_asks_nobody(client: FlaskClient, caller: RecordingCaller) -> None:
    caller.result = errors.Unavailable()
    assert client.get("/healthcheck").get_json() == {"status": "ok"}
    assert caller.calls == []


def test_readiness_asks_a_worker(client: FlaskClient, caller: RecordingCaller) -> None:
    caller.result = {"database": "ok"}
    answer = client.get("/healthcheck/ready")
    assert answer.get_json() == {"status": "ok", "worker": {"database": "ok"}}
    caller.result = errors.RequestTimeout()
    answer = client.get("/healthcheck/ready")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert [method for method, _ in caller.calls] == ["get_health", "get_health"]


def test_each_request_leaves_one_line(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="ipamd.api.middleware"):
        client.get("/no%0Aline", headers={"X-Openstack-Request-Id": "req-7"})
    wait_until(lambda: caplog.records)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("req-7 GET /no%0Aline 404 ")
    assert line.endswith(" ms")
