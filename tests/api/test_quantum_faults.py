"""Quantum's faults: codes of their own in v1.0, ``QuantumError`` in v1.1, bare 404 pages."""

from __future__ import annotations

import json
import uuid
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from defusedxml import ElementTree
from flask.testing import FlaskClient

from ipamd import errors
from ipamd.api.quantum.routes import ROUTES
from tests.api.conftest import RecordingCaller
from tests.api.test_quantum_resources import NAMESPACE, Quantum, id_of

BOTH = pytest.mark.parametrize("version", ["v1.0", "v1.1"])
# code and name in v1.0, status and type in v1.1, message
NO_NETWORK = (
    420, "networkNotFound", 404, "NetworkNotFound",
    "Unable to find a network with the specified identifier.",
)  # fmt: skip
NETWORK_IN_USE = (
    421, "networkInUse", 409, "NetworkInUse",
    "Unable to remove the network: attachments still plugged.",
)  # fmt: skip
NO_PORT = (
    430, "portNotFound", 404, "PortNotFound",
    "Unable to find a port with the specified identifier.",
)  # fmt: skip
BAD_STATE = (
    431, "requestedStateInvalid", 400, "RequestedStateInvalid",
    "Unable to update port state with specified value.",
)  # fmt: skip
PORT_IN_USE = (
    432, "portInUse", 409, "PortInUse", "A resource is currently attached to the logical port",
)  # fmt: skip
ATTACHED = (
    440, "alreadyAttached", 409, "AlreadyAttached",
    "The resource is already attached to another port",
)  # fmt: skip

Fault = tuple[int, str, int, str, str]


def expect(quantum: Quantum, verb: str, path: str, body: Any, fault: Fault) -> str:
    """Send a request in JSON and ask for XML as well; return the fault's detail."""
    code, name, status, kind, message = fault
    answer = quantum.service.open(quantum.url(path), method=verb, json=body)
    in_xml = quantum.service.open(
        quantum.url(path) + ".xml", method=verb, data=to_xml(body), content_type="application/xml"
    )
    root = ElementTree.fromstring(in_xml.data)
    ns = f"{{{NAMESPACE}{quantum.version}}}"
    assert answer.content_type == "application/json"
    assert in_xml.content_type == "application/xml"
    assert root.findtext(f"{ns}message") == message
    assert answer.status_code == in_xml.status_code
    if quantum.version == "v1.0":
        assert answer.status == f"{code} {name}"
        document = answer.get_json()[name]
        assert document["code"] == code
        assert (root.tag, root.attrib) == (f"{ns}{name}", {"code": str(code)})
    else:
        assert answer.status_code == status
        document = answer.get_json()["QuantumError"]
        assert document["type"] == kind
        assert "code" not in document
        assert (root.tag, root.attrib) == (f"{ns}QuantumError", {})
        assert root.findtext(f"{ns}type") == kind
    assert document["message"] == message
    assert document["detail"] == root.findtext(f"{ns}detail")
    return str(document["detail"])


def to_xml(body: Any) -> str:
    if body is None:
        return ""
    ((name, values),) = body.items()
    return ElementTree.tostring(Element(name, values), encoding="unicode")


@pytest.fixture(params=["v1.0", "v1.1"])
def quantum(service: FlaskClient, request: pytest.FixtureRequest) -> Quantum:
    return Quantum(service, request.param)


def test_a_network_that_is_not_there(quantum: Quantum) -> None:
    gone = f"/networks/{uuid.uuid4()}"
    port = f"{gone}/ports/{uuid.uuid4()}"
    for verb, path, body in (
        ("GET", gone, None),
        ("GET", f"{gone}/detail", None),
        ("PUT", gone, {"network": {"name": "n"}}),
        ("DELETE", gone, None),
        ("GET", f"{gone}/ports", None),
        ("GET", f"{gone}/ports/detail", None),
        ("POST", f"{gone}/ports", {"port": {"state": "ACTIVE"}}),
        ("GET", port, None),
        ("GET", f"{port}/detail", None),
        ("PUT", port, {"port": {"state": "ACTIVE"}}),
        ("DELETE", port, None),
        ("GET", f"{port}/attachment", None),
        ("PUT", f"{port}/attachment", {"attachment": {"id": "vif"}}),
        ("DELETE", f"{port}/attachment", None),
    ):
        assert id_of(gone) in expect(quantum, verb, path, body, NO_NETWORK)
    unfiltered = quantum.service.get(quantum.url(f"{gone}/ports?unknown=1"))
    assert unfiltered.status_code == (420 if quantum.version == "v1.0" else 404)


