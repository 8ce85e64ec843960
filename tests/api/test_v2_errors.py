"""What /v2 refuses: with which status and code, and that nothing is left behind."""

from __future__ import annotations

from typing import Any

import pytest

from ipamd.api.v2.routes import ROUTES
from tests.api.v2_client import V2

BLOCK = {"cidr": "10.0.0.0/24", "type": "private"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_values"),
        ([], "invalid_values"),
        (None, "bad_request"),
        ({"ip_block": {**BLOCK}}, "invalid_values"),
        ({"ip_block": {**BLOCK, "tenant_id": "t", "colour": "red"}}, "invalid_values"),
        ({"ip_block": {**BLOCK, "tenant_id": "t"}, "more": 1}, "invalid_values"),
        ({"ip_block": {**BLOCK, "tenant_id": "t", "cidr": "10.0.0.0/33"}}, "invalid_values"),
        ({"ip_block": {**BLOCK, "tenant_id": "t", "cidr": 10}}, "invalid_values"),
        ({"ip_block": {**BLOCK, "tenant_id": "t\x00"}}, "invalid_values"),
        ({"ip_block": {**BLOCK, "tenant_id": "t", "policy_id": "gone"}}, "invalid_values"),
        ({"ip_block": {**BLOCK, "tenant_id": "t" * 256}}, "invalid_values"),
    ],
)
def test_a_block_that_is_wrong(v2: V2, body: Any, code: str) -> None:
    before = v2.get("/ip-blocks?tenant_id=t")
    assert v2.refused("POST", "/ip-blocks", body, 400)["code"] == f"ipam.{code}"
    assert v2.get("/ip-blocks?tenant_id=t") == before


def test_an_unknown_field_is_named(v2: V2) -> None:
    body = {"ip_block": {**BLOCK, "tenant_id": "t", "colour": "red"}}
    error = v2.refused("POST", "/ip-blocks", body, 400)
    assert "colour" in error["fields"]["ip_block"][0]
    assert "colour" in error["detail"]


@pytest.mark.parametrize(
    "query", ["colour=red", "limit=0", "limit=-1", "limit=x", "limit=1&limit=2", "sort=colour",
              "sort=cidr:up", "cidr=red", "tenant_id=a%00b", "marker=a%0Ab", "sort=network_id"],
)  # fmt: skip
def test_a_query_that_is_wrong(v2: V2, query: str) -> None:
    error = v2.refused("GET", f"/ip-blocks?{query}", None, 400)
    assert error["code"] == "ipam.invalid_values"
    assert list(error["fields"]) == [query.partition("=")[0]]


@pytest.mark.parametrize("verb", ["GET", "PATCH", "DELETE"])
def test_no_route_takes_an_unknown_query_parameter(v2: V2, verb: str) -> None:
    for route in ROUTES:
        if route.verb == verb:
            path = route.path.replace("{", "").replace("}", "")
            assert "colour" in v2.refused(verb, f"{path}?colour=red", {}, 400)["fields"]


def test_bodies_that_cannot_be_read(v2: V2) -> None:
    def post(data: bytes, content_type: str) -> tuple[int, str]:
        headers = {"Content-Type": content_type}
        answer = v2.client.post("/v2/ip-blocks", data=data, headers=headers)
        return answer.status_code, answer.get_json()["errors"][0]["code"]

    assert post(b"{", "application/json") == (400, "ipam.bad_request")
    assert post(b"", "application/json") == (400, "ipam.bad_request")
    assert post(b"[" * 100_000, "application/json") == (400, "ipam.bad_request")
    deep = b'{"a":' * 800 + b"1" + b"}" * 800
    assert post(deep, "application/json")[0] == 400
    assert post(b"<ip_block/>", "application/xml") == (415, "ipam.unsupported_media_type")
    assert post(b"x" * 2_000_000, "application/json") == (413, "ipam.body_too_large")
    assert post(b"{}", "application/vnd.api+json") == (400, "ipam.invalid_values")
    assert v2.client.post("/v2/ip-blocks", data=b"{}").status_code == 400


