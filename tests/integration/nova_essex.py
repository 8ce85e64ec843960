"""Nova's network manager of 2012.1 (Essex), call by call, as Quantum's and Melange's client.

Only what goes over the wire is here: the requests in their order, with the headers, the
paths and the bodies that Nova sent, and what it read from the answers.  What Nova kept in
its own database is in ``Nova.networks``.  "Later" is Nova right before it dropped Melange.

Source: Nova 2012.1, ``nova/network/quantum``.
"""

from __future__ import annotations

import http.client
import itertools
import json
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

DEFAULT_TENANT = "default"
_numbers = itertools.count(1)
Release = Literal["essex", "later"]


class MelangeError(Exception):
    """Melange answered with an error; Nova raised a plain ``Exception``."""


class QuantumNotFoundError(Exception):
    """Quantum answered 404, 420 or 430."""


class NetworkBusyError(Exception):
    """Something is plugged into a network that is to be deleted."""


@dataclass
class Network:
    """A row of Nova's own table of networks."""

    id: str
    label: str
    project: str | None

    @property
    def owner(self) -> str:
        """The tenant that Quantum and Melange know the network by."""
        return self.project or DEFAULT_TENANT

    @property
    def gateway(self) -> str:
        """The attachment that stands for the gateway of the network."""
        return f"gw-{self.id[:11]}"


@dataclass
class Vif:
    """A virtual interface as Nova stored it."""

    id: str
    network: Network
    mac: str


@dataclass
class Instance:
    """An instance: its UUID, the number it has in Nova's database, and its interfaces."""

    project: str
    number: int
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    vifs: list[Vif] = field(default_factory=list)