def test_another_tenants_network_is_not_there(service: FlaskClient, quantum: Quantum) -> None:
    network = quantum.network()
    port = quantum.port(network)
    other = Quantum(service, quantum.version)
    for path in (network, f"{network}/ports", port, f"{port}/attachment"):
        expect(other, "GET", path, None, NO_NETWORK)
    expect(other, "DELETE", network, None, NO_NETWORK)
    expect(other, "PUT", f"{port}/attachment", {"attachment": {"id": "vif"}}, NO_NETWORK)
    assert other.ask("GET", "/networks") == {"networks": []}
    assert quantum.ask("GET", f"{port}/attachment") == {"attachment": {}}


def test_a_port_that_is_not_there(quantum: Quantum) -> None:
    network = quantum.network()
    elsewhere = id_of(quantum.port(quantum.network()))
    for port_id in (str(uuid.uuid4()), elsewhere, "detail-of-nothing"):
        port = f"{network}/ports/{port_id}"
        for verb, path, body in (
            ("GET", port, None),
            ("GET", f"{port}/detail", None),
            ("PUT", port, {"port": {"state": "ACTIVE"}}),
            ("DELETE", port, None),
            ("GET", f"{port}/attachment", None),
            ("PUT", f"{port}/attachment", {"attachment": {"id": "vif"}}),
            ("DELETE", f"{port}/attachment", None),
        ):
            assert port_id in expect(quantum, verb, path, body, NO_PORT)


def test_what_is_in_use(quantum: Quantum) -> None:
    network = quantum.network()
    vif, other_vif = str(uuid.uuid4()), str(uuid.uuid4())
    busy = quantum.port(network, attachment=vif)
    idle = quantum.port(network)
    expect(quantum, "DELETE", network, None, NETWORK_IN_USE)
    expect(quantum, "DELETE", busy, None, PORT_IN_USE)
    for attachment in (vif, other_vif):
        body = {"attachment": {"id": attachment}}
        expect(quantum, "PUT", f"{busy}/attachment", body, PORT_IN_USE)
    expect(quantum, "PUT", f"{idle}/attachment", {"attachment": {"id": vif}}, ATTACHED)
    assert len(quantum.ask("GET", f"{network}/ports")["ports"]) == 2


def test_an_interface_with_addresses_elsewhere(quantum: Quantum) -> None:
    here, there = quantum.network(), quantum.network()
    block = {"cidr": "10.0.0.0/24", "type": "private", "network_id": id_of(there)}
    tenant = f"/v0.1/ipam/tenants/{quantum.tenant}"
    made = quantum.service.post(f"{tenant}/ip_blocks", json={"ip_block": block})
    assert made.status_code == 201
    vif = str(uuid.uuid4())
    allocations = f"{tenant}/networks/{id_of(there)}/interfaces/{vif}/ip_allocations"
    assert quantum.service.post(allocations).status_code == 201
    body = {"attachment": {"id": vif}}
    path = f"{quantum.port(here)}/attachment"
    assert vif in expect(quantum, "PUT", path, body, ATTACHED)
    quantum.port(there, attachment=vif)


@pytest.mark.parametrize("state", ["active", "UP", "BUILD"])
def test_a_state_that_is_none(quantum: Quantum, state: str) -> None:
    network = quantum.network()
    port = quantum.port(network, "ACTIVE")
    body = {"port": {"state": state}}
    assert state in expect(quantum, "POST", f"{network}/ports", body, BAD_STATE)
    expect(quantum, "PUT", port, body, BAD_STATE)
    assert len(quantum.ask("GET", f"{network}/ports")["ports"]) == 1
    assert quantum.ask("GET", port)["port"]["state"] == "ACTIVE"


WEBOB_400 = (
    "The server could not comply with the request since it is either malformed or otherwise "
    "incorrect."
)


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("POST", "/networks", None),
        ("POST", "/networks", {}),
        ("POST", "/networks", []),
        ("POST", "/networks", "network"),
        ("POST", "/networks", {"net": {"name": "n"}}),
        ("POST", "/networks", {"network": None}),
        ("POST", "/networks", {"network": [1]}),
        ("POST", "/networks", {"network": {}}),
        ("POST", "/networks", {"network": {"name": None}}),
        ("POST", "/networks", {"network": {"name": ""}}),
        ("POST", "/networks", {"network": {"name": 7}}),
        ("POST", "/networks", {"network": {"name": "n" * 256}}),
        ("PUT", "{network}", {"network": {"nova_id": "n"}}),
        ("POST", "{network}/ports", {"ports": {}}),
        ("PUT", "{port}", {"port": None}),
        ("PUT", "{port}/attachment", None),
        ("PUT", "{port}/attachment", {"attachment": {}}),
        ("PUT", "{port}/attachment", {"attachment": {"id": None}}),
        ("PUT", "{port}/attachment", {"attachment": {"id": ""}}),
        ("PUT", "{port}/attachment", {"attachment": {"id": ["vif"]}}),
    ],
)
def test_bodies_that_lack_something(quantum: Quantum, verb: str, path: str, body: Any) -> None:
    network = quantum.network()
    port = quantum.port(network)
    path = path.format(network=network, port=port)
    data = None if body is None else json.dumps(body)
    answer = quantum.service.open(quantum.url(path), method=verb, data=data)
    assert answer.status_code == 400
    document = answer.get_json()
    if quantum.version == "v1.0":
        assert list(document) == ["BadRequest"]
        assert document["BadRequest"].pop("detail")
        assert document["BadRequest"] == {"code": 400, "message": WEBOB_400}
    else:
        assert list(document) == ["QuantumError"]
        assert document["QuantumError"].pop("detail")
        expected = {"type": "QuantumServiceFault", "message": WEBOB_400}
        assert document["QuantumError"] == expected
    assert quantum.ask("GET", "/networks") == {"networks": [{"id": id_of(network)}]}
    assert quantum.ask("GET", f"{port}/attachment") == {"attachment": {}}


