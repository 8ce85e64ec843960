"""MAC addresses and ranges: spellings, bounds, masking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipamd.ipam.mac import MAC_LAST, MacRange, format_mac, parse_mac, parse_mac_range

macs = st.integers(0, MAC_LAST)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("02-AA-BB-CC-DD-01", "02:AA:BB:CC:DD:01"),
        ("02:aa:bb:cc:dd:02", "02:AA:BB:CC:DD:02"),
        ("02aabbccdd03", "02:AA:BB:CC:DD:03"),
        ("02aa.bbcc.dd04", "02:AA:BB:CC:DD:04"),
        ("2:aa:bb:cc:dd:5", "02:AA:BB:CC:DD:05"),
        ("02aabb:ccdd06", "02:AA:BB:CC:DD:06"),
        ("02aabb-ccdd06", "02:AA:BB:CC:DD:06"),
        ("02aa-bbcc-dd07", "02:AA:BB:CC:DD:07"),
        ("0:0:0:0:0:0", "00:00:00:00:00:00"),
        ("ff:ff:ff:ff:ff:ff", "FF:FF:FF:FF:FF:FF"),
    ],
)
def test_reads_the_usual_spellings(text: str, written: str) -> None:
    assert format_mac(parse_mac(text)) == written


@pytest.mark.parametrize(
    "value",
    [
        "",
        "foo",
        "02:aa:bb:cc:dd",
        "02:aa:bb:cc:dd:gg",
        "02:aa:bb:cc:dd:ee:ff",
        "02:aa:bb:cc:dd:ee:ff:00:11",
        "02:aa:bb:cc:dd:eef",
        "02:aa-bb:cc-dd:ee",
        "02::bb:cc:dd:ee",
        "02.aa.bb.cc.dd.ee",
        "2a.bbcc.dd04",
        "02aa.bbcc-dd04",
        "02aabbccdd0",
        "02aabbccdd033",
        " 02:aa:bb:cc:dd:02",
        "02:aa:bb:cc:dd:02\n",
        "02:aa:bb:cc:dd:٠٢",
        "02:aa:bb:cc:dd:02/48",
        "0x02aabbccdd",
        None,
        5,
        b"02aabbccdd03",
    ],
)
def test_refuses_what_is_no_mac_address(value: object) -> None:
    with pytest.raises(ValueError, match="is not a MAC address"):
        parse_mac(value)


@given(macs)
def test_every_mac_is_read_back(value: int) -> None:
    text = format_mac(value)
    assert len(text) == 17
    assert text == text.upper()
    bare = text.replace(":", "")
    dotted = f"{bare[:4]}.{bare[4:8]}.{bare[8:]}"
    for spelling in (text, text.lower(), text.replace(":", "-"), bare, dotted):
        assert parse_mac(spelling) == value


@pytest.mark.parametrize("value", [-1, MAC_LAST + 1])
def test_writes_no_number_beyond_48_bits(value: int) -> None:
    with pytest.raises(ValueError, match="48 bits"):
        format_mac(value)


@pytest.mark.parametrize(
    ("text", "written", "size"),
    [
        ("BC:AD:CE:0:0:0/40", "BC:AD:CE:00:00:00/40", 256),
        ("BC-76-4E-00-00-00/24", "BC:76:4E:00:00:00/24", 1 << 24),
        ("ab:bc:cd:12:23:34/40", "AB:BC:CD:12:23:00/40", 256),
        ("02-00-00-00-00-00/8", "02:00:00:00:00:00/8", 1 << 40),
        ("02:00:00:00:00:01/47", "02:00:00:00:00:00/47", 2),
        ("02:00:00:00:00:01/48", "02:00:00:00:00:01/48", 1),
        ("02:00:00:00:00:01/0", "00:00:00:00:00:00/0", 1 << 48),
    ],
)
def test_reads_a_range_from_its_masked_base(text: str, written: str, size: int) -> None:
    mac_range = parse_mac_range(text)
    assert str(mac_range) == written
    assert mac_range.size == size
    assert mac_range.last == mac_range.first + size - 1
    assert mac_range.contains(parse_mac(text.split("/")[0]))
    assert mac_range.contains(mac_range.last)
    assert not mac_range.contains(mac_range.first - 1)
    assert not mac_range.contains(mac_range.last + 1)


@pytest.mark.parametrize(
    "value",
    [
        "foo",
        "foo/40",
        "BC-76-4E-00-00-00",
        "BC-76-4E-00-00-00/",
        "BC-76-4E-00-00-00/49",
        "BC-76-4E-00-00-00/-1",
        "BC-76-4E-00-00-00/08",
        "BC-76-4E-00-00-00/4 ",
        "BC-76-4E-00-00-00/40/40",
        "/40",
        None,
        40,
        ["BC-76-4E-00-00-00/40"],
    ],
)
def test_refuses_what_is_no_range(value: object) -> None:
    with pytest.raises(ValueError, match="is not a MAC address|between 0 and 48"):
        parse_mac_range(value)


@given(macs, st.integers(0, 48))
def test_every_range_is_read_back(mac: int, length: int) -> None:
    mac_range = parse_mac_range(f"{format_mac(mac)}/{length}")
    assert mac_range.prefix_length == length
    assert mac_range.contains(mac)
    assert parse_mac_range(str(mac_range)) == mac_range
    assert MacRange(mac_range.first, mac_range.last) == mac_range


@pytest.mark.parametrize("ends", [(1, 2), (0, 2), (5, 4), (-1, 0), (0, 1 << 48)])
def test_a_range_is_that_of_a_prefix(ends: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="prefix"):
        MacRange(*ends)
