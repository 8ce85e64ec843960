"""Read and write IP addresses and networks.

Addresses are ints in the 128-bit space, IPv4 mapped at ``::ffff:0:0/96``.  Text that is
read must have exactly one meaning: whatever the C library, netaddr or a browser would
guess at (octal octets, missing octets, scopes, blanks) is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from ipamd.ipam.quoting import quote

V4_BASE = 0xFFFF << 32
V4_LAST = V4_BASE | 0xFFFFFFFF
SPACE_LAST = (1 << 128) - 1

_OCTET = r"(?:0|[1-9][0-9]{0,2})"
_DOTTED_QUAD = re.compile(rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}")
_IPV6_TEXT = re.compile(rf"[0-9A-Fa-f:]*:(?:{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET})?[0-9A-Fa-f]*")
_LENGTH = re.compile(r"0|[1-9][0-9]{0,2}")
_LONGEST_TEXT = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")


@dataclass(frozen=True, slots=True)
class Cidr:
    """A network: its first and last address, and the prefix length of its own family.

    ``prefix_length`` counts from 0 to 32 in IPv4 and from 0 to 128 in IPv6.
    """

    first: int
    last: int
    prefix_length: int

    @property
    def version(self) -> int:
        """Return the family of the network: 4 or 6."""
        return version_of(self.first)

    @property
    def size(self) -> int:
        """Return how many addresses the network has."""
        return self.last - self.first + 1

    @property
    def netmask(self) -> str:
        """Return the mask as Melange shows it: dotted for IPv4, the length for IPv6."""
        if self.version == 6:
            return str(self.prefix_length)
        return format_address(V4_LAST - (self.size - 1))

    @property
    def broadcast(self) -> str:
        """Return the last address, IPv6 in its short form."""
        return compact_address(self.last)

    def contains(self, other: int | Cidr) -> bool:
        """Tell whether an address or a whole network lies within this network."""
        if isinstance(other, Cidr):
            return self.first <= other.first and other.last <= self.last
        return self.first <= other <= self.last

    def overlaps(self, other: Cidr) -> bool:
        """Tell whether the two networks have an address in common."""
        return self.first <= other.last and other.first <= self.last

    def __str__(self) -> str:
        return f"{compact_address(self.first)}/{self.prefix_length}"


def version_of(value: int) -> int:
    """Return the family of an address: 4 or 6."""
    return 4 if value >> 32 == 0xFFFF else 6


def parse_address(text: object) -> int:
    """Read one IP address.

    Formats: dotted quad without leading zeros, and the text forms of RFC 4291, section
    2.2.  IPv4-mapped IPv6 addresses are refused: they would be a second spelling of an
    IPv4 address.

    Raises: ValueError.
    """
    if not isinstance(text, str) or (value := _read(text)) is None:
        raise ValueError(f"{quote(text)} is not an IP address")
    if value >> 32 == 0xFFFF and ":" in text:
        raise ValueError(f"{quote(text)} is an IPv4-mapped address: write it as IPv4")
    return value


def format_address(value: int) -> str:
    """Write an address: IPv4 dotted, IPv6 as eight groups of four digits (Melange).

    Raises: ValueError if the number is outside the 128-bit space.
    """
    if value >> 32 == 0xFFFF:
        return inet_ntop(AF_INET, (value & 0xFFFFFFFF).to_bytes(4, "big"))
    _check_in_space(value)
    digits = f"{value:032x}"
    return (
        f"{digits[:4]}:{digits[4:8]}:{digits[8:12]}:{digits[12:16]}:"
        f"{digits[16:20]}:{digits[20:24]}:{digits[24:28]}:{digits[28:]}"
    )


def compact_address(value: int) -> str:
    """Write an address in its canonical form: IPv4 dotted, IPv6 by RFC 5952.

    Raises: ValueError if the number is outside the 128-bit space.
    """
    if value >> 32 == 0xFFFF:
        return inet_ntop(AF_INET, (value & 0xFFFFFFFF).to_bytes(4, "big"))
    _check_in_space(value)
    if value >> 32 == 0:
        # C libraries write the deprecated ::1.2.3.4 here.
        return IPv6Address(value).compressed
    return inet_ntop(AF_INET6, value.to_bytes(16, "big"))


def network_of(value: int, prefix_length: int) -> Cidr:
    """Return the network of this prefix length around an address.

    Raises: ValueError if the length does not exist in the address's family.
    """
    _check_in_space(value)
    width = 32 if version_of(value) == 4 else 128
    if not 0 <= prefix_length <= width:
        raise ValueError(f"a prefix length lies between 0 and {width}")
    hosts = (1 << (width - prefix_length)) - 1
    first = value & ~hosts
    if width == 128 and first <= V4_BASE <= first | hosts:
        raise ValueError("the network contains the IPv4-mapped range ::ffff:0:0/96")
    return Cidr(first, first | hosts, prefix_length)


def parse_cidr(text: object) -> Cidr:
    """Read a network, and set the bits of its host part to zero.

    Formats: ``address/length``, and ``address/netmask`` for IPv4.  A bare address, a
    wildcard mask (``0.0.0.255``) and a shortened address (``10/8``) are refused: each
    has more than one meaning in use.

    Raises: ValueError.
    """
    if not isinstance(text, str) or "/" not in text:
        raise ValueError(f"{quote(text)} is not a network with its prefix length")
    address, _, length = text.partition("/")
    value = parse_address(address)
    if _LENGTH.fullmatch(length):
        return network_of(value, int(length))
    if version_of(value) == 4 and _DOTTED_QUAD.fullmatch(length):
        return network_of(value, _length_of_netmask(length))
    raise ValueError(f"{quote(length)} is not a prefix length")


def _read(text: str) -> int | None:
    """Return the number of a well-formed address, mapped or not, or None."""
    if len(text) > _LONGEST_TEXT:
        return None
    try:
        # The patterns refuse what some C libraries let through (octal octets, scopes).
        if _DOTTED_QUAD.fullmatch(text):
            return V4_BASE | int.from_bytes(inet_pton(AF_INET, text), "big")
        if _IPV6_TEXT.fullmatch(text):
            return int.from_bytes(inet_pton(AF_INET6, text), "big")
    except OSError:
        return None
    return None


def _length_of_netmask(text: str) -> int:
    mask = parse_address(text) & 0xFFFFFFFF
    wildcard = mask ^ 0xFFFFFFFF
    if wildcard & (wildcard + 1):
        raise ValueError(f"{quote(text)} is not a netmask")
    return 32 - wildcard.bit_length()


def _check_in_space(value: int) -> None:
    if value >> 128:
        raise ValueError("the number is not an IP address: it does not fit in 128 bits")
