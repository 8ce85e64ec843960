"""How a request becomes an RPC: arguments, limits, keys, context."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask.testing import FlaskClient

from ipamd.api.melange import routes
from tests.api.conftest import RecordingCaller

BLOCKS = "/v0.1/ipam/tenants/t/ip_blocks"


def test_path_body_and_query_become_arguments(
    client: FlaskClient, caller: RecordingCaller
) -> None:
    caller.result = {"ip_blocks": [], "next_marker": None}
    client.get(f"{BLOCKS}?type=public&foo=bar&limit=5&marker=m")
    caller.result = {"id": "b"}
    client.put(f"{BLOCKS}/b.json", json={"ip_block": {"dns1": "1.1.1.1"}, "other": 1})
    caller.result = None
    client.delete(f"{BLOCKS}/b/ip_addresses/10.0.0.1/inside_globals/10.0.0.2")
    assert caller.calls == [
        ("list_ip_blocks", {"tenant_id": "t", "type": "public", "limit": 5, "marker": "m"}),
        (
            "update_ip_block",
            {"tenant_id": "t", "ip_block_id": "b", "ip_block": {"dns1": "1.1.1.1"}},
        ),
        (
            "remove_inside_globals",
            {
                "tenant_id": "t",
                "ip_block_id": "b",
                "address": "10.0.0.1",
                "inside_address": "10.0.0.2",
            },
        ),
    ]


@pytest.mark.parametrize("data", ["", "null", "{}", '{"net": {"addresses": ["10.0.0.7"]}}'])
def test_a_body_without_the_root_key_counts_as_empty(
    client: FlaskClient, caller: RecordingCaller, data: str
) -> None:
    caller.result = {"ip_addresses": []}
    path = "/v0.1/ipam/tenants/t/networks/n/interfaces/i/ip_allocations"
    answer = client.post(path, data=data, content_type="application/json")
    assert answer.status_code == 201
    arguments = {"tenant_id": "t", "network_id": "n", "interface_id": "i", "network": {}}
    assert caller.calls == [("allocate_network_ips", arguments)]


@pytest.mark.parametrize("body", [["x"], "x", 5, {"ip_block": None}, {"ip_block": [1]}])
def test_what_is_no_object_is_400(
    client: FlaskClient, caller: RecordingCaller, body: object
) -> None:
    answer = client.post(BLOCKS, json=body)
    assert answer.status_code == 400
    assert answer.get_json()["BadRequest"]["detail"]
    assert caller.calls == []


@pytest.mark.parametrize("body", [{}, {"ip_addresses": None}, {"ip_addresses": {}}])
def test_nat_needs_a_list(client: FlaskClient, caller: RecordingCaller, body: Any) -> None:
    answer = client.post(f"{BLOCKS}/b/ip_addresses/10.0.0.1/inside_locals", json=body)
    assert answer.status_code == 400
    assert "ip_addresses" in answer.get_json()["BadRequest"]["detail"]
    assert caller.calls == []


@pytest.mark.parametrize(
    ("content_type", "data", "status"),
    [
        ("application/json", '{"ip_block": ', 400),
        ("application/xml", "<ip_block><cidr>", 400),
        ("application/xml", '<!DOCTYPE a [<!ENTITY b "c">]><ip_block>&b;</ip_block>', 400),
        ("text/plain", "{}", 415),
        (None, "{}", 415),
        ("application/json", '{"a": "' + "x" * 1024 * 1024 + '"}', 413),
    ],
)
def test_unreadable_bodies_get_a_plain_page(
    client: FlaskClient,
    caller: RecordingCaller,
    content_type: str | None,
    data: str,
    status: int,
) -> None:
    answer = client.post(BLOCKS, data=data, content_type=content_type)
    assert (answer.status_code, answer.mimetype) == (status, "text/plain")
    assert caller.calls == []


@pytest.mark.parametrize(("size", "status"), [(1000, 201), (2 * 1024 * 1024, 413)])
def test_a_body_of_unknown_length_is_limited_too(
    client: FlaskClient, caller: RecordingCaller, size: int, status: int
) -> None:
    caller.result = {"id": "b"}
    body = b'{"ip_block": {}}' + b" " * size
    answer = client.post(
        BLOCKS,
        input_stream=io.BytesIO(body),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == status


def test_a_body_on_get_is_ignored(client: FlaskClient, caller: RecordingCaller) -> None:
    caller.result = {"ip_blocks": [], "next_marker": None}
    assert client.get(BLOCKS, data="{", content_type="application/json").status_code == 200


@pytest.mark.parametrize("limit", ["0", "-1", "abc", "", "1.5", "٣", "9" * 30])
def test_a_bad_limit_is_400(client: FlaskClient, caller: RecordingCaller, limit: str) -> None:
    answer = client.get(BLOCKS, query_string={"limit": limit})
    assert answer.status_code == 400
    assert "limit" in answer.get_json()["BadRequest"]["detail"]
    assert caller.calls == []


@pytest.mark.parametrize(("asked", "used"), [("", 200), ("?limit=7", 7), ("?limit=5000", 1000)])
def test_limits_have_a_default_and_a_maximum(
    client: FlaskClient, caller: RecordingCaller, asked: str, used: int
) -> None:
    caller.result = {"ip_blocks": [], "next_marker": None}
    client.get(BLOCKS + asked)
    assert caller.calls[0][1]["limit"] == used


@pytest.mark.parametrize(("header", "key"), [("abc", "abc"), ('"a \\"b"', 'a "b')])
def test_the_idempotency_key_travels_with_changes_only(
    client: FlaskClient, caller: RecordingCaller, header: str, key: str
) -> None:
    caller.result = {"id": "b", "ip_blocks": [], "next_marker": None}
    headers = {"Idempotency-Key": header}
    client.post(BLOCKS, json={}, headers=headers)
    client.delete(f"{BLOCKS}/b", headers=headers)
    client.get(BLOCKS, headers=headers)
    keys = [arguments.get("idempotency_key") for _, arguments in caller.calls]
    assert keys == [key, key, None]


@pytest.mark.parametrize("header", ["", '""', "x" * 256, "a\tb", "caf\u00e9"])
def test_an_unusable_idempotency_key_is_400(
    client: FlaskClient, caller: RecordingCaller, header: str
) -> None:
    answer = client.post(BLOCKS, json={}, headers={"Idempotency-Key": header})
    assert answer.status_code == 400
    assert caller.calls == []


def test_the_context_carries_tenant_request_id_and_timeout(
    client: FlaskClient, caller: RecordingCaller
) -> None:
    caller.result = {"ip_blocks": [], "next_marker": None}
    answer = client.get(BLOCKS, headers={"X-Openstack-Request-Id": "req-1"})
    assert answer.headers["X-Openstack-Request-Id"] == "req-1"
    assert (caller.contexts[0].tenant, caller.contexts[0].request_id) == ("t", "req-1")
    assert caller.timeouts == [30]

    answer = client.get(BLOCKS, headers={"X-Openstack-Request-Id": "no spaces"})
    assert answer.headers["X-Openstack-Request-Id"] == caller.contexts[1].request_id
    assert str(caller.contexts[1].request_id).startswith("req-")


@pytest.mark.parametrize(
    ("path", "tenant"),
    [
        ("a%20b", "a b"),
        ("a.b.c", "a.b.c"),
        ("x.xml", "x.xml"),
        ("%C3%A9", "é"),
        ("a+b", "a+b"),
        ("u@h:1", "u@h:1"),
    ],
)
def test_tenants_may_have_odd_names(
    client: FlaskClient, caller: RecordingCaller, path: str, tenant: str
) -> None:
    caller.result = {"ip_blocks": [], "next_marker": None}
    assert client.get(f"/v0.1/ipam/tenants/{path}/ip_blocks").status_code == 200
    assert caller.calls[0][1]["tenant_id"] == tenant


def test_nul_in_a_url_is_400(client: FlaskClient, caller: RecordingCaller) -> None:
    assert client.get(f"{BLOCKS}/a%00b").status_code == 400
    assert caller.calls == []


def test_the_blueprints_url_without_an_interface_takes_the_only_one(
    client: FlaskClient, caller: RecordingCaller
) -> None:
    block = {"network_id": "n", "tenant_id": "owner"}
    interface = {"id": "i", "ip_addresses": [{"ip_block": block}]}
    caller.results = [{"interfaces": [interface], "next_marker": None}, {"ip_addresses": []}]
    answer = client.post("/v1.0/ipam/instances/d/interfaces/ip_addresses")
    assert answer.status_code == 201
    assert caller.calls[1] == (
        "add_interface_ip_addresses",
        {
            "instance_id": "d",
            "interface_id": "i",
            "network": {"id": "n", "tenant_id": "owner"},
        },
    )

    for interfaces, status in (([], 404), ([interface, interface], 400)):
        caller.results = [{"interfaces": interfaces, "next_marker": None}]
        answer = client.post("/v1.0/ipam/instances/d/interfaces/ip_addresses")
        assert answer.status_code == status


def test_every_row_of_the_table_calls_its_method(
    client: FlaskClient, caller: RecordingCaller
) -> None:
    called = 0
    for row in routes.documented():
        caller.calls.clear()
        caller.result = {
            "id": "x",
            "interfaces": [{"id": "i", "ip_addresses": []}],
            "ip_addresses": [],
            "next_marker": None,
        } | {
            route.answer.root: []
            for route in routes.ROUTES
            if route.answer.shape is routes.Shape.MANY
        }
        path = row.path.replace("{", "").replace("}", "")
        json: dict[str, Any] | None = {"ip_addresses": []} if row.verb in ("POST", "PUT") else None
        answer = client.open(path, method=row.verb, json=json)
        assert (answer.status_code, caller.calls[-1][0]) == (row.status, row.method), row
        called += 1
    assert called > 120
