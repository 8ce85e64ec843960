"""What is left of a run: a table, JSON, and plots."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figures import Figure, Results

_INTRODUCTION = (
    "{date}, {cores} cores, Python {python}, {seconds} s.  Each figure is the median of its "
    "repeats with the smallest and the largest.  Read the ratios: their two sides were "
    "measured by turns."
)
_TITLES = {
    "rpc": "Calls over RabbitMQ, against a bare oslo.messaging echo",
    "blocks": "One block and many, in one process",
    "fill": "The next address in empty, full and huge blocks",
    "bulk": "Many addresses at once",
    "rest": "Over HTTP, embedded, against a constant Flask route",
    "commits": "Against the database's own rate of commits",
    "memory": "Memory of a worker",
    "settings": "Settings, against their defaults",
}


def write(results: Results, folder: Path, seconds: float, *, plots: bool = True) -> None:
    """Write ``results.json``, ``results.md`` and a plot for each group into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "seconds": round(seconds),
    }
    found = {"about": about, "figures": [figure.as_json() for figure in results.figures]}
    (folder / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "results.md").write_text(_page(results, about))
    if plots:
        _draw(results, folder)


def targets(results: Results) -> str:
    """Return the table of the ratios that have a target."""
    lines = ["| ratio | target | median | min to max | verdict |", "|---|---|---|---|---|"]
    for figure in results.figures:
        if figure.target is not None:
            verdict = "met" if figure.met else "**missed**"
            lines.append(
                f"| {figure.name} | {figure.target} | {figure.median:.2f} "
                f"| {min(figure.values):.2f} to {max(figure.values):.2f} | {verdict} |"
            )
    return "\n".join(lines)


def _page(results: Results, about: dict[str, Any]) -> str:
    parts = [
        "# What `make bench` has measured",
        "",
        _INTRODUCTION.format(**about),
        "",
        "[What is compared, and where the time goes](index.md).",
        "",
        "## Targets",
        "",
        targets(results),
    ]
    for group in dict.fromkeys(figure.group for figure in results.figures):
        parts += ["", f"## {_TITLES[group]}", "", f"![{group}]({group}.svg)", ""]
        parts += ["| figure | median | min | max |", "|---|---|---|---|"]
        parts += [_row(figure) for figure in results.figures if figure.group == group]
    return "\n".join(parts) + "\n"


def _row(figure: Figure) -> str:
    low, high = min(figure.values), max(figure.values)
    return f"| {figure.name} | {figure.median:,.4g} {figure.unit} | {low:,.4g} | {high:,.4g} |"


def _draw(results: Results, folder: Path) -> None:
    """Draw a plot for each group: bars for the medians, lines from min to max."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "ipamd"
    mpl.rcParams["svg.fonttype"] = "none"  # text as text: a tenth of the size
    from matplotlib import pyplot

    for group in dict.fromkeys(figure.group for figure in results.figures):
        mine = [figure for figure in results.figures if figure.group == group]
        units = list(dict.fromkeys(figure.unit for figure in mine))
        by_unit = [[figure for figure in mine if figure.unit == unit] for unit in units]
        canvas, axes = pyplot.subplots(
            len(units),
            squeeze=False,
            figsize=(11, 0.9 * len(units) + 0.26 * len(mine)),
            height_ratios=[len(figures) + 1 for figures in by_unit],
        )
        for axis, unit, figures in zip(axes[:, 0], units, by_unit, strict=True):
            _bars(axis, unit or "ratio", figures)
        canvas.suptitle(_TITLES[group])
        canvas.tight_layout()
        canvas.savefig(folder / f"{group}.svg", metadata={"Date": None})
        pyplot.close(canvas)


def _bars(axis: Any, unit: str, figures: list[Figure]) -> None:
    medians = [figure.median for figure in figures]
    lows = [figure.median - min(figure.values) for figure in figures]
    highs = [max(figure.values) - figure.median for figure in figures]
    colours = [
        "tab:blue" if figure.met is None else "tab:green" if figure.met else "tab:red"
        for figure in figures
    ]
    axis.barh(range(len(figures)), medians, xerr=[lows, highs], color=colours, height=0.7)
    for place, figure in enumerate(figures):
        if figure.target is not None:
            bound = figure.target.bound
            axis.plot([bound, bound], [place - 0.45, place + 0.45], color="black")
    axis.set_yticks(range(len(figures)), [figure.name for figure in figures], fontsize=7)
    axis.invert_yaxis()
    axis.set_xlabel(unit)
    axis.grid(axis="x", alpha=0.3)
