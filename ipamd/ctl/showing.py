"""Resources as cliff shows them: columns and rows, and values with values inside."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cliff import columns

from ipamd.ctl.service import Resource


class Nested(columns.FormattableColumn[Any]):
    """A value with values inside: for people one line, for programs as it is."""

    def human_readable(self) -> str:
        """Return the value on one line."""
        return _one_line(self._value)

    def machine_readable(self) -> Any:
        """Return the value."""
        return self._value


def _one_line(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_one_line(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "; ".join(_one_line(each) for each in value)
    return "-" if value is None else str(value)


def shown(value: Any) -> Any:
    """Return a value as cliff is to show it."""
    return Nested(value) if isinstance(value, dict | list) else value


def table(
    default: Sequence[str], items: Iterable[Resource], parsed_args: argparse.Namespace
) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
    """Return the columns of a list and its rows.

    The columns are the noun's own; with --long, in JSON and YAML all; with -c any.
    """
    found = iter(items)
    first = next(found, None)
    if first is None:
        return default, []
    every = [*default, *(name for name in first if name not in default)]
    wanted = {name.lower().replace(" ", "_") for name in parsed_args.columns}
    all_of_them = parsed_args.long or parsed_args.formatter in ("json", "yaml")
    names = every if all_of_them or wanted - set(default) else list(default)
    return names, _rows(names, first, found)


def _rows(
    names: Sequence[str], first: Resource, rest: Iterator[Resource]
) -> Iterator[Sequence[Any]]:
    yield tuple(shown(first.get(name)) for name in names)
    for item in rest:
        yield tuple(shown(item.get(name)) for name in names)


def add_list_options(parser: argparse.ArgumentParser) -> None:
    """Add what every list has."""
    parser.add_argument("--limit", type=count, metavar="N", help="At most so many; default: all.")
    parser.add_argument("--long", action="store_true", help="All columns.")


def fields(resource: Resource) -> tuple[Sequence[str], Sequence[Any]]:
    """Return a resource as cliff shows one."""
    return tuple(resource), tuple(shown(value) for value in resource.values())


def count(text: str) -> int:
    """Read a number of things.

    Raises: argparse.ArgumentTypeError
    """
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**9):
        raise argparse.ArgumentTypeError(f"{text} is no positive number")
    return int(text)