@BOTH
@pytest.mark.parametrize(
    ("suffix", "body"),
    [
        (".json", "{"),
        (".json", '<network name="n"/>'),
        (".json", '{"network": {"name": NaN}}'),
        (".json", "[" * 100000),
        (".json", b"\xff"),
        (".xml", '{"network": {"name": "n"}}'),
        (".xml", "<network"),
        (".xml", '<!DOCTYPE n [<!ENTITY e "x">]><network name="&e;"/>'),
    ],
)
def test_bodies_that_cannot_be_parsed(
    service: FlaskClient, version: str, suffix: str, body: str
) -> None:
    answer = service.post(f"/{version}/tenants/t/networks{suffix}", data=body)
    assert answer.status_code == 400
    if suffix == ".json":
        assert answer.get_json() == {"Error": {"code": 400, "message": "Malformed request body"}}
    else:
        ns = f"{{{NAMESPACE}{version}}}"
        root = ElementTree.fromstring(answer.data)
        assert (root.tag, root.attrib) == (f"{ns}Error", {"code": "400"})
        assert root.findtext(f"{ns}message") == "Malformed request body"


@BOTH
@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/tenants/t"),
        ("GET", "/tenants/t/nets"),
        ("GET", "/tenants/t/networks/"),
        ("GET", "/tenants/t/networks/n/ports/p/attachment/a"),
        ("PUT", "/tenants/t/networks"),
        ("DELETE", "/tenants/t/networks/n/ports"),
        ("OPTIONS", "/tenants/t/networks"),
    ],
)
def test_paths_without_a_route_are_no_faults(
    service: FlaskClient, version: str, verb: str, path: str
) -> None:
    answer = service.open(f"/{version}{path}", method=verb)
    assert answer.status_code == 404
    assert answer.content_type == "text/plain; charset=UTF-8"


@BOTH
@pytest.mark.parametrize(
    ("error", "name"),
    [
        (errors.IpamError(), "quantumServiceFault"),
        (errors.RequestTimeout(), "quantumServiceFault"),
        (errors.Unavailable(), "serviceUnavailable"),
        (errors.RequestInProgress(), "quantumServiceFault"),
        (errors.Forbidden(), "quantumServiceFault"),
        (RuntimeError("secret"), "quantumServiceFault"),
    ],
)
def test_every_operation_words_every_failure(
    client: FlaskClient, caller: RecordingCaller, version: str, error: Exception, name: str
) -> None:
    for verb, path, _ in ROUTES:
        caller.result = error
        path = path.replace("{", "").replace("}", "")
        noun = "attachment" if "attachment" in path else "port" if "port" in path else "network"
        answer = client.open(
            f"/{version}{path}",
            method=verb,
            json={noun: {"id": "vif", "name": "n"}} if verb in ("POST", "PUT") else None,
        )
        status = error.http_status if isinstance(error, errors.IpamError) else 500
        assert answer.status_code == status
        assert "secret" not in answer.text
        assert ("Retry-After" in answer.headers) == (status == 503)
        document = answer.get_json()
        if version == "v1.0":
            assert document[name]["code"] == status
        else:
            assert document["QuantumError"]["type"] == "QuantumServiceFault"


@BOTH
def test_a_body_that_is_too_large(client: FlaskClient, version: str) -> None:
    body = {"network": {"name": "n", "note": "x" * 1024 * 1024}}
    answer = client.post(f"/{version}/tenants/t/networks", json=body)
    assert answer.status_code == 413
    name = "quantumServiceFault" if version == "v1.0" else "QuantumError"
    assert answer.get_json()[name]["message"]


@pytest.mark.parametrize("name", ["a\0b", "%00", "é" * 300])
def test_ids_that_nothing_can_have(quantum: Quantum, name: str) -> None:
    for path in (f"/networks/{name}", f"/networks?name={name}"):
        answer = quantum.service.get(quantum.url(path))
        assert answer.status_code == 400
        assert quantum.version != "v1.0" or "BadRequest" in answer.get_json()
