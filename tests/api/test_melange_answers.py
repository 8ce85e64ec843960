"""How an RPC's result or error becomes an answer: documents, links, faults, pages."""

from __future__ import annotations

import pytest
from defusedxml import ElementTree
from flask.testing import FlaskClient

from ipamd import errors
from tests.api.conftest import RecordingCaller

BLOCKS = "/v0.1/ipam/tenants/t/ip_blocks"


@pytest.mark.parametrize(
    ("error", "status", "name", "detail"),
    [
        (errors.IpBlockNotFound(), 404, "NotFound", "IpBlock Not Found"),
        (errors.Forbidden("no"), 403, "Forbidden", "no"),
        (errors.AddressAlreadyAllocated(), 409, "Conflict", "Address is already allocated"),
        (errors.NoMoreAddressesError(), 422, "UnprocessableEntity", "IpBlock is full"),
        (errors.Unavailable("no broker"), 503, "ServiceUnavailable", "no broker"),
        (errors.Busy("busy"), 503, "ServiceUnavailable", "busy"),
        (errors.RequestTimeout("late"), 504, "GatewayTimeout", "late"),
        (errors.IpamError("oops"), 500, "InternalServerError", "oops"),
        (
            errors.ValidationError(fields={"cidr": ["cidr is invalid"]}),
            400,
            "BadRequest",
            "The following values are invalid: {'cidr': ['cidr is invalid']}",
        ),
    ],
)
def test_errors_become_error_documents_in_both_formats(
    client: FlaskClient,
    caller: RecordingCaller,
    error: errors.IpamError,
    status: int,
    name: str,
    detail: str,
) -> None:
    caller.result = error
    answer = client.get(f"{BLOCKS}/b")
    assert answer.status_code == status
    assert answer.content_type == "application/json; charset=UTF-8"
    document = answer.get_json()
    assert list(document) == [name]
    assert (document[name]["code"], document[name]["detail"]) == (status, detail)
    assert ("Retry-After" in answer.headers) == (status == 503)

    answer = client.get(f"{BLOCKS}/b.xml")
    assert answer.status_code == status
    assert answer.content_type == "application/xml; charset=UTF-8"
    root = ElementTree.fromstring(answer.data)
    assert (root.tag, root.attrib, root.findtext("detail")) == (
        name,
        {"code": str(status)},
        detail,
    )
    assert root.findtext("message") == document[name]["message"]


def test_an_unexpected_error_shows_nothing_of_the_inside(
    client: FlaskClient, caller: RecordingCaller, caplog: pytest.LogCaptureFixture
) -> None:
    caller.result = ZeroDivisionError("secret")
    answer = client.get(f"{BLOCKS}/b")
    assert answer.status_code == 500
    assert "InternalServerError" in answer.get_json()
    assert b"secret" not in answer.data
    assert b"Traceback" not in answer.data
    assert any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/nope"),
        ("GET", "/.xml"),
        ("GET", "/v0.1"),
        ("GET", "/v0.1/"),
        ("GET", "/v2.0/ipam/tenants/t/ip_blocks"),
        ("GET", "/ipam/tenants/t/ip_blocks"),
        ("PUT", BLOCKS),
        ("PATCH", f"{BLOCKS}/b"),
        ("OPTIONS", BLOCKS),
        ("GET", f"{BLOCKS}/"),
        ("GET", f"{BLOCKS}/b/nope"),
        ("POST", "/v1.0/ipam/interfaces"),
        ("GET", "/v0.1/ipam/instances/d/interfaces/i/ip_addresses"),
        ("GET", "/v0.1/ipam/networks/n/interfaces/i/ip_allocations"),
        ("GET", "/v0.1/extensions/nope"),
    ],
)
def test_unrouted_requests_get_a_plain_404(client: FlaskClient, verb: str, path: str) -> None:
    answer = client.open(path, method=verb)
    assert answer.status_code == 404
    assert answer.content_type == "text/plain; charset=UTF-8"


def test_a_browser_gets_html_with_everything_escaped(client: FlaskClient) -> None:
    answer = client.post(
        BLOCKS, data="x", content_type="a/<script>", headers={"Accept": "text/html"}
    )
    assert answer.status_code == 415
    assert answer.content_type == "text/html; charset=UTF-8"
    assert b"<script>" not in answer.data


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", f"{BLOCKS}/new"),
        ("GET", f"{BLOCKS}/b/edit"),
        ("PUT", "/v0.1/ipam/mac_address_ranges/x"),
        ("GET", "/v0.1/ipam/interfaces"),
        ("GET", "/v0.1/ipam/interfaces/i"),
        ("POST", "/v0.1/ipam/tenants/t/networks/n"),
        ("PUT", "/v0.1/ipam/tenants/t/interfaces/i/allowed_ips/10.0.0.1"),
        ("GET", "/v1.0/ipam/instances/d/interfaces/i/ip_addresses/10.0.0.1"),
    ],
)
def test_routes_without_an_action_are_404_without_detail(
    client: FlaskClient, caller: RecordingCaller, verb: str, path: str
) -> None:
    answer = client.open(path, method=verb)
    assert answer.status_code == 404
    assert answer.get_json()["NotFound"]["detail"] is None
    assert caller.calls == []


