"""Nova's list of virtual interfaces: both versions, its headers, faults and documents."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from defusedxml import ElementTree
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ipamd import errors
from tests.api.conftest import RecordingCaller

OLD, STANDARD = "X-OpenStack-Nova-API-Version", "OpenStack-API-Version"
V2_NET_ID = "OS-EXT-VIF-NET:net_id"
VIF_XMLNS = "{http://docs.openstack.org/compute/ext/OS-EXT-VIF-NET/api/v1.1}"


class Instance:
    """An instance with interfaces, made through Melange's API."""

    def __init__(self, service: FlaskClient) -> None:
        self.service = service
        self.id = str(uuid.uuid4())
        self.tenant = f"tenant-{uuid.uuid4()}"
        self.path = f"/servers/{self.id}/os-virtual-interfaces"

    def interface(self, **values: Any) -> dict[str, Any]:
        """Create an interface of the instance."""
        body = {"tenant_id": self.tenant, "device_id": self.id, **values}
        made = self.service.post("/v0.1/ipam/interfaces", json={"interface": body})
        assert made.status_code == 201, made.text
        return dict(made.get_json()["interface"])

    def list(self, mount: str, version: str | None = None, query: str = "") -> Any:
        """List the instance's interfaces."""
        headers = {OLD: version} if version else {}
        answer = self.service.get(f"/compute{mount}{self.path}{query}", headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.content_type == "application/json"
        document = answer.get_json()
        assert list(document) == ["virtual_interfaces"]
        return document["virtual_interfaces"]


@pytest.fixture
def instance(service: FlaskClient) -> Instance:
    return Instance(service)


@pytest.fixture
def network_id(instance: Instance) -> str:
    """A network of the instance's tenant with a block."""
    network_id = str(uuid.uuid4())
    block = {"cidr": "10.0.0.0/24", "type": "private", "network_id": network_id}
    url = f"/v0.1/ipam/tenants/{instance.tenant}/ip_blocks"
    assert instance.service.post(url, json={"ip_block": block}).status_code == 201
    return network_id


def some_mac() -> str:
    return "02:" + ":".join(f"{byte:02X}" for byte in uuid.uuid4().bytes[:5])


def test_an_interface_in_every_version(instance: Instance, network_id: str) -> None:
    mac = some_mac()
    network = {"id": network_id, "tenant_id": instance.tenant}
    interface = instance.interface(mac_address=mac, network=network)
    plain = {"id": interface["id"], "mac_address": mac}
    for mount in ("/v2.1", f"/v2.1/{instance.tenant}"):
        for version in (None, "2.1", "2.11"):
            assert instance.list(mount, version) == [plain]
        for version in ("2.12", "2.43", "latest"):
            assert instance.list(mount, version) == [{**plain, "net_id": network_id}]
    for mount in ("/v2", f"/v2/{instance.tenant}"):
        # v2 knows no microversions.
        for version in (None, "2.12", "bad"):
            assert instance.list(mount, version) == [{**plain, V2_NET_ID: network_id}]


def test_the_network_of_the_port_counts(instance: Instance) -> None:
    quantum = f"/v1.1/tenants/{instance.tenant}/networks"
    made = instance.service.post(quantum, json={"network": {"name": "n"}}).get_json()
    network_id = made["network"]["id"]
    port = instance.service.post(f"{quantum}/{network_id}/ports").get_json()["port"]["id"]
    interface = instance.interface()
    assert instance.list("/v2.1", "2.12")[0]["net_id"] is None
    url = f"{quantum}/{network_id}/ports/{port}/attachment"
    plug = {"attachment": {"id": interface["id"]}}
    assert instance.service.put(url, json=plug).status_code == 204
    assert instance.list("/v2.1", "2.12")[0]["net_id"] == network_id
    assert instance.service.delete(url).status_code == 204
    assert instance.list("/v2.1", "2.12")[0]["net_id"] is None


def test_another_project_does_not_see_the_instance(instance: Instance) -> None:
    instance.interface()
    for mount in ("/v2", "/v2.1"):
        answer = instance.service.get(f"/compute{mount}/other{instance.path}")
        assert answer.status_code == 404
        assert len(instance.list(f"{mount}/{instance.tenant}")) == 1


@pytest.mark.parametrize("mount", ["/v2", "/v2/p", "/v2.1", "/v2.1/p"])
def test_an_instance_without_interfaces(service: FlaskClient, mount: str) -> None:
    answer = service.get(f"/compute{mount}/servers/no-such-server/os-virtual-interfaces")
    assert answer.status_code == 404
    message = "Instance no-such-server could not be found."
    assert answer.get_json() == {"itemNotFound": {"code": 404, "message": message}}


def test_limit_and_offset(instance: Instance) -> None:
    made = sorted(instance.interface()["id"] for _ in range(8))

    def ids(query: str) -> list[str]:
        return [vif["id"] for vif in instance.list("/v2.1", query=query)]

    # [api] max_limit of this service is 3.
    assert ids("") == made[:3]
    assert ids("?limit=0") == made[:3]
    assert ids("?limit=2") == made[:2]
    assert ids("?limit=100&offset=1") == made[1:4]
    assert ids("?offset=6") == made[6:]
    assert ids("?limit=2&offset=5") == made[5:7]
    assert ids("?offset=8") == []
    assert ids("?offset=1000000000000") == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=-1", "limit param must be positive"),
        ("offset=-1", "offset param must be positive"),
        ("limit=x", "limit param must be an integer"),
        ("offset=1.5", "offset param must be an integer"),
        ("limit=", "limit param must be an integer"),
        ("offset=" + "9" * 30, "offset param must be an integer"),
    ],
)
@pytest.mark.parametrize("mount", ["v2", "v2.1"])
def test_a_bad_limit_or_offset(
    client: FlaskClient, caller: RecordingCaller, mount: str, query: str, message: str
) -> None:
    answer = client.get(f"/compute/{mount}/servers/s/os-virtual-interfaces?{query}")
    assert answer.status_code == 400
    assert answer.get_json() == {"badRequest": {"code": 400, "message": message}}
    assert caller.calls == []


