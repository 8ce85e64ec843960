"""Microversions: which one a request asks for, and whether the service has it.

The standard header is ``OpenStack-API-Version: <service type> X.Y``; entries of other
services are ignored, of several for this one the last counts.  A service may have an older
header of its own beside it.

Source: OpenStack API-SIG, "Microversion Specification".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from werkzeug.datastructures import Headers

STANDARD_HEADER: Final = "OpenStack-API-Version"
_VERSION: Final = re.compile(r"([1-9][0-9]{0,8})\.([1-9][0-9]{0,8}|0)")


class MalformedVersionError(ValueError):
    """What was asked for is no version; the text is what it was."""


class UnsupportedVersionError(ValueError):
    """The version asked for is not among the service's."""

    def __init__(self, version: Version) -> None:
        self.version = version
        super().__init__(str(version))


@dataclass(frozen=True, order=True)
class Version:
    """A version ``major.minor``; versions are ordered as numbers."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``X.Y`` without leading zeros.

        Raises: MalformedVersionError
        """
        match = _VERSION.fullmatch(text)
        if match is None:
            raise MalformedVersionError(text)
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True)
class Service:
    """A microversioned service: its type in the header, and the versions that it has."""

    type: str
    minimum: Version
    maximum: Version
    old_header: str | None = None

    @property
    def headers(self) -> tuple[str, ...]:
        """The names of the headers that name a version; answers vary by them."""
        return (STANDARD_HEADER,) + ((self.old_header,) if self.old_header else ())

    def negotiate(self, headers: Headers) -> Version:
        """Return the version that a request is to be served with; the minimum by default.

        Raises: MalformedVersionError, UnsupportedVersionError
        """
        asked = self._asked(headers)
        if asked is None:
            return self.minimum
        if asked == "latest":
            return self.maximum
        version = Version.parse(asked)
        if not self.minimum <= version <= self.maximum:
            raise UnsupportedVersionError(version)
        return version

    def answer_headers(self, version: Version) -> dict[str, str]:
        """Return the headers that tell the version that a request was served with."""
        told = {STANDARD_HEADER: f"{self.type} {version}"}
        if self.old_header:
            told[self.old_header] = str(version)
        return told

    def _asked(self, headers: Headers) -> str | None:
        for entry in reversed(headers.get(STANDARD_HEADER, "").split(",")):
            service, _, version = entry.strip().partition(" ")
            if version and service.lower() == self.type:
                return version.strip()
        if self.old_header and self.old_header in headers:
            return headers[self.old_header].rpartition(",")[2].strip()
        return None
