"""Essex's Nova with a running ipamd as its Quantum and its Melange, from boot to deletion."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import requests

from tests.integration.nova_essex import (
    Instance,
    MelangeError,
    Network,
    NetworkBusyError,
    Nova,
    Release,
)
from tests.integration.programs import Facade, Settings
from tests.services.ports import reserve_port

V4, V6 = "10.0.0.0/24", "fd00:0:0:1::/64"
NUMBERS = count(7)


class Cloud:
    """A running ipamd-all, and what an operator sees of it."""

    def __init__(self, facade: Facade, quantum: str) -> None:
        self.quantum = quantum
        self.melange = facade.url

    def nova(
        self, *, release: Release = "later", dhcp: bool = False, melange_mac: bool = False
    ) -> Nova:
        """Start a Nova of a release and a configuration."""
        return Nova(
            self.quantum, self.melange, release=release, dhcp=dhcp, melange_mac=melange_mac
        )

    def get(self, path: str, **headers: str) -> Any:
        """Get a document from the port of ipamd itself."""
        answer = requests.get(f"{self.melange}{path}", headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def held(self, project: str) -> list[str]:
        """Return the addresses that the project's instances hold."""
        url = f"/v0.1/ipam/tenants/{project}/allocated_ip_addresses"
        return [item["address"] for item in self.get(url)["ip_addresses"]]

    def networks(self, tenant: str) -> list[str]:
        """Return the ids of a tenant's networks."""
        return [item["id"] for item in self.get(f"/v1.0/tenants/{tenant}/networks")["networks"]]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    port = reserve_port()
    settings: Settings = {
        "DEFAULT": {"state_path": folder},
        "api": {"quantum_bind_port": port},
        "ipam": {"dns1": "8.8.8.8", "dns2": "8.8.4.4"},
    }
    facade = Facade("all", folder, settings)
    try:
        facade.wait_ready()
        assert f"and http://127.0.0.1:{port}" in facade.text()
        cloud = Cloud(facade, f"http://127.0.0.1:{port}")
        macs = {"mac_address_range": {"cidr": "BC:76:4E:00:00:00/24"}}
        url = f"{facade.url}/v0.1/ipam/mac_address_ranges"
        assert requests.post(url, json=macs, timeout=30).status_code == 201
        yield cloud
        assert facade.stop() == 0
        assert "Traceback" not in facade.text()
    finally:
        facade.kill()


@pytest.fixture
def project() -> str:
    return f"project-{uuid.uuid4()}"


def total(nova: Nova) -> Counter[str]:
    """Count the calls since the last time by service."""
    return Counter(call[0] for call in nova.take_calls())


def booted(nova: Nova, project: str) -> Instance:
    instance = Instance(project, next(NUMBERS))
    nova.allocate_for_instance(instance)
    return instance


@pytest.mark.parametrize("release", ["essex", "later"])
@pytest.mark.parametrize("dhcp", [False, True], ids=["static", "dhcp"])
@pytest.mark.parametrize("melange_mac", [False, True], ids=["nova_mac", "melange_mac"])
@pytest.mark.parametrize("is_global", [False, True], ids=["project", "global"])
def test_the_life_of_an_instance(
    cloud: Cloud, project: str, is_global: bool, melange_mac: bool, dhcp: bool, release: Release
) -> None:
    nova = cloud.nova(release=release, dhcp=dhcp, melange_mac=melange_mac)
    network = nova.create_network("blue", [V4, V6], None if is_global else project)
    assert nova.take_calls() == ["Q POST", "M POST", "M POST"]
    instance = Instance(project, next(NUMBERS))
    # Essex asks the default tenant first and takes Melange's 404 for a breakdown.
    misled = release == "essex" and not is_global

    if misled and dhcp:
        with pytest.raises(MelangeError, match="404"):
            nova.allocate_for_instance(instance)
        nova.take_calls()
    else:
        info = nova.allocate_for_instance(instance)
        # 2 lists of blocks, 3 or 4 calls for the interface, 7 for the network info; with
        # DHCP the probe, the subnets, the gateway's port (made once), the leases of each.
        probes = 1 if is_global else 2
        quantum = 2 + (4 if dhcp else 0)
        melange = 3 + melange_mac + 7 + (probes + 1 + 2 if dhcp else 0)
        assert total(nova) == {"Q": quantum, "M": melange}
        check_info(cloud, info, instance, network)
        assert nova.get_instance_nw_info(instance) == info
        assert total(nova) == {"M": 7}
        if dhcp:
            held = [(instance.vifs[0].id, address) for address in cloud.held(project)]
            # A global network's leases are the project's, and Nova asked for the owner's.
            assert nova.dhcp_hosts == ([] if is_global else held)
        if melange_mac:
            check_vif_list(cloud, instance, network)

    assert len(cloud.held(project)) == 2
    logged = nova.deallocate_for_instance(instance)
    if misled:
        assert [type(error) for error in logged] == [MelangeError]
        assert total(nova) == {"Q": 3, "M": 1}
        # Nova never asked for them to be released.
        assert len(cloud.held(project)) == 2
    else:
        assert logged == []
        # A global network's port is looked for below the project first.
        assert total(nova) == ({"Q": 4, "M": 2} if is_global else {"Q": 3, "M": 3})
        assert cloud.held(project) == []
        assert nova._allocated(network.owner, instance.vifs[0]) == []
        nova.take_calls()

    nova.delete_network(network)
    gateway = dhcp and not misled
    assert total(nova) == {"Q": 3 + (3 if gateway else 0), "M": 3}
    assert cloud.held(project) == []
    assert cloud.networks(network.owner) == []
    assert cloud.get(f"/v0.1/ipam/tenants/{network.owner}/ip_blocks") == {"ip_blocks": []}