def test_xml_in_v2(instance: Instance, network_id: str) -> None:
    mac = some_mac()
    network = {"id": network_id, "tenant_id": instance.tenant}
    with_network = instance.interface(mac_address=mac, network=network)["id"]
    without = instance.interface(mac_address=some_mac())["id"]
    url = f"/compute/v2/{instance.tenant}{instance.path}"
    for answer in (
        instance.service.get(f"{url}.xml"),
        instance.service.get(url, headers={"Accept": "application/xml"}),
    ):
        assert answer.content_type == "application/xml"
        root = ElementTree.fromstring(answer.data)
        ns = "{http://docs.openstack.org/compute/api/v1.1}"
        assert root.tag == f"{ns}virtual_interfaces"
        assert {item.tag for item in root} == {f"{ns}virtual_interface"}
        shown = {item.attrib["id"]: item.attrib for item in root}
        assert shown[with_network] == {
            "id": with_network, "mac_address": mac, f"{VIF_XMLNS}net_id": network_id,
        }  # fmt: skip
        assert set(shown[without]) == {"id", "mac_address"}


# --- negotiation --------------------------------------------------------------------

URL = "/compute/v2.1/servers/s/os-virtual-interfaces"
NOTHING: dict[str, Any] = {"virtual_interfaces": [], "next_marker": None}


def ask(client: FlaskClient, headers: dict[str, str], url: str = URL) -> TestResponse:
    return client.get(url, headers=headers)


@pytest.mark.parametrize(
    ("headers", "served"),
    [
        ({}, "2.1"),
        ({OLD: "2.12"}, "2.12"),
        ({OLD.lower(): "latest"}, "2.43"),
        ({STANDARD: "compute 2.27"}, "2.27"),
        ({STANDARD: "Compute 2.12"}, "2.12"),
        ({STANDARD: "compute latest"}, "2.43"),
        ({STANDARD: "compute 2.12", OLD: "2.5"}, "2.12"),
        ({STANDARD: "volume 3.0", OLD: "2.5"}, "2.5"),
        ({STANDARD: "2.12"}, "2.1"),
        ({STANDARD: "2.12", OLD: "2.5"}, "2.5"),
        ({STANDARD: "compute 2.4, identity 3, compute 2.12, volume 9.9"}, "2.12"),
        ({STANDARD: "volume bad"}, "2.1"),
        ({OLD: "2.5, 2.12"}, "2.12"),
    ],
)
def test_the_version_asked_for(
    client: FlaskClient, caller: RecordingCaller, headers: dict[str, str], served: str
) -> None:
    for result, status in ((NOTHING, 200), (errors.InstanceNotFound(), 404)):
        caller.result = result
        answer = ask(client, headers)
        assert answer.status_code == status
        assert answer.headers[STANDARD] == f"compute {served}"
        assert answer.headers[OLD] == served
        assert answer.vary.as_set() == {STANDARD.lower(), OLD.lower()}


@pytest.mark.parametrize(
    "text", ["2", "2.", ".1", "2.01", "02.1", "2.1.1", "v2.1", "LATEST", "2.x", "-2.1", "2. 1", ""]
)
@pytest.mark.parametrize("path", [URL, "/compute/v2.1/servers/s", "/compute/v2.1/nothing"])
def test_a_version_that_is_none(
    client: FlaskClient, caller: RecordingCaller, text: str, path: str
) -> None:
    answer = ask(client, {OLD: text}, path)
    assert answer.status_code == 400
    message = (
        f"API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."
    )
    assert answer.get_json() == {"badRequest": {"code": 400, "message": message}}
    assert OLD not in answer.headers
    assert STANDARD not in answer.headers
    assert caller.calls == []


