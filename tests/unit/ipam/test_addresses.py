"""Addresses and networks: what is read, what is refused, how they are written."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipamd.ipam.addresses import (
    SPACE_LAST,
    V4_BASE,
    V4_LAST,
    Cidr,
    compact_address,
    format_address,
    network_of,
    parse_address,
    parse_cidr,
    version_of,
)

# Small and large values alike, so that runs of zeros appear at both ends.
v4_values = st.integers(V4_BASE, V4_LAST)
v6_values = st.one_of(
    st.integers(0, SPACE_LAST),
    st.integers(0, 1 << 40),
    st.integers(0, 0xFFFF).map(lambda group: group << 112),
    st.lists(st.sampled_from([0, 0, 0, 1, 0xFFFF]), min_size=8, max_size=8).map(
        lambda groups: sum(group << (16 * place) for place, group in enumerate(groups))
    ),
).filter(lambda value: value >> 32 != 0xFFFF)


@given(v4_values)
def test_ipv4_is_written_dotted_and_read_back(value: int) -> None:
    text = format_address(value)
    assert text == compact_address(value) == str(ipaddress.IPv4Address(value - V4_BASE))
    assert parse_address(text) == value
    assert version_of(value) == 4


@given(v6_values)
def test_ipv6_is_written_in_both_forms_and_read_back(value: int) -> None:
    assert format_address(value) == ipaddress.IPv6Address(value).exploded
    assert compact_address(value) == ipaddress.IPv6Address(value).compressed
    assert parse_address(format_address(value)) == value
    assert parse_address(compact_address(value)) == value
    assert parse_address(compact_address(value).upper()) == value
    assert version_of(value) == 6


@pytest.mark.parametrize(
    ("text", "verbose", "compact"),
    [
        ("10.0.0.0", "10.0.0.0", "10.0.0.0"),
        ("255.255.255.255", "255.255.255.255", "255.255.255.255"),
        (
            "fd00:aaaa::11c:945f:ff00:2",
            "fd00:aaaa:0000:0000:011c:945f:ff00:0002",
            "fd00:aaaa::11c:945f:ff00:2",
        ),
        ("::", "0000:0000:0000:0000:0000:0000:0000:0000", "::"),
        ("::1", "0000:0000:0000:0000:0000:0000:0000:0001", "::1"),
        # RFC 5952, section 4.2.2: a single group of zeros is not shortened.
        (
            "2001:db8::1:1:1:1:1",
            "2001:0db8:0000:0001:0001:0001:0001:0001",
            "2001:db8:0:1:1:1:1:1",
        ),
        # Section 4.2.3: of two equal runs the first is shortened.
        ("2001:db8:0:0:1:0:0:1", "2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"),
        # Section 4.3: lower case.
        ("2001:DB8::AB", "2001:0db8:0000:0000:0000:0000:0000:00ab", "2001:db8::ab"),
        ("64:ff9b::192.0.2.1", "0064:ff9b:0000:0000:0000:0000:c000:0201", "64:ff9b::c000:201"),
        ("::1.2.3.4", "0000:0000:0000:0000:0000:0000:0102:0304", "::102:304"),
    ],
)
def test_writes_an_address_in_its_two_forms(text: str, verbose: str, compact: str) -> None:
    value = parse_address(text)
    assert format_address(value) == verbose
    assert compact_address(value) == compact


@pytest.mark.parametrize(
    "text",
    [
        "",
        "foo",
        "10",
        "10.0.0",
        "10.0.0.0.0",
        "10.0.0.256",
        "10.0.0.1000",
        "010.0.0.1",
        "10.0.0.01",
        "10.0.0.00",
        "0x0a.0.0.1",
        "10.0.0.-1",
        "10.0.0.+1",
        "10.0.0.",
        ".10.0.0.1",
        "10..0.1",
        " 10.0.0.1",
        "10.0.0.1 ",
        "10.0.0.1\n",
        "10.0.0.1\x00",
        "10.0.0.1/32",
        "167772161",
        "١٠.0.0.1",
        "10。0。0。1",
        "10.0.0.²",
        ":",
        ":::",
        "1::2::3",
        "12345::",
        "g::",
        "fd00",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        ":1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8:",
        "fe80::1%eth0",
        "fe80::1%",
        "[fd00::1]",
        "fd00::1/64",
        "fd00::1 ",
        "fd00::1\n",
        "::01.2.3.4",
        "::1.2.3",
        "::1.2.3.256",
        "1.2.3.4::",
        "::ffff:1.2.3.4",
        "::ffff:102:304",
        "::FFFF:0:0",
        "0:0:0:0:0:ffff:1.2.3.4",
    ],
)
def test_refuses_text_that_is_not_one_clear_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not an IP address|IPv4-mapped"):
        parse_address(text)


@pytest.mark.parametrize("value", [None, 0, 167772161, 1.5, True, b"10.0.0.1", ["10.0.0.1"], {}])
def test_refuses_what_is_no_text(value: object) -> None:
    with pytest.raises(ValueError, match="a value of type .* is not an IP address"):
        parse_address(value)
    with pytest.raises(ValueError, match="a value of type .* is not a network"):
        parse_cidr(value)


@given(st.text(alphabet="0123456789abcdefgABCDEF:./ %x\n٣", max_size=48))
def test_reads_no_text_that_the_standard_library_refuses(text: str) -> None:
    try:
        expected = ipaddress.ip_address(text)
    except ValueError:
        with pytest.raises(ValueError, match="is not an IP address"):
            parse_address(text)
        return
    scoped = isinstance(expected, ipaddress.IPv6Address) and expected.scope_id
    mapped = isinstance(expected, ipaddress.IPv6Address) and expected.ipv4_mapped
    if scoped or mapped:
        with pytest.raises(ValueError, match="is not an IP address|IPv4-mapped"):
            parse_address(text)
        return
    base = V4_BASE if expected.version == 4 else 0
    assert parse_address(text) == base + int(expected)


@pytest.mark.parametrize("value", [-1, SPACE_LAST + 1, V4_BASE - (1 << 129)])
def test_writes_no_number_outside_the_space(value: int) -> None:
    for write in (format_address, compact_address):
        with pytest.raises(ValueError, match="128 bits"):
            write(value)
    with pytest.raises(ValueError, match="128 bits"):
        network_of(value, 64)


def test_error_quotes_little_of_a_long_text() -> None:
    for text in ("x" * 10_000, "\x00" * 40, "10.0.0.0/" + "9" * 10_000):
        with pytest.raises(ValueError, match="is not") as caught:
            parse_cidr(text)
        assert len(str(caught.value)) < 110
        assert "..." in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown", "netmask", "broadcast", "size"),
    [
        ("10.0.0.0/24", "10.0.0.0/24", "255.255.255.0", "10.0.0.255", 256),
        ("10.0.2.77/24", "10.0.2.0/24", "255.255.255.0", "10.0.2.255", 256),
        ("10.0.0.0/255.255.0.0", "10.0.0.0/16", "255.255.0.0", "10.0.255.255", 65536),
        ("10.0.0.9/32", "10.0.0.9/32", "255.255.255.255", "10.0.0.9", 1),
        ("10.0.0.5/31", "10.0.0.4/31", "255.255.255.254", "10.0.0.5", 2),
        ("1.2.3.4/0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255", 1 << 32),
        ("10.0.0.0/0.0.0.0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255", 1 << 32),
        (
            "10.0.0.1/255.255.255.255",
            "10.0.0.1/32",
            "255.255.255.255",
            "10.0.0.1",
            1,
        ),
        ("fd00:aaaa::1/64", "fd00:aaaa::/64", "64", "fd00:aaaa::ffff:ffff:ffff:ffff", 1 << 64),
        (
            "fd00:aaaa:bbbb:2::/96",
            "fd00:aaaa:bbbb:2::/96",
            "96",
            "fd00:aaaa:bbbb:2::ffff:ffff",
            1 << 32,
        ),
        ("fd00::8/128", "fd00::8/128", "128", "fd00::8", 1),
        (
            "8000::/1",
            "8000::/1",
            "1",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            1 << 127,
        ),
    ],
)
def test_reads_and_shows_a_network(
    text: str, shown: str, netmask: str, broadcast: str, size: int
) -> None:
    cidr = parse_cidr(text)
    assert str(cidr) == shown
    assert cidr.netmask == netmask
    assert cidr.broadcast == broadcast
    assert cidr.size == size
    assert cidr.version == (6 if ":" in text else 4)
    assert parse_cidr(shown) == cidr


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "/24",
        "foo",
        "x/y",
        "10",
        "10/8",
        "10.0.0.0",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/08",
        "10.0.0.0/8.0",
        "10.0.0.0/24/24",
        "10.0.0.0 /24",
        "10.0.0.0/ 24",
        "10.0.0.0/24\n",
        "10.0.0.0/٢٤",
        "10.0.0.0/0.0.0.255",
        "10.0.0.0/255.0.255.0",
        "10.0.0.0/255.255.255",
        "10.0.0.0/ffff::",
        "10.0.0.256/24",
        "fd00::",
        "fd00::/129",
        "fd00::/999",
        "fd00::/ffff::",
        "fd00::/255.255.255.0",
        "::ffff:10.0.0.0/120",
    ],
)
def test_refuses_text_that_is_not_one_clear_network(text: str) -> None:
    with pytest.raises(ValueError, match="is not|between 0 and|IPv4-mapped"):
        parse_cidr(text)


@pytest.mark.parametrize("text", ["::/0", "::/1", "::/80", "::1/80"])
def test_refuses_an_ipv6_network_around_the_ipv4_range(text: str) -> None:
    with pytest.raises(ValueError, match="IPv4-mapped"):
        parse_cidr(text)


@pytest.mark.parametrize("text", ["::/96", "::/128", "0:0:0:0:1::/80"])
def test_accepts_ipv6_networks_beside_the_ipv4_range(text: str) -> None:
    assert parse_cidr(text).version == 6


@given(st.integers(0, (1 << 32) - 1), st.integers(0, 32))
def test_ipv4_networks_agree_with_the_standard_library(value: int, length: int) -> None:
    expected = ipaddress.IPv4Network((value, length), strict=False)
    cidr = network_of(V4_BASE + value, length)
    assert cidr == parse_cidr(f"{ipaddress.IPv4Address(value)}/{length}")
    assert cidr == parse_cidr(f"{ipaddress.IPv4Address(value)}/{expected.netmask}")
    assert str(cidr) == str(expected)
    assert cidr.netmask == str(expected.netmask)
    assert cidr.broadcast == str(expected.broadcast_address)
    assert cidr.size == expected.num_addresses


def test_containment_and_overlap() -> None:
    wide, narrow = parse_cidr("10.0.0.0/16"), parse_cidr("10.0.5.0/24")
    beside = parse_cidr("10.1.0.0/16")
    assert wide.contains(narrow)
    assert wide.contains(wide)
    assert not narrow.contains(wide)
    assert wide.overlaps(narrow)
    assert narrow.overlaps(wide)
    assert not wide.overlaps(beside)
    assert not wide.contains(beside)
    assert wide.contains(wide.first)
    assert wide.contains(wide.last)
    assert not wide.contains(wide.first - 1)
    assert not wide.contains(wide.last + 1)
    assert not parse_cidr("fd00::/64").contains(wide)


@pytest.mark.parametrize("text", ["10.0.0.9/32", "fd00::9/128"])
def test_a_single_address_overlaps_itself_and_whatever_ends_there(text: str) -> None:
    single = parse_cidr(text)
    assert single.overlaps(single)
    for length in range(8, single.prefix_length):
        for value in (single.first, single.first + 1):
            other = network_of(value, length)
            assert single.overlaps(other) == other.contains(single.first)
            assert other.overlaps(single) == other.contains(single)
    assert not single.overlaps(network_of(single.first + 1, single.prefix_length))


def test_reads_the_longest_spelling() -> None:
    assert parse_address("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255") == SPACE_LAST


def test_a_network_is_a_value() -> None:
    cidr = parse_cidr("10.0.0.0/24")
    assert cidr == Cidr(V4_BASE + 0x0A000000, V4_BASE + 0x0A0000FF, 24)
    assert len({cidr, parse_cidr("10.0.0.77/24")}) == 1
    with pytest.raises(AttributeError):
        cidr.first = 0  # type: ignore[misc]
