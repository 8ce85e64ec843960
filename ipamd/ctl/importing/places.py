"""The blocks that there are, and which of them an address or a prefix lies in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ipamd.ctl.service import Resource
from ipamd.ipam.addresses import Cidr, parse_cidr

_BITS = 128


@dataclass(slots=True)
class Block:
    """A block; ``id`` is None while it is not there yet (--dry-run)."""

    cidr: Cidr
    id: str | None
    tenant: str
    network: str | None


class NoPlaceError(Exception):
    """There is no block for it, or there are several: the text says which."""


class Places:
    """Blocks by their prefixes; the longest one that has an address is its place."""

    def __init__(self, blocks: Iterable[Resource]) -> None:
        # Length of the prefix in 128 bits → leading bits → blocks.
        self._by_length: dict[int, dict[int, list[Block]]] = {}
        self._lengths: list[int] = []
        for each in blocks:
            self.add(
                Block(parse_cidr(each["cidr"]), each["id"], each["tenant_id"], each["network_id"])
            )

    def add(self, block: Block) -> None:
        """Add a block."""
        length = _length(block.cidr)
        if length not in self._by_length:
            self._by_length[length] = {}
            self._lengths = sorted(self._by_length, reverse=True)
        lead = block.cidr.first >> (_BITS - length)
        self._by_length[length].setdefault(lead, []).append(block)

    def exact(self, cidr: Cidr, network: str | None, tenant: str | None) -> Block | None:
        """Return the block of just this prefix and network, None being none, if it is there."""
        found = self._with_prefix(cidr.first, _length(cidr))
        of_network = (block for block in found if block.network == network)
        return next((block for block in of_network if tenant in (None, block.tenant)), None)

    def around(self, cidr: Cidr, network: str | None, tenant: str | None) -> Block | None:
        """Return the smallest block of the network around a prefix, the tenant's if it has one.

        Raises: NoPlaceError when several might be meant
        """
        longest = _length(cidr)
        for length in (each for each in self._lengths if each < longest):
            found = self._with_prefix(cidr.first, length)
            one = _only([each for each in found if each.network == network], tenant)
            if one is not None:
                return one
        return None

    def of(
        self, address: int, network: str | None, tenant: str | None, cidr: Cidr | None = None
    ) -> Block:
        """Return the block of an address: the smallest one around it, or the one named.

        Without a network any will do, if it is one.

        Raises: NoPlaceError
        """
        if cidr is not None and not cidr.contains(address):
            raise NoPlaceError(f"it is not in {cidr}")
        for length in self._lengths if cidr is None else [_length(cidr)]:
            found = self._with_prefix(address, length)
            if network is not None:
                found = [each for each in found if each.network == network]
            one = _only(found, tenant)
            if one is not None:
                return one
        where = f" of the network {network}" if network else ""
        raise NoPlaceError(f"no block{where} has it" if cidr is None else f"no block is {cidr}")

    def _with_prefix(self, address: int, length: int) -> list[Block]:
        return self._by_length.get(length, {}).get(address >> (_BITS - length), [])


def _only(found: list[Block], tenant: str | None) -> Block | None:
    """Return the one that is meant; None when there is none.

    Raises: NoPlaceError when there are several, and not one is the tenant's
    """
    if len(found) > 1:
        found = [each for each in found if each.tenant == tenant] or found
    if len(found) > 1:
        raise NoPlaceError(f"there are {len(found)} blocks {found[0].cidr} for it")
    return found[0] if found else None


def _length(cidr: Cidr) -> int:
    return _BITS - (cidr.size.bit_length() - 1)