@pytest.mark.parametrize("text", ["2.0", "2.44", "2.104", "3.7", "1.1", "10.1"])
def test_a_version_out_of_range(client: FlaskClient, caller: RecordingCaller, text: str) -> None:
    for headers in ({OLD: text}, {STANDARD: f"compute {text}"}):
        answer = ask(client, headers)
        assert answer.status_code == 406
        message = (
            f"Version {text} is not supported by the API. Minimum is 2.1 and maximum is 2.43."
        )
        assert answer.get_json() == {"computeFault": {"code": 406, "message": message}}
        assert answer.headers[OLD] == text
        assert answer.headers[STANDARD] == f"compute {text}"
        assert answer.vary.as_set() == {STANDARD.lower(), OLD.lower()}
    assert caller.calls == []


def test_v2_tells_no_versions(client: FlaskClient, caller: RecordingCaller) -> None:
    caller.result = NOTHING
    answer = ask(client, {OLD: "2.12"}, URL.replace("v2.1", "v2"))
    assert answer.status_code == 200
    assert not {OLD, STANDARD, "Vary"} & set(answer.headers.keys())


# --- faults -------------------------------------------------------------------------


@pytest.mark.parametrize("mount", ["v2", "v2.1"])
@pytest.mark.parametrize(
    ("error", "name"),
    [
        (errors.IpamError(), "computeFault"),
        (errors.Unavailable(), "serviceUnavailable"),
        (errors.RequestTimeout(), "computeFault"),
        (errors.Forbidden(), "forbidden"),
        (errors.ValidationError(fields={"instance_id": ["too long"]}), "badRequest"),
        (RuntimeError("secret"), "computeFault"),
    ],
)
def test_failures(
    client: FlaskClient, caller: RecordingCaller, mount: str, error: Exception, name: str
) -> None:
    caller.result = error
    answer = ask(client, {}, URL.replace("v2.1", mount))
    status = error.http_status if isinstance(error, errors.IpamError) else 500
    assert answer.status_code == status
    assert answer.get_json()[name]["code"] == status
    assert "secret" not in answer.text
    assert (STANDARD in answer.headers) == (mount == "v2.1")
    assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.mark.parametrize("mount", ["v2", "v2.1"])
def test_what_is_not_served(client: FlaskClient, mount: str) -> None:
    for path in ("servers", "servers/s", "p/servers/s/os-interface", "servers/s//x"):
        answer = client.get(f"/compute/{mount}/{path}")
        assert answer.status_code == 404
        message = "The resource could not be found."
        assert answer.get_json() == {"itemNotFound": {"code": 404, "message": message}}
        assert (STANDARD in answer.headers) == (mount == "v2.1")
    for verb in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = client.open(URL.replace("v2.1", mount), method=verb)
        assert answer.status_code == 405
        assert "GET" in answer.headers["Allow"]
        assert answer.get_json()["badMethod"]["code"] == 405


# --- documents ----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/compute", "/compute/"])
def test_the_list_of_versions(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={OLD: "bad"})
    assert answer.status_code == 200
    assert STANDARD not in answer.headers
    assert answer.get_json() == {
        "versions": [
            {
                "id": "v2.0",
                "status": "SUPPORTED",
                "version": "",
                "min_version": "",
                "updated": "2011-01-21T11:33:21Z",
                "links": [{"rel": "self", "href": "http://localhost/compute/v2/"}],
            },
            {
                "id": "v2.1",
                "status": "CURRENT",
                "version": "2.43",
                "min_version": "2.1",
                "updated": "2013-07-23T11:33:21Z",
                "links": [{"rel": "self", "href": "http://localhost/compute/v2.1/"}],
            },
        ]
    }


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_document_of_a_version(client: FlaskClient, slash: str) -> None:
    listed = client.get("/compute").get_json()["versions"]
    for number, path in enumerate(("v2", "v2.1")):
        document = client.get(f"/compute/{path}{slash}").get_json()["version"]
        (media_type,) = document.pop("media-types")
        assert media_type["base"] == "application/json"
        assert media_type["type"].startswith("application/vnd.openstack.compute+json;version=2")
        assert document == listed[number]


def test_a_path_without_a_version_is_found_in_each(client: FlaskClient) -> None:
    answer = client.get("/compute/servers/s")
    assert answer.status_code == 300
    choices = answer.get_json()["choices"]
    assert [choice["id"] for choice in choices] == ["v2.0", "v2.1"]
    assert [choice["links"][0]["href"] for choice in choices] == [
        "http://localhost/compute/v2/servers/s",
        "http://localhost/compute/v2.1/servers/s",
    ]
