"""What a line of a file says, whatever its form: a prefix, an address, or why it is neither."""

from __future__ import annotations

from dataclasses import dataclass, field

from ipamd.ctl.service import Resource


@dataclass(frozen=True, slots=True)
class Prefix:
    """A block to be there; ``settings`` are fields of ``/v2``'s block."""

    line: int
    cidr: str
    tenant: str | None = None
    network: str | None = None
    settings: Resource = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Address:
    """An address to be held; ``cidr`` is its block's, if the file says so."""

    line: int
    address: str
    cidr: str | None = None
    tenant: str | None = None
    network: str | None = None
    interface: str | None = None
    device: str | None = None
    mac: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that was not done, what it says, and why not."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line that says nothing to be done, such as a folder of phpIPAM."""

    line: int
    text: str
    reason: str


Entry = Prefix | Address | Refused | LeftOut