def test_success_has_a_bare_content_type_and_deletes_no_body(
    client: FlaskClient, caller: RecordingCaller
) -> None:
    caller.result = {"id": "b", "created_at": "2012-05-21T18:00:41.123456Z"}
    answer = client.post(BLOCKS, json={})
    assert (answer.status_code, answer.content_type) == (201, "application/json")
    assert answer.get_json() == {"ip_block": {"id": "b", "created_at": "2012-05-21T18:00:41"}}
    answer = client.get(f"{BLOCKS}/b.xml")
    assert answer.content_type == "application/xml"
    caller.result = None
    answer = client.delete(f"{BLOCKS}/b.xml")
    assert (answer.status_code, answer.data) == (200, b"")


def test_a_full_page_links_to_the_next(client: FlaskClient, caller: RecordingCaller) -> None:
    caller.result = {"ip_blocks": [], "next_marker": "m 2"}
    first = client.get(f"{BLOCKS}.json?limit=2&foo=bar&marker=m1").get_json()
    assert first["ip_blocks_links"] == [
        {
            "rel": "next",
            "href": "http://localhost/v0.1/ipam/tenants/t/ip_blocks.json"
            "?foo=bar&marker=m+2&limit=2",
        }
    ]
    plain = client.get("/v0.1/ipam/tenants/a%20%C3%A9/ip_blocks").get_json()
    assert plain["ip_blocks_links"][0]["href"] == (
        "http://localhost/v0.1/ipam/tenants/a%20%C3%A9/ip_blocks?marker=m+2"
    )
    root = ElementTree.fromstring(client.get(f"{BLOCKS}.xml?limit=2").data)
    link = root.find("link")
    assert link is not None
    assert link.attrib["rel"] == "next"


def test_interfaces_of_an_instance_stand_under_the_instance(
    client: FlaskClient, caller: RecordingCaller
) -> None:
    caller.result = {"interfaces": [{"id": "i"}], "next_marker": "i"}
    document = client.get("/v1.0/ipam/instances/d/interfaces?limit=1").get_json()
    assert document["instance"] == {"interfaces": [{"id": "i"}]}
    assert len(document["interfaces_links"]) == 1


@pytest.mark.parametrize(
    ("query", "accept"), [("?links=true", "*/*"), ("", "application/json;links=true")]
)
def test_self_and_bookmark_links_are_given_on_request(
    client: FlaskClient, caller: RecordingCaller, query: str, accept: str
) -> None:
    caller.result = {
        "ip_addresses": [{"id": "x", "address": "10.0.0.1", "ip_block_id": "b"}],
        "next_marker": None,
    }
    path = f"{BLOCKS}/b/ip_addresses"
    resource = client.get(path + query, headers={"Accept": accept}).get_json()["ip_addresses"][0]
    bare = "/ipam/tenants/t/ip_blocks/b/ip_addresses/10.0.0.1"
    assert resource["links"] == [
        {"rel": "self", "href": f"http://localhost/v0.1{bare}"},
        {"rel": "bookmark", "href": f"http://localhost{bare}"},
    ]
    assert "links" not in client.get(path).get_json()["ip_addresses"][0]


def test_links_are_left_out_where_the_url_is_not_known(
    client: FlaskClient, caller: RecordingCaller
) -> None:
    address = {"id": "x", "address": "10.0.0.1", "ip_block_id": "b"}
    caller.result = {"ip_addresses": [address], "next_marker": None}
    for path in (
        "/v0.1/ipam/tenants/t/allocated_ip_addresses",
        "/v0.1/ipam/allocated_ip_addresses",
    ):
        answer = client.get(f"{path}?links=true").get_json()
        assert "links" not in answer["ip_addresses"][0]


def test_links_in_xml_are_elements(client: FlaskClient, caller: RecordingCaller) -> None:
    caller.result = {"id": "i", "device_id": "d"}
    root = ElementTree.fromstring(
        client.get("/v1.0/ipam/instances/d/interfaces/i.xml?links=true").data
    )
    assert [link.attrib for link in root.iterfind("links/link")] == [
        {"rel": "self", "href": "http://localhost/v1.0/ipam/instances/d/interfaces/i"},
        {"rel": "bookmark", "href": "http://localhost/ipam/instances/d/interfaces/i"},
    ]


@pytest.mark.parametrize(
    ("accept", "status", "content_type"),
    [
        ("application/vnd.openstack.melange+json;version=0.1", 200, "application/json"),
        ("application/vnd.openstack.melange+xml;version=1.0", 200, "application/xml"),
        ("application/vnd.openstack.melange+json; version=1.0", 200, "application/json"),
        (
            "application/vnd.openstack.melange+json;version=99.1",
            406,
            "application/json; charset=UTF-8",
        ),
        (
            "application/vnd.openstack.melange+xml;version=1",
            406,
            "application/xml; charset=UTF-8",
        ),
        ("application/json;version=1.0", 404, "text/plain; charset=UTF-8"),
    ],
)
def test_accept_names_the_version_of_unversioned_urls(
    client: FlaskClient, caller: RecordingCaller, accept: str, status: int, content_type: str
) -> None:
    caller.result = {"ip_blocks": [], "next_marker": None}
    answer = client.get("/ipam/tenants/t/ip_blocks", headers={"Accept": accept})
    assert (answer.status_code, answer.content_type) == (status, content_type)


def test_runs_of_slashes_count_as_one(client: FlaskClient, caller: RecordingCaller) -> None:
    caller.result = {"ip_blocks": [], "next_marker": None}
    assert client.get("/v0.1//ipam/tenants///t/ip_blocks").status_code == 200


def test_head_is_answered_like_get(client: FlaskClient, caller: RecordingCaller) -> None:
    caller.result = {"ip_blocks": [], "next_marker": None}
    answer = client.head(BLOCKS)
    assert (answer.status_code, answer.data) == (200, b"")
