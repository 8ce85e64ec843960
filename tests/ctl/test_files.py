"""Files and blocks as ``import`` sees them: forms, separators, line numbers, places."""

from __future__ import annotations

import io
from typing import Any

import pytest

from ipamd.ctl.importing.entries import Address, Entry, Prefix, Refused
from ipamd.ctl.importing.places import NoPlaceError, Places
from ipamd.ctl.importing.reading import entries, form_of
from ipamd.ipam.addresses import parse_address, parse_cidr


def read(text: str, form: str | None = None) -> tuple[str, list[Entry]]:
    stream = io.StringIO(text, newline="")
    found, separator = form_of(stream, form)
    return found.name, list(entries(stream, found, separator))


@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("cidr,tenant_id,network_id", "csv"),
        ("address,used_by_device", "csv"),
        (
            "prefix,vrf,tenant,site,vlan_group,vlan,status,role,is_pool,description",
            "netbox-prefixes",
        ),
        ("ID,Prefix,Status,VRF,Tenant", "netbox-prefixes"),
        ("IP Address,VRF,Status,Role,Tenant,Assigned,DNS Name,Description", "netbox-addresses"),
        ("address\tvrf\ttenant\tstatus", "netbox-addresses"),
        ("ip address;ip state;description;hostname;mac;owner", "phpipam-addresses"),
        ("Section;IP Address;Subnet;MAC", "phpipam-addresses"),
        ("Section,Subnet,Mask,Description", "phpipam-subnets"),
        ("10.0.0.1", "list"),
        ("fd00::/64", "list"),
        ("# the office", "list"),
    ],
)
def test_a_form_is_told_by_the_first_line(header: str, form: str) -> None:
    assert read(f"{header}\n")[0] == form


def test_lines_are_numbered_as_an_editor_does() -> None:
    text = 'cidr,address,tenant_id\r\n10.0.0.0/24,,"t\r\n1"\r\n\r\n,10.0.0.2,\r\n,,x\r\n'
    _, found = read(text)
    assert [entry.line for entry in found] == [3, 5, 6]
    assert isinstance(found[2], Refused)


def test_what_the_columns_mean() -> None:
    _, (block, address) = read(
        "cidr,address,gateway,dns1,type,mac_address\n10.0.0.0/24,,-,10.0.0.53,public,\n"
        "10.0.0.0/24, 10.0.0.7 ,,,,02:00:00:00:00:01\n"
    )
    assert block == Prefix(
        2, "10.0.0.0/24", settings={"gateway": None, "dns1": "10.0.0.53", "type": "public"}
    )
    assert address == Address(3, "10.0.0.7", "10.0.0.0/24", mac="02:00:00:00:00:01")
    _, (subnet,) = read("Subnet;Mask;VRF\n10.0.0.0;24;default\n")
    assert subnet == Prefix(2, "10.0.0.0/24")
    _, found = read("IP Address,VRF,Status,Parent,Interface\n10.0.0.7/24,Global,Active,sw1,eth0\n")
    assert found == [Address(2, "10.0.0.7", interface="sw1:eth0", device="sw1")]


def block(cidr: str, number: str, tenant: str = "t", network: str | None = None) -> dict[str, Any]:
    return {"cidr": cidr, "id": number, "tenant_id": tenant, "network_id": network}


def test_the_place_of_an_address_is_the_smallest_block_around_it() -> None:
    places = Places(
        [
            block("10.0.0.0/8", "wide"),
            block("10.1.0.0/16", "inner"),
            block("10.1.1.0/24", "blue", network="blue"),
            block("10.1.1.0/24", "red", network="red"),
            block("10.2.0.0/24", "one", tenant="a"),
            block("10.2.0.0/24", "two", tenant="b"),
            block("fd00::/64", "six"),
        ]
    )

    def of(address: str, network: str | None = None, tenant: str | None = None) -> str | None:
        return places.of(parse_address(address), network, tenant).id

    assert of("10.3.0.1") == "wide"
    assert of("10.1.9.1") == "inner"
    assert of("10.1.1.1", "blue") == "blue"
    assert of("fd00::1") == "six"
    assert of("10.2.0.1", None, "b") == "two"
    for address, network, reason in (
        ("10.1.1.1", None, "there are 2 blocks 10.1.1.0/24 for it"),
        ("10.2.0.1", None, "there are 2 blocks"),
        ("10.3.0.1", "blue", "no block of the network blue has it"),
        ("192.0.2.1", None, "no block has it"),
        ("fd01::1", None, "no block has it"),
    ):
        with pytest.raises(NoPlaceError, match=reason):
            of(address, network)
    whole = parse_cidr("10.0.0.0/8")
    assert places.of(parse_address("10.1.1.1"), None, None, whole).id == "wide"
    around = places.around(parse_cidr("10.1.2.0/24"), None, "t")
    assert around is not None
    assert around.id == "inner"
    assert places.around(parse_cidr("10.1.1.0/25"), "green", None) is None
    assert places.exact(parse_cidr("10.1.1.0/24"), "red", None) is not None
    assert places.exact(parse_cidr("10.1.1.0/24"), None, None) is None
