"""Maps of blocks: what each cell shows, says, and leads to.

A map is made of the answer of ``get_ip_block_map``.  Colours are classes of the style
sheet, never the only sign: each state has a pattern as well, and each cell its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ipamd.api.ui import hilbert
from ipamd.api.ui.figures import bar_of, number, share
from ipamd.ipam.addresses import (
    Cidr,
    compact_address,
    network_of,
    parse_address,
    parse_cidr,
)

ROW: Final = 32
LEVELS: Final = 10
# A cell of a heat map leads to the prefix of this length around it, seen address by address.
_CLOSEST: Final = {4: 22, 6: 118}
_STATES: Final = {
    "free": "free",
    "allocated": "allocated",
    "quarantined": "in quarantine",
    "reserved": "reserved",
    "excluded": "excluded by policy",
}


@dataclass(frozen=True)
class Cell:
    """One cell: the class that draws it, its words, and where a click leads."""

    look: str
    words: str
    link: str | None = None


@dataclass(frozen=True)
class Map:
    """A map to draw: ``kind`` is ``addresses``, ``heat``, ``strip`` or ``subnets``."""

    kind: str
    cidr: str
    rows: Sequence[tuple[str, Sequence[Cell]]]
    exact: bool = True
    # The prefixes around this part, from the block down; the way out of a close look.
    around: Sequence[str] = ()

    @property
    def cells(self) -> Iterable[Cell]:
        """All cells, row by row."""
        return (cell for _, row in self.rows for cell in row)


def draw(found: dict[str, Any], whole: str) -> Map:
    """Draw the answer of ``get_ip_block_map``; ``whole`` is the block's CIDR."""
    part, block = parse_cidr(found["cidr"]), parse_cidr(whole)
    around = _around(part, block)
    if found["scale"] == "addresses":
        return Map("addresses", str(part), _addresses(found, part), around=around)
    if found["scale"] == "subnets":
        rows = _square(_subnet_cells(found["subnets"], part))
        return Map("subnets", str(part), rows, found["complete"], around)
    cells = _heat_cells(found["cells"], part)
    if part.version == 6:
        return Map("strip", str(part), [("", cells)], found["exact"], around)
    return Map("heat", str(part), _square(cells), found["exact"], around)


def _around(part: Cidr, block: Cidr) -> list[str]:
    """Name the steps by which one comes from a block to a part of it: 10 bits each."""
    lengths = range(block.prefix_length, part.prefix_length, 10)
    return [str(network_of(part.first, length)) for length in lengths]


# --- single addresses ---------------------------------------------------------------


def _addresses(found: dict[str, Any], part: Cidr) -> list[tuple[str, list[Cell]]]:
    states: dict[int, tuple[str, str]] = {}
    for run in found["excluded"]:
        for value in range(parse_address(run["first"]), parse_address(run["last"]) + 1):
            states[value] = ("excluded", "")
    for text in found["reserved"]:
        states[parse_address(text)] = ("reserved", "")
    for address in found["addresses"]:
        states[parse_address(address["address"])] = (address["status"], _holder(address))
    rows = []
    for start in range(part.first, part.last + 1, ROW):
        cells = [
            _address_cell(value, *states.get(value, ("free", "")))
            for value in range(start, min(start + ROW, part.last + 1))
        ]
        rows.append((compact_address(start), cells))
    return rows


def _address_cell(value: int, state: str, holder: str) -> Cell:
    text = compact_address(value)
    return Cell(state, f"{text} {_STATES[state]}{holder}", f"./{text}")


def _holder(address: dict[str, Any]) -> str:
    names = (
        ("tenant", address["used_by_tenant"]),
        ("instance", address["used_by_device"]),
        ("interface", address["interface_id"]),
    )
    return "".join(f" · {name} {value}" for name, value in names if value)


# --- heat ---------------------------------------------------------------------------


def _square(cells: Sequence[Cell]) -> list[tuple[str, list[Cell]]]:
    """Lay cells along the Hilbert curve."""
    side = 1 << ((len(cells).bit_length() - 1) // 2)
    return [("", [cells[position] for position in row]) for row in hilbert.positions(side)]


def _heat_cells(cells: Sequence[dict[str, Any]], part: Cidr) -> list[Cell]:
    size = part.size // len(cells)
    length = part.prefix_length + len(cells).bit_length() - 1
    drawn = []
    for position, cell in enumerate(cells):
        prefix = network_of(part.first + position * size, length)
        used, free = cell["used"], cell["free"]
        words = f"{prefix} {share(used, used + free)} in use: {number(used)} used"
        if cell["quarantined"]:
            words += f", of them {number(cell['quarantined'])} in quarantine"
        words += f", {number(free)} free"
        drawn.append(Cell(f"h{level(used, used + free)}", words, _closer(prefix, part)))
    return drawn


def level(used: int, whole: int) -> int:
    """Return a step from 0 (nothing in use) to ``LEVELS`` (all of it)."""
    if used <= 0 or whole <= 0:
        return 0
    return LEVELS if used >= whole else 1 + used * (LEVELS - 1) // whole


def _closer(prefix: Cidr, part: Cidr) -> str:
    closest = max(_CLOSEST[part.version], part.prefix_length)
    if prefix.prefix_length > closest:
        prefix = network_of(prefix.first, closest)
    return f"?cidr={prefix}#map"


# --- subnets ------------------------------------------------------------------------


def _subnet_cells(subnets: Sequence[dict[str, Any]], part: Cidr) -> list[Cell]:
    """Draw which subnets lie where: each cell shows the subnets that it touches."""
    count = 1024
    while count > part.size:
        count //= 4
    size = part.size // count
    inside: list[list[dict[str, Any]]] = [[] for _ in range(count)]
    for subnet in subnets:
        cidr = parse_cidr(subnet["cidr"])
        first = max(cidr.first, part.first) - part.first
        last = min(cidr.last, part.last) - part.first
        for cell in range(first // size, last // size + 1):
            inside[cell].append(subnet)
    length = part.prefix_length + count.bit_length() - 1
    return [
        _subnet_cell(network_of(part.first + n * size, length), found)
        for n, found in enumerate(inside)
    ]


def _subnet_cell(prefix: Cidr, subnets: Sequence[dict[str, Any]]) -> Cell:
    if not subnets:
        return Cell("none", f"{prefix} no subnet")
    bars = [bar_of(subnet) for subnet in subnets]
    used = sum(bar.allocated + bar.quarantined for bar in bars)
    usable = sum(bar.size - bar.reserved for bar in bars)
    names = ", ".join(subnet["cidr"] for subnet in subnets[:3])
    if len(subnets) > 3:
        names += f" and {len(subnets) - 3} more"
    link = f"../{subnets[0]['id']}/" if len(subnets) == 1 else None
    return Cell(f"h{level(used, usable)}", f"{names} {share(used, usable)} in use", link)
