"""Quantum v1.0 and v1.1: what each operation answers, in JSON and XML."""

from __future__ import annotations

import uuid
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from defusedxml import ElementTree
from flask.testing import FlaskClient

from tests.api.conftest import RecordingCaller

NAMESPACE = "http://openstack.org/quantum/api/"


class Quantum:
    """A tenant of its own in one version of the API."""

    def __init__(self, service: FlaskClient, version: str) -> None:
        self.service = service
        self.version = version
        self.tenant = f"tenant-{uuid.uuid4()}"
        self.created = 200 if version == "v1.0" else 202

    def url(self, path: str) -> str:
        """Return the URL of a path below the tenant."""
        return f"/{self.version}/tenants/{self.tenant}{path}"

    def ask(self, verb: str, path: str, body: Any = None, status: int = 200) -> Any:
        """Send a request, check the status and return the JSON document."""
        answer = self.service.open(self.url(path), method=verb, json=body)
        assert answer.status_code == status, answer.text
        assert answer.content_type == "application/json"
        return answer.get_json() if answer.data else None

    def xml(self, path: str) -> Element:
        """Get a document in XML."""
        answer = self.service.get(self.url(path) + ".xml")
        assert answer.content_type == "application/xml"
        return ElementTree.fromstring(answer.data)

    def network(self, name: str = "net") -> str:
        """Create a network; return its path."""
        made = self.ask("POST", "/networks", {"network": {"name": name}}, self.created)
        assert list(made) == ["network"]
        assert list(made["network"]) == ["id"]
        return f"/networks/{made['network']['id']}"

    def port(self, network: str, state: str = "DOWN", attachment: str | None = None) -> str:
        """Create a port, on request with something plugged in; return its path."""
        made = self.ask("POST", f"{network}/ports", {"port": {"state": state}}, self.created)
        assert list(made["port"]) == ["id"]
        path = f"{network}/ports/{made['port']['id']}"
        if attachment is not None:
            plug = {"attachment": {"id": attachment}}
            assert self.ask("PUT", f"{path}/attachment", plug, 204) is None
        return path


@pytest.fixture(params=["v1.0", "v1.1"])
def quantum(service: FlaskClient, request: pytest.FixtureRequest) -> Quantum:
    return Quantum(service, request.param)


def id_of(path: str) -> str:
    return path.rpartition("/")[2]


def op_status(quantum: Quantum) -> dict[str, str]:
    return {} if quantum.version == "v1.0" else {"op-status": "UP"}


def test_networks(quantum: Quantum) -> None:
    assert quantum.ask("GET", "/networks") == {"networks": []}
    path = quantum.network("blue")
    whole = {"id": id_of(path), "name": "blue", **op_status(quantum)}
    assert quantum.ask("GET", "/networks") == {"networks": [{"id": id_of(path)}]}
    assert quantum.ask("GET", "/networks/detail") == {"networks": [whole]}
    assert quantum.ask("GET", path) == {"network": whole}
    assert quantum.ask("GET", f"{path}/detail") == {"network": {**whole, "ports": []}}
    renamed = {"network": {"name": "red", "id": "other"}}
    assert quantum.ask("PUT", path, renamed, 204) is None
    assert quantum.ask("GET", path) == {"network": {**whole, "name": "red"}}
    assert quantum.ask("DELETE", path, status=204) is None
    assert quantum.ask("GET", "/networks") == {"networks": []}


