"""IPv6 addresses generated from tenant and MAC address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipamd.ipam.addresses import format_address, parse_cidr
from ipamd.ipam.generators import GENERATORS, rfc2462, tenant_based
from ipamd.ipam.mac import MAC_LAST, parse_mac


@pytest.mark.parametrize(
    ("tenant", "mac", "network", "expected"),
    [
        ("1111", "02:AA:BB:00:00:01", "fd00:aaaa:bbbb:1::/64", "0001:011c:945f:ff00:0001"),
        ("tenant", "02:AA:BB:00:01:01", "fd00:aaaa:bbbb:1::/64", "0001:b32c:3765:ff00:0101"),
        ("RAX", "02:AA:BB:00:02:01", "fd00:aaaa:bbbb:1::/64", "0001:9305:92b4:ff00:0201"),
        ("1111", "02:AA:BB:AB:CD:EF", "fd00:aaaa:bbbb:1::/64", "0001:011c:945f:ffab:cdef"),
        ("1111", "02:AA:BB:AB:CD:F0", "fd00:aaaa:bbbb:1::/64", "0001:011c:945f:ffab:cdf0"),
        ("1111", "02:AA:BB:12:34:56", "fd00:aaaa:bbbb:2::/96", "0002:0000:0000:ff12:3456"),
    ],
)
def test_tenant_based_addresses_are_those_of_melange(
    tenant: str, mac: str, network: str, expected: str
) -> None:
    value = tenant_based(parse_cidr(network), tenant, parse_mac(mac))
    assert format_address(value) == f"fd00:aaaa:bbbb:{expected}"
    assert GENERATORS["tenant"](parse_cidr(network), tenant, parse_mac(mac)) == value


@pytest.mark.parametrize(
    ("mac", "expected"),
    [
        ("00:16:3e:1c:21:18", "0216:3eff:fe1c:2118"),
        ("02:aa:bb:cc:dd:ee", "00aa:bbff:fecc:ddee"),
        ("ff:ff:ff:00:00:01", "fdff:ffff:fe00:0001"),
    ],
)
def test_rfc2462_addresses_are_modified_eui64(mac: str, expected: str) -> None:
    cidr = parse_cidr("fd00:aaaa:bbbb:1::/64")
    value = rfc2462(cidr, parse_mac(mac))
    assert format_address(value) == f"fd00:aaaa:bbbb:0001:{expected}"
    for tenant in ("1111", ""):
        assert GENERATORS["rfc2462"](cidr, tenant, parse_mac(mac)) == value


@given(
    st.integers(0, 128),
    st.text(max_size=30),
    st.integers(0, MAC_LAST),
    st.sampled_from(sorted(GENERATORS)),
)
def test_addresses_lie_in_the_network(length: int, tenant: str, mac: int, name: str) -> None:
    cidr = parse_cidr(f"fd00:aaaa:bbbb:1:2:3:4:5/{max(length, 1)}")
    assert cidr.contains(GENERATORS[name](cidr, tenant, mac))


def test_a_network_wider_than_64_keeps_zeros_in_between() -> None:
    value = rfc2462(parse_cidr("fd00:aaaa::/32"), parse_mac("00:16:3e:1c:21:18"))
    assert format_address(value) == "fd00:aaaa:0000:0000:0216:3eff:fe1c:2118"


@pytest.mark.parametrize("name", sorted(GENERATORS))
def test_refuses_ipv4_networks_and_longer_macs(name: str) -> None:
    with pytest.raises(ValueError, match="IPv6 networks only"):
        GENERATORS[name](parse_cidr("10.0.0.0/24"), "1111", 1)
    for mac in (-1, MAC_LAST + 1):
        with pytest.raises(ValueError, match="48 bits"):
            GENERATORS[name](parse_cidr("fd00::/64"), "1111", mac)
