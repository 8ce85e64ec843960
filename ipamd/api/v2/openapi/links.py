"""Links of the document: which operations go on with what another one's answer names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ipamd.api.v2.openapi.operations import Operation


def links_of(source: Operation, every: Sequence[Operation]) -> dict[str, Any]:
    """Return the Link Objects of an operation's success."""
    known = {
        **{name: f"$request.path.{name}" for name in source.variables},
        **{name: f"$response.body#{pointer}" for name, pointer in source.made.items()},
    }
    found = {}
    for target in every:
        # What makes one links to the operations on it, of the same API and version.
        same = source.tag == target.tag and _version(source) == _version(target)
        named = [*target.variables, *target.refers]
        if not same or not source.made.keys() & set(named) or not known.keys() >= set(named):
            continue
        link: dict[str, Any] = {"operationId": target.name}
        if target.variables:
            link["parameters"] = {f"path.{name}": known[name] for name in target.variables}
        if target.refers:
            link["requestBody"] = _body(
                {pointer: known[name] for name, pointer in target.refers.items()}
            )
        found[target.name] = link
    return found


def _version(operation: Operation) -> str:
    return operation.path.split("/")[1]


def _body(values: dict[str, str]) -> dict[str, Any]:
    """Make a body that has values where JSON pointers say."""
    body: dict[str, Any] = {}
    for pointer, value in values.items():
        *parents, last = pointer.strip("/").split("/")
        inside = body
        for parent in parents:
            inside = inside.setdefault(parent, {})
        inside[last] = value
    return body
