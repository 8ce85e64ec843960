"""Figures as people read them: numbers, shares, moments, bars of utilisation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

_LARGEST_IN_DIGITS: Final = 10**12
_RAISED: Final = str.maketrans(
    "0123456789", "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
)
# From this share on a block is about to run out: the bar says so in its colour and text.
_NEARLY_FULL: Final = 0.8
_FULL: Final = 0.95


def number(value: int) -> str:
    """Write a count: digits with narrow spaces, the power of 2 where digits say nothing."""
    if value < _LARGEST_IN_DIGITS:
        return f"{value:,}".replace(",", "\u202f")
    power = value.bit_length() - 1
    if value - (1 << power) > 1 << (power - 1):
        power += 1  # the nearer one
    sign = "" if value == 1 << power else "≈\u202f"
    return f"{sign}2{str(power).translate(_RAISED)}"


def share(part: int, whole: int) -> str:
    """Write a share in percent; what is neither nothing nor all is not rounded to it."""
    if part <= 0 or whole <= 0:
        return "0\u202f%"
    percent = part * 100 / whole
    if percent < 0.1:
        return "<\u202f0.1\u202f%"
    if part < whole and percent > 99.9:
        return ">\u202f99.9\u202f%"
    return f"{percent:.1f}\u202f%" if percent < 10 else f"{percent:.0f}\u202f%"


def moment(text: str | None) -> str:
    """Write a moment of an RPC result to the second."""
    if text is None:
        return "\u2013"
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S} UTC"


def duration(start: str, end: str) -> str:
    """Write how long something lasted, in its two largest units."""
    between = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    seconds = max(0, int(between.total_seconds()))
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count}\u202f{unit}")
    return " ".join(parts[:2]) or "less than a second"


@dataclass(frozen=True)
class Bar:
    """How full a block is, ready to be drawn: shares in hundredths of the width."""

    size: int
    allocated: int
    quarantined: int
    reserved: int
    free: int
    # What subnets cover, where the block has some: it hands out nothing itself.
    covered: int | None = None

    @property
    def used_share(self) -> str:
        """The share that is allocated or in quarantine."""
        return share(self.allocated + self.quarantined, self.size - self.reserved)

    @property
    def level(self) -> str:
        """``ok``, ``high`` or ``full``."""
        usable = self.size - self.reserved
        used = self.allocated + self.quarantined
        ratio = used / usable if usable else 0
        return "full" if ratio >= _FULL else "high" if ratio >= _NEARLY_FULL else "ok"

    def width(self, count: int) -> str:
        """Return a count's part of the bar; what is there at all is seen."""
        percent = count * 100 / self.size
        return f"{max(percent, 0.8 if count else 0):.2f}"

    @property
    def words(self) -> str:
        """The bar in words, for who does not see it."""
        parts = [f"{number(self.allocated)} allocated", f"{number(self.quarantined)} quarantined"]
        if self.covered is not None:
            parts.append(f"{share(self.covered, self.size)} covered by subnets")
        return f"{self.used_share} of {number(self.size)} in use: {', '.join(parts)}"


def bar_of(block: dict[str, Any]) -> Bar:
    """Draw a block's utilisation; with ``below`` (see list_ip_block_tree) its subnets'."""
    figures = dict(block["utilization"])
    below = block.get("below")
    if below is None:
        return Bar(**figures)
    size, held, released = figures["size"], below["allocated"], below["quarantined"]
    return Bar(
        size=size, allocated=held, quarantined=released, reserved=0,
        free=size - held - released, covered=below["size"],
    )  # fmt: skip