@pytest.mark.parametrize(
    ("verb", "path", "body", "code"),
    [
        ("POST", "/ip-addresses", {"ip_address": {"ip_block_id": "gone"}}, "ip_block_not_found"),
        ("POST", "/ip-routes", {"ip_route": {"ip_block_id": "gone", "destination": "10.0.0.0/8",
                                             "gateway": "10.0.0.1"}}, "ip_block_not_found"),
        ("POST", "/ports", {"port": {"network_id": "gone"}}, "network_not_found"),
        ("POST", "/interfaces", {"interface": {"tenant_id": "t", "network": {
            "id": "gone", "tenant_id": "t"}}}, "network_not_found"),
        ("PUT", "/instances/i/interfaces", {"tenant_id": "t", "interfaces": [{"network": {
            "id": "gone", "tenant_id": "t"}}]}, "network_not_found"),
        ("POST", "/nat", {"nat": {"inside_local": {"ip_block_id": "gone", "address": "10.0.0.2"},
                                  "inside_global": {"ip_block_id": "x", "address": "10.0.0.2"}}},
         "ip_block_not_found"),
    ],
)  # fmt: skip
def test_a_body_that_refers_to_what_is_missing(
    v2: V2, verb: str, path: str, body: Any, code: str
) -> None:
    assert v2.refused(verb, path, body, 400)["code"] == f"ipam.{code}"


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("PATCH", "/ip-blocks/gone", {"ip_block": {}}),
        ("POST", "/ip-blocks/gone/subnets", {"subnet": {"prefix_length": 26}}),
        ("GET", "/ip-blocks/gone/subnets", None),
        ("GET", "/ip-blocks/gone/available", None),
        ("PATCH", "/ip-addresses/gone", {"ip_address": {"status": "allocated"}}),
        ("PATCH", "/networks/gone", {"network": {"name": "n"}}),
        ("PATCH", "/ports/gone", {"port": {"state": "DOWN"}}),
        ("PATCH", "/policies/gone", {"policy": {}}),
        ("PATCH", "/ip-routes/gone", {"ip_route": {}}),
        ("GET", "/requests/gone", None),
        ("GET", "/interfaces/%00", None),
        ("GET", "/ip-blocks/\N{SNOWMAN}", None),
    ],
)
def test_a_path_to_what_is_missing(v2: V2, verb: str, path: str, body: Any) -> None:
    code = v2.refused(verb, path, body, 404)["code"]
    assert code.endswith("_not_found")
    assert v2.refused(verb, "/no" + path, body, 404)["code"] == "ipam.unknown_uri"


@pytest.mark.parametrize("verb", ["DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "PURGE"])
def test_a_method_that_a_path_does_not_have(v2: V2, verb: str) -> None:
    answer = v2.answer(verb, "/ip-blocks")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, POST"
    assert answer.get_json()["errors"][0]["code"] == "ipam.method_not_allowed"


def test_head_is_get_without_a_body(v2: V2) -> None:
    answer = v2.answer("HEAD", "/ip-blocks")
    assert (answer.status_code, answer.data) == (200, b"")
    assert v2.answer("HEAD", "/ip-blocks/gone").status_code == 404


def test_conflicts_and_rules(v2: V2) -> None:
    block = v2.block()
    v2.allocate(block, address="10.0.0.9")
    where = {"ip_block_id": block["id"]}
    for more, status, code in (
        ({"address": "10.0.0.9"}, 409, "address_already_allocated"),
        ({"address": "10.1.0.9"}, 422, "address_not_in_block"),
        ({"address": "nowhere"}, 400, "invalid_values"),
        ({"address": "10.0.0.10", "count": 2}, 400, "invalid_values"),
    ):
        body = {"ip_address": {**where, **more}}
        assert v2.refused("POST", "/ip-addresses", body, status)["code"] == f"ipam.{code}"
    v2.refused("POST", f"/ip-blocks/{block['id']}/subnets", {"subnet": {"prefix_length": 26}}, 400)