def test_ports_and_attachments(quantum: Quantum) -> None:
    network = quantum.network()
    path = quantum.port(network, "ACTIVE")
    whole = {"id": id_of(path), "state": "ACTIVE", **op_status(quantum)}
    assert quantum.ask("GET", f"{network}/ports") == {"ports": [{"id": id_of(path)}]}
    assert quantum.ask("GET", path) == {"port": whole}
    assert quantum.ask("GET", f"{path}/detail") == {"port": whole}
    assert quantum.ask("GET", f"{path}/attachment") == {"attachment": {}}
    attachment = {"attachment": {"id": f"nova.foo.com/{quantum.tenant}/server/1/eth0"}}
    quantum.ask("PUT", f"{path}/attachment", attachment, 204)
    assert quantum.ask("GET", f"{path}/attachment") == attachment
    assert quantum.ask("GET", f"{path}/detail") == {"port": {**whole, **attachment}}
    # These show no attachment, although something is plugged in.
    assert quantum.ask("GET", path) == {"port": whole}
    assert quantum.ask("GET", f"{network}/ports/detail") == {"ports": [whole]}
    detail = quantum.ask("GET", f"{network}/detail")["network"]
    assert detail["ports"] == [{**whole, **attachment}]
    for _ in range(2):
        assert quantum.ask("DELETE", f"{path}/attachment", status=204) is None
    quantum.ask("DELETE", path, status=204)
    assert quantum.ask("GET", f"{network}/ports") == {"ports": []}


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (None, "DOWN"),
        ({"port": {}}, "DOWN"),
        ({"port": {"state": ""}}, "DOWN"),
        ({"port": {"state": None}}, "DOWN"),
        ({"port": {"state": "ACTIVE", "vm_id": "1", "extra": [1]}}, "ACTIVE"),
    ],
)
def test_the_state_of_a_port(quantum: Quantum, body: Any, state: str) -> None:
    network = quantum.network()
    made = quantum.ask("POST", f"{network}/ports", body, quantum.created)
    path = f"{network}/ports/{made['port']['id']}"
    assert quantum.ask("GET", path)["port"]["state"] == state
    changed = quantum.port(network, "ACTIVE")
    quantum.ask("PUT", changed, body, 204)
    assert quantum.ask("GET", changed)["port"]["state"] == state


def test_what_one_version_makes_the_other_shows(service: FlaskClient) -> None:
    new, old = Quantum(service, "v1.1"), Quantum(service, "v1.0")
    old.tenant = new.tenant
    path = new.port(new.network(), attachment=str(uuid.uuid4()))
    assert old.ask("GET", path)["port"] == {"id": id_of(path), "state": "DOWN"}
    assert new.ask("GET", path)["port"]["op-status"] == "UP"


def test_lists_are_whole_whatever_the_size_of_a_page(quantum: Quantum) -> None:
    made = {id_of(quantum.network(f"n{number}")) for number in range(8)}
    network = quantum.network("last")
    ports = {id_of(quantum.port(network)) for _ in range(7)}
    listed = quantum.ask("GET", "/networks")["networks"]
    assert {item["id"] for item in listed} == made | {id_of(network)}
    assert {item["id"] for item in quantum.ask("GET", f"{network}/ports")["ports"]} == ports
    detail = quantum.ask("GET", f"{network}/detail")["network"]
    assert {item["id"] for item in detail["ports"]} == ports


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "empty idle busy"),
        ("name=idle", "idle"),
        ("name=idle&unknown=1", "idle"),
        ("name=idle&has-attachment=true", ""),
        ("op-status=UP", "empty idle busy"),
        ("op-status=DOWN", ""),
        ("port-op-status=UP", "idle busy"),
        ("port-state=ACTIVE", "busy"),
        ("has-attachment=True", "busy"),
        ("has-attachment=false", "empty idle"),
        ("has-attachment=1", "empty idle"),
        ("attachment={vif}", "busy"),
        ("port={port}", "busy"),
        ("unknown=1", ""),
        ("limit=1", ""),
    ],
)
def test_filters_of_networks(quantum: Quantum, query: str, found: str) -> None:
    quantum.network("empty")
    quantum.port(quantum.network("idle"))
    vif = str(uuid.uuid4())
    port = quantum.port(quantum.network("busy"), "ACTIVE", vif)
    query = query.format(vif=vif, port=id_of(port))
    detail = quantum.ask("GET", f"/networks/detail?{query}")["networks"]
    assert {item["name"] for item in detail} == set(found.split())
    brief = quantum.ask("GET", f"/networks?{query}")["networks"]
    assert {item["id"] for item in brief} == {item["id"] for item in detail}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("state=ACTIVE", 1),
        ("state=active", 0),
        ("op-status=UP", 3),
        ("has-attachment=TRUE", 1),
        ("has-attachment=no", 2),
        ("attachment={vif}", 1),
        ("attachment={vif}&state=ACTIVE", 0),
        ("attachment={vif}&name=x", 1),
        ("name=x", 0),
    ],
)
def test_filters_of_ports(quantum: Quantum, query: str, found: int) -> None:
    network = quantum.network()
    vif = f"gw-{uuid.uuid4()}/eth0"
    quantum.port(network)
    quantum.port(network, "ACTIVE")
    quantum.port(network, attachment=vif)
    query = query.format(vif=vif)
    assert len(quantum.ask("GET", f"{network}/ports?{query}")["ports"]) == found
    assert len(quantum.ask("GET", f"{network}/ports/detail.json?{query}")["ports"]) == found


