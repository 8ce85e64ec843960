"""The IPv6 address that a block proposes for an interface.

A proposal may be taken, reserved or excluded; the caller then goes on to the next
address that is free.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from ipamd.ipam.addresses import Cidr

_MAC_LAST = (1 << 48) - 1


def tenant_based(cidr: Cidr, tenant_id: str, mac: int) -> int:
    """Combine the tenant and the MAC address of an interface (Melange's generator).

    Host part: the first 32 bits of the SHA-1 of the tenant, then ``ff``, then the low
    24 bits of the MAC address; of these 64 bits as many as the network leaves.

    Raises: ValueError if the network is IPv4 or the MAC address has more than 48 bits.
    """
    # Names tenants in an address; nothing here is kept secret by the hash.
    digest = hashlib.sha1(tenant_id.encode(), usedforsecurity=False).digest()
    tenant = int.from_bytes(digest[:4], "big")
    return _with_host_part(cidr, tenant << 32 | 0xFF << 24 | mac & 0xFFFFFF, mac)


def rfc2462(cidr: Cidr, mac: int) -> int:
    """Derive the address from the MAC address alone (RFC 2462; modified EUI-64).

    Raises: ValueError if the network is IPv4 or the MAC address has more than 48 bits.
    """
    eui64 = mac >> 24 << 40 | 0xFFFE << 24 | mac & 0xFFFFFF
    # RFC 4291, appendix A: the universal/local bit is inverted.
    return _with_host_part(cidr, eui64 ^ 0x0200 << 48, mac)


GENERATORS: Mapping[str, Callable[[Cidr, str, int], int]] = {
    "tenant": tenant_based,
    "rfc2462": lambda cidr, _tenant_id, mac: rfc2462(cidr, mac),
}
"""The generators by the names that the option ``ipv6_generator`` knows."""


def _with_host_part(cidr: Cidr, host_part: int, mac: int) -> int:
    if cidr.version != 6:
        raise ValueError("addresses are generated in IPv6 networks only")
    if not 0 <= mac <= _MAC_LAST:
        raise ValueError("a MAC address has 48 bits")
    return cidr.first | host_part & (cidr.size - 1)
