"""Keys that are in use or were used, time that is up, nobody there: in each mount's own form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from flask.testing import FlaskClient

from ipamd import errors
from tests.api.conftest import RecordingCaller

KEY = {"Idempotency-Key": "k"}
FAILURES = [
    (errors.IdempotencyKeyReused, 422, "UnprocessableEntity"),
    (errors.RequestInProgress, 409, "Conflict"),
    (errors.RequestTimeout, 504, "GatewayTimeout"),
    (errors.Unavailable, 503, "ServiceUnavailable"),
]


def melange(status: int, name: str, text: str) -> bool:
    fault = json.loads(text)[name]
    return bool(set(fault) == {"code", "message", "detail"} and fault["code"] == status)


def melange_xml(status: int, name: str, text: str) -> bool:
    root = fromstring(text)
    return bool(
        root.tag == name
        and root.get("code") == str(status)
        and [child.tag for child in root] == ["message", "detail"]
    )


def quantum_v10(status: int, _name: str, text: str) -> bool:
    ((name, fault),) = json.loads(text).items()
    return bool(re.fullmatch("[A-Za-z]+", name) and fault["code"] == status and fault["detail"])


def quantum_v11(_status: int, _name: str, text: str) -> bool:
    fault = json.loads(text)["QuantumError"]
    return set(fault) == {"type", "message", "detail"}


def own(status: int, _name: str, text: str) -> bool:
    (error,) = json.loads(text)["errors"]
    return bool(error["status"] == status and {"code", "title", "detail", "links"} <= set(error))


TENANT = "/v0.1/ipam/tenants/t"
WRITES: list[tuple[str, str, Any, Callable[[int, str, str], bool]]] = [
    ("POST", f"{TENANT}/ip_blocks", {"ip_block": {}}, melange),
    ("PUT", f"{TENANT}/ip_blocks/b", {"ip_block": {}}, melange),
    ("POST", f"{TENANT}/ip_blocks/b/ip_addresses.xml", {"ip_address": {}}, melange_xml),
    ("PUT", f"{TENANT}/ip_blocks/b/ip_addresses/10.0.0.2/restore", None, melange),
    ("POST", f"{TENANT}/networks/n/interfaces/v/ip_allocations", {"network": {}}, melange),
    ("POST", "/v0.1/ipam/interfaces", {"interface": {}}, melange),
    ("PUT", "/v1.0/ipam/instances/i/interfaces", {"instance": {}}, melange),
    ("POST", "/v1.0/ipam/instances/i/interfaces/v/ip_addresses", {"network": {}}, melange),
    ("POST", "/v1.0/tenants/t/networks", {"network": {"name": "n"}}, quantum_v10),
    ("PUT", "/v1.0/tenants/t/networks/n/ports/p", {"port": {}}, quantum_v10),
    ("POST", "/v1.1/tenants/t/networks/n/ports", None, quantum_v11),
    ("PUT", "/v1.1/tenants/t/networks/n/ports/p/attachment", {"attachment": {"id": "a"}},
     quantum_v11),
    ("POST", "/v2/ip-addresses", {"ip_address": {"ip_block_id": "b"}}, own),
    ("POST", "/v2/networks", {"network": {"tenant_id": "t", "name": "n"}}, own),
]  # fmt: skip


def case(value: object) -> str:
    """Name a parameter alike in every process: functions are shown with their addresses."""
    return str(getattr(value, "__name__", value))


@pytest.mark.parametrize(("error", "status", "name"), FAILURES, ids=case)
@pytest.mark.parametrize(("verb", "path", "body", "is_form"), WRITES, ids=case)
def test_a_write_fails_in_the_form_of_its_mount(
    client: FlaskClient,
    caller: RecordingCaller,
    verb: str,
    path: str,
    body: Any,
    is_form: Callable[[int, str, str], bool],
    error: type[errors.IpamError],
    status: int,
    name: str,
) -> None:
    caller.result = error()
    answer = client.open(path, method=verb, json=body, headers=KEY)
    assert answer.status_code == status
    assert is_form(status, name, answer.text)
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert error().message in answer.text


@pytest.mark.parametrize(("verb", "path", "body", "is_form"), WRITES, ids=case)
def test_a_write_carries_its_key(
    client: FlaskClient,
    caller: RecordingCaller,
    verb: str,
    path: str,
    body: Any,
    is_form: Callable[[int, str, str], bool],
) -> None:
    caller.result = errors.RequestTimeout()
    client.open(path, method=verb, json=body, headers=KEY)
    assert "k" in [arguments.get("idempotency_key") for _, arguments in caller.calls]
    caller.forget()
    refused = client.open(path, method=verb, json=body, headers={"Idempotency-Key": "x" * 256})
    assert refused.status_code == 400
    assert is_form(400, "BadRequest", refused.text)
    assert caller.calls == []
