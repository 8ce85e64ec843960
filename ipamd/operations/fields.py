"""Parsing of request bodies, shared by RPC and REST: every problem is found at once.

A ``Fields`` object reads one body.  What is wrong is collected by field and raised by
``check()`` as one ``ValidationError``, so that a caller need not mend a request error
by error.  ``null`` and the empty string mean "not given" (clients of 2012 send both).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ipamd import errors
from ipamd.ipam.addresses import parse_address
from ipamd.ipam.mac import parse_mac

MAX_TEXT = 255
T = TypeVar("T")


class Fields:
    """The fields of one body, and what is wrong with them."""

    def __init__(self, body: object, name: str) -> None:
        """Read ``body``, the argument ``name``; None is an empty body.

        Raises: BadRequest when it is no object.
        """
        if body is None:
            body = {}
        if not isinstance(body, Mapping):
            raise errors.BadRequest(f"{name} must be an object")
        self.body: Mapping[str, Any] = body
        self.problems: dict[str, list[str]] = {}

    def wrong(self, field: str, message: str) -> None:
        """Note that ``field`` is wrong."""
        self.problems.setdefault(field, []).append(message)

    def check(self) -> None:
        """Raise ValidationError when something was wrong."""
        if self.problems:
            raise errors.ValidationError(fields=self.problems)

    def given(self, field: str) -> bool:
        """Tell whether the body names ``field``, be it with null."""
        return field in self.body

    def text(self, field: str, *, required: bool = False) -> str | None:
        """Read text of at most 255 characters."""
        value = self.body.get(field)
        if value is None or value == "":
            if required:
                self.wrong(field, f"{field} should be present")
            return None
        problem = text_problem(value)
        if problem:
            self.wrong(field, f"{field} {problem}")
            return None
        return str(value)

    def identifier(self, field: str) -> str | None:
        """Read text, or an integer as its digits: Nova once numbered its instances."""
        value = self.body.get(field)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
            return str(value)
        return self.text(field)

    def integer(
        self, field: str, message: str, *, low: int, high: int, required: bool = False
    ) -> int | None:
        """Read an integer, also written as text, between ``low`` and ``high``."""
        value = self.body.get(field)
        if value is None or value == "":
            if required:
                self.wrong(field, message)
            return None
        try:
            number = _integer(value)
        except ValueError:
            self.wrong(field, message)
            return None
        if not low <= number <= high:
            self.wrong(field, message)
            return None
        return number

    def address(self, field: str, message: str) -> int | None:
        """Read an IP address of either family."""
        return self._parsed(field, parse_address, message)

    def mac(self, field: str = "mac_address") -> int | None:
        """Read a MAC address in any of the usual spellings."""
        return self._parsed(field, parse_mac, f"{field} is not a valid MAC address")

    def _parsed(self, field: str, parse: Callable[[object], T], message: str) -> T | None:
        value = self.body.get(field)
        if value is None or value == "":
            return None
        try:
            return parse(value)
        except ValueError:
            self.wrong(field, message)
            return None


def text_problem(value: object) -> str | None:
    """Say what is wrong with an identifier or other short text; None when it is fine."""
    if not isinstance(value, str):
        return "should be a string"
    if len(value) > MAX_TEXT:
        return f"is too long (maximum {MAX_TEXT} characters)"
    if not value.isprintable():
        return "has characters that cannot be printed"
    return None


def _integer(value: object) -> int:
    if isinstance(value, bool):
        raise ValueError("a boolean")
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.strip().lstrip("+-").isascii() and len(value) < 40:
        return int(value)
    raise ValueError("not an integer")