# --- XML ----------------------------------------------------------------------------


def test_documents_in_xml(quantum: Quantum) -> None:
    ns = f"{{{NAMESPACE}{quantum.version}}}"
    network = quantum.network('a "quoted" <näme>')
    whole = {"id": id_of(network), "name": 'a "quoted" <näme>', **op_status(quantum)}
    plugged = quantum.port(network, attachment=str(uuid.uuid4()))
    quantum.port(network)
    root = quantum.xml("/networks")
    assert (root.tag, root.attrib) == (f"{ns}networks", {})
    assert [(item.tag, item.attrib) for item in root] == [(f"{ns}network", {"id": id_of(network)})]
    assert [item.attrib for item in quantum.xml("/networks/detail")] == [whole]
    root = quantum.xml(network)
    assert (root.tag, root.attrib, len(root)) == (f"{ns}network", whole, 0)
    root = quantum.xml(f"{network}/detail")
    assert root.attrib == whole
    assert [child.tag for child in root] == [f"{ns}ports"]
    by_id = {port.attrib["id"]: port for port in root[0]}
    port = by_id.pop(id_of(plugged))
    assert port.attrib == {"id": id_of(plugged), "state": "DOWN", **op_status(quantum)}
    assert [child.tag for child in port] == [f"{ns}attachment"]
    assert [len(other) for other in by_id.values()] == [0]
    root = quantum.xml(f"{plugged}/attachment")
    assert (root.tag, list(root.attrib)) == (f"{ns}attachment", ["id"])
    quantum.ask("DELETE", f"{plugged}/attachment", status=204)
    root = quantum.xml(f"{plugged}/attachment")
    assert (root.tag, root.attrib, len(root)) == (f"{ns}attachment", {}, 0)


@pytest.mark.parametrize("namespace", ["", f' xmlns="{NAMESPACE}v1.0"'])
def test_requests_in_xml(quantum: Quantum, namespace: str) -> None:
    def send(verb: str, path: str, body: str, status: int) -> Any:
        answer = quantum.service.open(
            quantum.url(path), method=verb, data=body, content_type="application/xml"
        )
        assert answer.status_code == status, answer.text
        assert answer.content_type == "application/xml"
        return ElementTree.fromstring(answer.data) if answer.data else None

    made = send(
        "POST", "/networks", f'<network{namespace} name="n" nova_id="x"/>', quantum.created
    )
    network = f"/networks/{made.attrib['id']}"
    send("PUT", network, f'<network{namespace} name="m"/>', 204)
    assert quantum.ask("GET", network)["network"]["name"] == "m"
    body = f'<port{namespace} state="ACTIVE"/>'
    port = (
        f"{network}/ports/{send('POST', f'{network}/ports', body, quantum.created).attrib['id']}"
    )
    assert quantum.ask("GET", port)["port"]["state"] == "ACTIVE"
    send("PUT", port, f"<port{namespace}/>", 204)
    assert quantum.ask("GET", port)["port"]["state"] == "DOWN"
    vif = str(uuid.uuid4())
    send("PUT", f"{port}/attachment", f'<attachment{namespace} id="{vif}"/>', 204)
    assert quantum.ask("GET", f"{port}/attachment") == {"attachment": {"id": vif}}


# --- which format -------------------------------------------------------------------

JSON, XML = "application/json", "application/xml"