def check_info(
    cloud: Cloud, info: list[dict[str, Any]], instance: Instance, network: Network
) -> None:
    """Check the network info of an instance with one interface."""
    (vif,) = info
    v4, v6 = cloud.held(instance.project)
    assert vif == {
        "id": instance.vifs[0].id,
        "address": instance.vifs[0].mac,
        "network": {
            "id": network.id,
            "label": "blue",
            "subnets": [
                {
                    "cidr": V4,
                    "version": 4,
                    "gateway": "10.0.0.1",
                    "broadcast": "10.0.0.255",
                    "netmask": "255.255.255.0",
                    "dns": ["8.8.8.8", "8.8.4.4"],
                    "ips": [v4],
                    "routes": [],
                },
                {
                    "cidr": "fd00:0:0:1::/64",
                    "version": 6,
                    "gateway": "fd00:0:0:1::1",
                    "broadcast": "fd00::1:ffff:ffff:ffff:ffff",
                    "netmask": "64",
                    "dns": ["8.8.8.8", "8.8.4.4"],
                    "ips": [v6],
                    "routes": [],
                },
            ],
        },
    }
    assert v4 == "10.0.0.2"
    assert v6.startswith("fd00:0000:0000:0001:")


def check_vif_list(cloud: Cloud, instance: Instance, network: Network) -> None:
    """Check that a later Nova's list of interfaces tells the same."""
    path = f"/compute/v2.1/servers/{instance.number}/os-virtual-interfaces"
    listed = cloud.get(path, **{"X-OpenStack-Nova-API-Version": "2.12"})
    (vif,) = instance.vifs
    shown = {"id": vif.id, "mac_address": vif.mac, "net_id": network.id}
    assert listed == {"virtual_interfaces": [shown]}
    assert vif.mac.startswith("BC:76:4E:")


def test_an_instance_gets_an_interface_in_each_network(cloud: Cloud, project: str) -> None:
    nova = cloud.nova()
    own = nova.create_network("own", [V4], project)
    shared = nova.create_network("shared", ["10.1.0.0/24"])
    nova.take_calls()
    instance = booted(nova, project)
    assert [vif.network.id for vif in instance.vifs] == [own.id, shared.id]
    # For each interface with one address: 3 calls, and 4 for its network info.
    assert total(nova) == {"Q": 4, "M": 2 + 2 + 2 + 2 * 4}
    assert nova.deallocate_for_instance(instance) == []
    for network in (own, shared):
        nova.delete_network(network)
    assert cloud.held(project) == []


def test_a_network_with_instances_is_busy_and_stays_whole(cloud: Cloud, project: str) -> None:
    nova = cloud.nova(dhcp=True)
    network = nova.create_network("busy", [V4, V6], project)
    instance = booted(nova, project)
    nova.take_calls()
    with pytest.raises(NetworkBusyError):
        nova.delete_network(network)
    assert nova.take_calls() == ["Q GET"] * 4
    info = nova.get_instance_nw_info(instance)
    assert len(info[0]["network"]["subnets"]) == 2
    nova.deallocate_for_instance(instance)
    nova.delete_network(network)
    assert cloud.networks(project) == []


def test_networks_that_are_asked_for_are_validated(cloud: Cloud, project: str) -> None:
    nova = cloud.nova()
    own = nova.create_network("own", [V4], project)
    shared = nova.create_network("shared", ["10.1.0.0/24"])
    nova.take_calls()
    assert nova.validate_network(project, own.id) == [True, True, False]
    # Melange is asked for the project's blocks alone, so Essex refuses global networks.
    assert nova.validate_network(project, shared.id) == [False, False, True]
    assert nova.take_calls() == ["M GET", "Q GET", "Q GET"] * 2
    for network in (own, shared):
        nova.delete_network(network)


def test_gateways_of_networks_made_at_once_do_not_collide(cloud: Cloud, project: str) -> None:
    nova = cloud.nova(dhcp=True)
    networks = [
        nova.create_network(f"n{number}", [f"10.{number}.0.0/24"], project) for number in range(5)
    ]
    instance = booted(nova, project)
    assert len(instance.vifs) == 5
    nova.deallocate_for_instance(instance)
    for network in networks:
        nova.delete_network(network)
    assert cloud.networks(project) == []
