"""What an operation's docstring says: its summary, and its errors under ``Raises:``."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from typing import Any

from ipamd import errors
from ipamd.rpc.methods import METHODS

ERRORS = {cls.__name__: cls for cls in errors.all_errors()}

_RAISES = re.compile(r"Raises:(.*?)(?:\n\s*\n|\Z)", re.DOTALL)
_WORD = re.compile(r"``([\w.]+)``|\b([A-Z]\w+)\b")


def summary(operation: Callable[..., Any]) -> str:
    """Return a docstring without its ``Raises:``."""
    return _RAISES.sub("", inspect.getdoc(operation) or "").strip()


def raised_by(operation: Callable[..., Any]) -> list[type[errors.IpamError]]:
    """Return the errors that an operation's docstring names under ``Raises:``.

    A name in double backquotes is another function, of the same module or an RPC method,
    whose errors count as well.

    Raises: LookupError for a name that is neither an error nor a function.
    """
    found: dict[type[errors.IpamError], None] = {}
    seen: set[str] = set()

    def collect(function: Callable[..., Any]) -> None:
        if function.__qualname__ in seen:
            return
        seen.add(function.__qualname__)
        raises = _RAISES.search(inspect.getdoc(function) or "")
        # What stands in parentheses says when.
        text = re.sub(r"\([^)]*\)", "", raises[1]) if raises else ""
        for reference, word in _WORD.findall(text):
            if reference:
                collect(_resolve(function, reference))
            elif word in ERRORS:
                found[ERRORS[word]] = None
            elif word.endswith(("Error", "NotFound")):
                raise LookupError(f"{function.__qualname__}: {word} is no error of ipamd")

    collect(operation)
    return list(found)


def _resolve(function: Callable[..., Any], reference: str) -> Callable[..., Any]:
    if reference in METHODS:
        return METHODS[reference].operation
    module = sys.modules[function.__module__]
    owner = getattr(module, function.__qualname__.partition(".")[0])
    first, *rest = reference.split(".")
    found: object = getattr(module, first, None) or getattr(owner, first, None)
    for name in rest:
        found = getattr(found, name, None)
    if not inspect.isfunction(found):
        raise LookupError(f"{function.__qualname__}: there is no {reference}")
    return found
