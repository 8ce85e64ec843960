"""Does a command print what its page shows?  JSON by its value, all else as text.

In JSON the string ``"..."`` stands for any string, a bare ``...`` in an object for the
keys that are not shown, and one at the end of a list for any number of further items.  In
other strings and in text ``...`` stands for any characters of one line.
"""

from __future__ import annotations

import json
import re
from typing import Any

_MORE = "\N{HORIZONTAL ELLIPSIS}"
# A string, a bracket, or a bare ellipsis.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]|\.\.\.')


def differences(expected: str, actual: str) -> list[str]:
    """Return what is different, one sentence each; nothing when all is as shown."""
    shown = _parse(_with_more_as_json(expected))
    if isinstance(shown, dict | list):
        printed = _parse(actual)
        if printed is None:
            return [f"no JSON was printed, but: {actual.strip()[:500]}"]
        return list(_compare(shown, printed, "the answer"))
    pattern = "\n".join(map(_pattern, expected.strip().splitlines()))
    printed_lines = "\n".join(line.rstrip() for line in actual.strip().splitlines())
    if re.fullmatch(pattern, printed_lines):
        return []
    return [f"shown:\n{expected.strip()}\nprinted:\n{printed_lines}"]


def _pattern(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.rstrip().split("..."))


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _with_more_as_json(text: str) -> str:
    opened: list[str] = []

    def replace(token: re.Match[str]) -> str:
        if token[0] in "[{":
            opened.append(token[0])
        elif token[0] in "]}" and opened:
            opened.pop()
        elif token[0] == "..." and opened:
            return f'"{_MORE}": 0' if opened[-1] == "{" else f'"{_MORE}"'
        return token[0]

    return _TOKEN.sub(replace, text)


def _compare(shown: Any, printed: Any, where: str) -> list[str]:
    if isinstance(shown, dict) and isinstance(printed, dict):
        return _compare_objects(shown, printed, where)
    if isinstance(shown, list) and isinstance(printed, list):
        return _compare_lists(shown, printed, where)
    if isinstance(shown, str) and isinstance(printed, str):
        same = re.fullmatch(_pattern(shown), printed) is not None
    else:
        same = type(shown) is type(printed) and shown == printed
    return [] if same else [f"{where}: {printed!r} where the page shows {shown!r}"]


def _compare_objects(shown: dict[str, Any], printed: dict[str, Any], where: str) -> list[str]:
    keys = [key for key in shown if key != _MORE]
    left_out = [key for key in printed if key not in shown]
    found = [f"{where}: no {key}" for key in keys if key not in printed]
    if left_out and _MORE not in shown:
        found.append(f"{where}: the page does not show {', '.join(left_out)}")
    if not left_out and _MORE in shown:
        found.append(f"{where}: there is no more than the page shows")
    for key in keys:
        if key in printed:
            found += _compare(shown[key], printed[key], f"{where}.{key}")
    return found


def _compare_lists(shown: list[Any], printed: list[Any], where: str) -> list[str]:
    items = [item for item in shown if item != _MORE]
    goes_on = len(items) < len(shown)
    if len(printed) < len(items) or (len(printed) > len(items) and not goes_on):
        return [f"{where}: {len(printed)} items where the page shows {len(items)}"]
    return [
        problem
        for number, (item, other) in enumerate(zip(items, printed, strict=False))
        for problem in _compare(item, other, f"{where}[{number}]")
    ]
