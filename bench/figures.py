"""Figures and ratios: medians of repeats, with the smallest and the largest."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Target:
    """What a ratio has to be: ``sign`` is ``<=`` or ``>=``."""

    sign: str
    bound: float

    def is_met(self, value: float) -> bool:
        """Tell whether ``value`` is good enough."""
        return value <= self.bound if self.sign == "<=" else value >= self.bound

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g}"


@dataclass(frozen=True)
class Figure:
    """Repeats of one measurement; a ratio, where ``unit`` is empty, may have a target."""

    group: str
    name: str
    unit: str
    values: Sequence[float]
    target: Target | None = None

    @property
    def median(self) -> float:
        """The median of the repeats."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.target.is_met(self.median)

    def as_json(self) -> dict[str, Any]:
        """Return everything that is known of it."""
        return {
            **asdict(self),
            "median": self.median,
            "min": min(self.values),
            "max": max(self.values),
            "met": self.met,
        }


@dataclass
class Results:
    """What was measured so far, in order."""

    figures: list[Figure] = field(default_factory=list)

    def add(
        self,
        group: str,
        name: str,
        values: Sequence[float],
        unit: str = "",
        target: Target | None = None,
    ) -> Figure:
        """Add the repeats of a figure."""
        figure = Figure(group, name, unit, tuple(values), target)
        self.figures.append(figure)
        print(line(figure), flush=True)
        return figure

    def ratio(
        self,
        group: str,
        name: str,
        over: Sequence[float],
        under: Sequence[float],
        target: Target | None = None,
    ) -> Figure:
        """Add ``over`` divided by ``under``, repeat by repeat: neighbours in time."""
        values = [a / b for a, b in zip(over, under, strict=True)]
        return self.add(group, name, values, target=target)

    @property
    def missed(self) -> list[Figure]:
        """The ratios that miss their targets."""
        return [figure for figure in self.figures if figure.met is False]


def line(figure: Figure) -> str:
    """Write a figure as a line of the table."""
    verdict = ""
    if figure.target is not None:
        verdict = f"   target {figure.target}: {'met' if figure.met else 'MISSED'}"
    return (
        f"{figure.group:8} {figure.name:74} {_number(figure.median):>10} {figure.unit:4} "
        f"({_number(min(figure.values))} to {_number(max(figure.values))}){verdict}"
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def in_turns(
    repeats: int, sides: Mapping[str, Callable[[], Mapping[str, float]]]
) -> dict[str, dict[str, list[float]]]:
    """Measure the sides by turns; return each side's values by the names it gave them.

    Every other round goes the other way round, so that no side always follows the same.
    """
    found: dict[str, dict[str, list[float]]] = {side: {} for side in sides}
    for number in range(repeats):
        order = list(sides.items())
        for side, measure in order if number % 2 == 0 else reversed(order):
            for name, value in measure().items():
                found[side].setdefault(name, []).append(value)
    return found