@pytest.mark.parametrize(
    ("suffix", "content_type", "accept", "answered"),
    [
        ("", None, None, JSON),
        ("", None, "text/html", JSON),
        ("", None, XML, XML),
        ("", None, "application/json;q=0.5, application/xml", XML),
        ("", XML, JSON, XML),
        ("", "application/xml; charset=UTF-8", None, XML),
        ("", JSON, XML, JSON),
        ("", "text/plain", XML, XML),
        ("", "text/xml", None, JSON),
        (".xml", JSON, JSON, XML),
        (".json", XML, XML, JSON),
    ],
)
def test_the_format_of_answers(
    service: FlaskClient, suffix: str, content_type: str | None, accept: str | None, answered: str
) -> None:
    headers = {"Accept": accept} if accept else {}
    url = f"/v1.1/tenants/t/networks{suffix}"
    answer = service.get(url, headers=headers, content_type=content_type)
    assert answer.status_code == 200
    assert answer.content_type == answered


@pytest.mark.parametrize(
    ("suffix", "content_type", "accept", "body"),
    [
        ("", "text/plain", None, '{"network": {"name": "n"}}'),
        ("", None, None, '{"network": {"name": "n"}}'),
        ("", "application/x-www-form-urlencoded", XML, '<network name="n"/>'),
        (".json", XML, XML, '{"network": {"name": "n"}}'),
        (".xml", JSON, None, '<network name="n"/>'),
        ("", XML, JSON, '<network name="n"/>'),
    ],
)
def test_the_format_of_requests(
    service: FlaskClient, suffix: str, content_type: str | None, accept: str | None, body: str
) -> None:
    answer = service.post(
        f"/v1.1/tenants/t{uuid.uuid4()}/networks{suffix}",
        data=body,
        content_type=content_type,
        headers={"Accept": accept} if accept else {},
    )
    assert answer.status_code == 202, answer.text


# --- around -------------------------------------------------------------------------


def test_versions_on_quantums_own_port(service: FlaskClient) -> None:
    there = "http://cloud:9696"
    answer = service.get("/", base_url=there)
    assert answer.content_type == JSON
    assert answer.get_json() == {
        "versions": [
            {
                "id": "v1.0",
                "status": "CURRENT",
                "links": [{"rel": "self", "href": "http://cloud:9696/v1.0"}],
            },
            {
                "id": "v1.1",
                "status": "PROPOSED",
                "links": [{"rel": "self", "href": "http://cloud:9696/v1.1"}],
            },
        ]
    }
    root = ElementTree.fromstring(service.get("/", base_url=there, headers={"Accept": XML}).data)
    assert [version.attrib for version in root] == [
        {"id": "v1.0", "status": "CURRENT"},
        {"id": "v1.1", "status": "PROPOSED"},
    ]
    link = root[1].find("links/link")
    assert link is not None
    assert link.attrib == {"rel": "self", "href": "http://cloud:9696/v1.1"}
    elsewhere = service.get("/", base_url="http://cloud:9898").get_json()["versions"]
    assert [version["name"] for version in elsewhere][:3] == ["v0.1", "v1.0", "v1.1"]


@pytest.mark.parametrize("version", ["v1.0", "v1.1"])
def test_there_are_no_extensions(service: FlaskClient, version: str) -> None:
    assert service.get(f"/{version}/extensions").get_json() == {"extensions": []}
    assert len(ElementTree.fromstring(service.get(f"/{version}/extensions.xml").data)) == 0
    assert service.get(f"/{version}/extensions/portstats").status_code == 404
    assert service.post(f"/{version}/extensions").status_code == 404


def test_the_tenant_and_the_idempotency_key_reach_the_worker(
    client: FlaskClient, caller: RecordingCaller
) -> None:
    caller.result = {"id": "n"}
    client.post(
        "/v1.1/tenants/t/networks",
        json={"network": {"name": "n", "nova_id": "nova"}},
        headers={"Idempotency-Key": "k"},
    )
    network = {"name": "n", "nova_id": "nova"}
    arguments = {"tenant_id": "t", "network": network, "idempotency_key": "k"}
    assert caller.calls == [("create_network", arguments)]
    assert caller.contexts[0].tenant == "t"


def test_a_key_repeated_makes_one_network(quantum: Quantum) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}

    def post(name: str) -> Any:
        body = {"network": {"name": name}}
        return quantum.service.post(quantum.url("/networks"), json=body, headers=key)

    assert post("n").get_json() == post("n").get_json()
    assert len(quantum.ask("GET", "/networks")["networks"]) == 1
    assert post("other").status_code == 422