class Nova:
    """Nova's QuantumManager; ``calls`` holds what was asked since ``take_calls``."""

    def __init__(
        self, quantum: str, melange: str, *, release: Release, dhcp: bool, melange_mac: bool
    ) -> None:
        self._quantum, self._melange = urlsplit(quantum).netloc, urlsplit(melange).netloc
        self.release, self.dhcp, self.melange_mac = release, dhcp, melange_mac
        self.networks: dict[str, Network] = {}
        self.calls: list[str] = []
        self.dhcp_hosts: list[tuple[str, str]] = []

    def take_calls(self) -> list[str]:
        """Return the calls since the last time: ``Q GET``, ``M POST`` and so on."""
        taken, self.calls = self.calls, []
        return taken

    # --- the two clients ------------------------------------------------------------

    def quantum(self, verb: str, tenant: str, path: str, body: Any = None, query: str = "") -> Any:
        """Ask Quantum v1.1; return the document, None without one."""
        self.calls.append(f"Q {verb}")
        url = f"/v1.1/tenants/{tenant}{path}.json{query}"
        headers = {"Content-Type": "application/json"}
        status, text = _send(self._quantum, verb, url, body, headers)
        if status in (404, 420, 430):
            raise QuantumNotFoundError(text)
        if status not in (200, 201, 202, 204):
            raise AssertionError(f"{verb} {url}: {status} {text}")
        return json.loads(text) if text else None

    def melange(self, verb: str, path: str, body: Any = None) -> Any:
        """Ask Melange v0.1; return the document, None without one."""
        self.calls.append(f"M {verb}")
        headers = {"Content-type": "application/json"}
        status, text = _send(self._melange, verb, f"/v0.1/ipam/{path}.json", body, headers)
        if status >= 400:
            raise MelangeError(f"Server returned error: {text}")
        return json.loads(text) if text else None

    # --- what Nova does -------------------------------------------------------------

    def create_network(self, label: str, cidrs: list[str], project: str | None = None) -> Network:
        """Create a network with a block for each CIDR."""
        tenant = project or DEFAULT_TENANT
        body = {"network": {"name": label, "nova_id": "nova"}}
        made = self.quantum("POST", tenant, "/networks", body)["network"]["id"]
        for cidr in cidrs:
            block = {
                "cidr": cidr,
                "network_id": made,
                "type": "private",
                "gateway": None,
                "dns1": None,
                "dns2": None,
            }
            self.melange("POST", f"tenants/{tenant}/ip_blocks", {"ip_block": block})
        self.networks[made] = Network(made, label, project)
        return self.networks[made]

    def validate_network(self, project: str, network_id: str) -> list[bool]:
        """Look whether Melange, and whether the project and the default tenant, know it."""
        blocks = self.melange("GET", f"tenants/{project}/ip_blocks")["ip_blocks"]
        found = [network_id in {block["network_id"] for block in blocks}]
        for tenant in (project, DEFAULT_TENANT):
            try:
                document = self.quantum("GET", tenant, f"/networks/{network_id}")
            except QuantumNotFoundError:
                found.append(False)
            else:
                found.append(document["network"]["id"] == network_id)
        return found

    def allocate_for_instance(self, instance: Instance) -> list[dict[str, Any]]:
        """Plug the instance into every network of its project; return its network info."""
        for network in self._networks_of(instance.project):
            vif = Vif(str(uuid.uuid4()), network, _new_mac())
            instance.vifs.append(vif)
            if self.melange_mac:
                wish = {"id": vif.id, "tenant_id": instance.project, "device_id": instance.number}
                made = self.melange("POST", "interfaces", {"interface": wish})
                vif.mac = made["interface"]["mac_address"]
            wish = {"mac_address": vif.mac, "tenant_id": instance.project}
            path = _allocations(network.owner, vif)
            given = self.melange("POST", path, {"network": wish})["ip_addresses"]
            port = {
                "state": "ACTIVE",
                "vm_id": instance.uuid,
                "rxtx_factor": 1.0,
                "nova_id": "nova",
                "allowed_address_pairs": [
                    {"mac_address": vif.mac, "ip_address": item["address"]} for item in given
                ],
            }
            self._create_and_attach_port(network, port, vif.id)
            if self.dhcp:
                self._enable_dhcp(instance, vif)
        return self.get_instance_nw_info(instance)

    def get_instance_nw_info(self, instance: Instance) -> list[dict[str, Any]]:
        """Build the network info of an instance out of what Melange knows."""
        known = {network.id for network in self._networks_of(instance.project)}
        model = []
        for vif in instance.vifs:
            network = vif.network
            assert network.id in known
            subnets = [self._subnet(network, item) for item in self._allocated(network.owner, vif)]
            for version in (4, 6):
                for item in self._allocated(network.owner, vif):
                    if item["version"] == version:
                        _of_cidr(subnets, item["ip_block"]["cidr"])["ips"].append(item["address"])
            info = {"id": network.id, "label": network.label, "subnets": subnets}
            model.append({"id": vif.id, "address": vif.mac, "network": info})
        return model

    def deallocate_for_instance(self, instance: Instance) -> list[Exception]:
        """Unplug the instance and release its addresses; Nova logged what went wrong."""
        logged: list[Exception] = []
        for vif in instance.vifs:
            try:
                self._deallocate_port(instance, vif)
                owner = self._owner(instance, vif)
                self.melange("DELETE", _allocations(owner, vif))
            except Exception as error:  # noqa: BLE001 - as Nova did
                logged.append(error)
        return logged

    def delete_network(self, network: Network) -> None:
        """Delete a network, its gateway and its blocks, unless instances are plugged in.

        Raises: NetworkBusyError
        """
        ports = self.quantum("GET", network.owner, f"/networks/{network.id}/ports")["ports"]
        attached = 0
        for port in ports:
            path = f"/networks/{network.id}/ports/{port['id']}/attachment"
            attached += "id" in self.quantum("GET", network.owner, path)["attachment"]
        gateway = self._port_by_attachment(network.owner, network, network.gateway)
        if attached - (gateway is not None) > 0:
            raise NetworkBusyError(network.id)
        if gateway is not None:
            self._detach_and_delete_port(network.owner, network, gateway)
        self.quantum("DELETE", network.owner, f"/networks/{network.id}")
        blocks = self.melange("GET", f"tenants/{network.owner}/ip_blocks")["ip_blocks"]
        for block in blocks:
            if block["network_id"] == network.id:
                self.melange("DELETE", f"tenants/{network.owner}/ip_blocks/{block['id']}")
        del self.networks[network.id]

    # --- how it does it -------------------------------------------------------------

    def _networks_of(self, project: str) -> list[Network]:
        ids: dict[str, None] = {}
        for tenant in (project, DEFAULT_TENANT):
            for block in self.melange("GET", f"tenants/{tenant}/ip_blocks")["ip_blocks"]:
                ids.setdefault(block["network_id"])
        return [self.networks[network_id] for network_id in ids]

    def _allocated(self, tenant: str | None, vif: Vif) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.melange("GET", _allocations(tenant, vif))[
            "ip_addresses"
        ]
        return found

    def _subnet(self, network: Network, address: dict[str, Any]) -> dict[str, Any]:
        block = address["ip_block"]
        assert block["network_id"] == network.id
        path = f"tenants/{network.owner}/ip_blocks/{block['id']}/ip_routes"
        routes = self.melange("GET", path)["ip_routes"]
        return {
            "cidr": block["cidr"],
            "version": address["version"],
            "gateway": block["gateway"],
            "broadcast": block["broadcast"],
            "netmask": block["netmask"],
            "dns": [block[name] for name in ("dns1", "dns2") if block[name]],
            "ips": [],
            "routes": [(f"{r['destination']}/{r['netmask']}", r["gateway"]) for r in routes],
        }

    def _create_and_attach_port(self, network: Network, port: Any, attachment: str) -> None:
        path = f"/networks/{network.id}/ports"
        made = self.quantum("POST", network.owner, path, {"port": port})["port"]["id"]
        body = {"attachment": {"id": attachment}}
        self.quantum("PUT", network.owner, f"{path}/{made}/attachment", body)

    def _port_by_attachment(self, tenant: str, network: Network, attachment: str) -> str | None:
        query = "?" + urlencode({"attachment": attachment})
        path = f"/networks/{network.id}/ports"
        try:
            ports = self.quantum("GET", tenant, path, query=query)["ports"]
        except QuantumNotFoundError:
            return None
        assert len(ports) <= 1
        return str(ports[0]["id"]) if ports else None

    def _deallocate_port(self, instance: Instance, vif: Vif) -> None:
        for tenant in (instance.project, DEFAULT_TENANT):
            port = self._port_by_attachment(tenant, vif.network, vif.id)
            if port is not None:
                self._detach_and_delete_port(tenant, vif.network, port)
                return
        raise QuantumNotFoundError(vif.id)

    def _detach_and_delete_port(self, tenant: str, network: Network, port: str) -> None:
        path = f"/networks/{network.id}/ports/{port}"
        self.quantum("DELETE", tenant, f"{path}/attachment")
        self.quantum("DELETE", tenant, path)

    def _owner(self, instance: Instance, vif: Vif) -> str | None:
        """Probe which tenant owns the network; Essex was not prepared for Melange's 404."""
        expected = (KeyError,) if self.release == "essex" else (KeyError, MelangeError)
        for tenant in (DEFAULT_TENANT, instance.project, None):
            try:
                self._allocated(tenant, vif)
            except expected:
                continue
            return tenant
        raise MelangeError("nobody owns the network")

    def _enable_dhcp(self, instance: Instance, vif: Vif) -> None:
        owner = self._owner(instance, vif)
        for _subnet in self._allocated(owner, vif):
            if self._port_by_attachment(str(owner), vif.network, vif.network.gateway) is None:
                port = {"state": "ACTIVE"}
                self._create_and_attach_port(vif.network, port, vif.network.gateway)
            self.calls.append("M GET")
            # Nova asked without a suffix and without any header, for the owner's leases.
            path = f"/v0.1/ipam/tenants/{owner}/allocated_ip_addresses"
            status, text = _send(self._melange, "GET", path, None, {})
            assert status == 200
            leases = json.loads(text)["ip_addresses"]
            self.dhcp_hosts = [(item["interface_id"], item["address"]) for item in leases]


def _allocations(tenant: str | None, vif: Vif) -> str:
    at = f"tenants/{tenant}/" if tenant else ""
    return f"{at}networks/{vif.network.id}/interfaces/{vif.id}/ip_allocations"


def _new_mac() -> str:
    """Return an address that no other interface has, where Nova left that to chance."""
    high, low = divmod(next(_numbers), 256)
    return f"02:16:3e:00:{high:02x}:{low:02x}"


def _of_cidr(subnets: list[dict[str, Any]], cidr: str) -> dict[str, Any]:
    return next(subnet for subnet in subnets if subnet["cidr"] == cidr)


def _send(host: str, verb: str, url: str, body: Any, headers: dict[str, str]) -> tuple[int, str]:
    """Send one request on a connection of its own, with these headers and no others."""
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(verb, url, text, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()
