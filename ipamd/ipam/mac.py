"""Read and write MAC addresses and ranges of them; in memory they are 48-bit ints."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ipamd.ipam.quoting import quote

BITS = 48
MAC_LAST = (1 << BITS) - 1

_SPELLINGS = re.compile(
    r"[0-9a-f]{1,2}(?P<six>[:-])(?:[0-9a-f]{1,2}(?P=six)){4}[0-9a-f]{1,2}"
    r"|[0-9a-f]{4}(?P<three>[.:-])[0-9a-f]{4}(?P=three)[0-9a-f]{4}"
    r"|[0-9a-f]{6}[:-][0-9a-f]{6}"
    r"|[0-9a-f]{12}",
    re.IGNORECASE | re.ASCII,
)
_LENGTH = re.compile(r"0|[1-9][0-9]?")


@dataclass(frozen=True, slots=True)
class MacRange:
    """The MAC addresses that share a prefix, both ends included.

    Raises: ValueError if the two ends are not those of a prefix.
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        hosts = self.last - self.first
        in_space = 0 <= self.first <= self.last <= MAC_LAST
        if not in_space or hosts & (hosts + 1) or self.first & hosts:
            raise ValueError("the range is not that of a MAC address prefix")

    @property
    def size(self) -> int:
        """Return how many MAC addresses the range has."""
        return self.last - self.first + 1

    @property
    def prefix_length(self) -> int:
        """Return how many leading bits the addresses share: 0 to 48."""
        return BITS - (self.last - self.first).bit_length()

    def contains(self, mac: int) -> bool:
        """Tell whether a MAC address lies in the range."""
        return self.first <= mac <= self.last

    def __str__(self) -> str:
        return f"{format_mac(self.first)}/{self.prefix_length}"


def parse_mac(text: object) -> int:
    """Read a MAC address.

    Formats, in either case: six groups of one or two digits, three of four or two of
    six with one kind of separator, or twelve digits.

    Raises: ValueError.
    """
    if not isinstance(text, str) or not _SPELLINGS.fullmatch(text):
        raise ValueError(f"{quote(text)} is not a MAC address")
    groups = re.split("[.:-]", text)
    width = 12 // len(groups)
    return int("".join(group.zfill(width) for group in groups), 16)


def format_mac(value: int) -> str:
    """Write a MAC address as six groups in upper case, separated by colons.

    Raises: ValueError if the number has more than 48 bits.
    """
    if value >> BITS:
        raise ValueError("the number is not a MAC address: it does not fit in 48 bits")
    return value.to_bytes(6, "big").hex(":").upper()


def parse_mac_range(text: object) -> MacRange:
    """Read ``MAC address/prefix length`` and set the bits behind the prefix to zero.

    Raises: ValueError.
    """
    if not isinstance(text, str) or "/" not in text:
        raise ValueError(f"{quote(text)} is not a MAC address with its prefix length")
    address, _, length = text.partition("/")
    mac = parse_mac(address)
    if not _LENGTH.fullmatch(length) or int(length) > BITS:
        raise ValueError(f"a prefix length lies between 0 and {BITS}")
    hosts = (1 << (BITS - int(length))) - 1
    return MacRange(mac & ~hosts, mac | hosts)
