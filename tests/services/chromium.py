"""Debian's Chromium: a program to be driven, not a server to be reached."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from tests.services.packages import find_program, program


class Chromium:
    """Where the browser is, and what installs it; fonts too, or pages have no letters."""

    name: ClassVar[str] = "chromium"
    packages: ClassVar[tuple[str, ...]] = ("chromium", "fonts-dejavu-core")
    # Names another one to use.
    variable: ClassVar[str] = "IPAMD_TEST_CHROMIUM"

    @classmethod
    def is_installed(cls) -> bool:
        """Tell whether it is there."""
        return find_program(cls.name) is not None

    @classmethod
    def path(cls) -> Path:
        """Return the program to start.

        Raises: MissingPackages
        """
        named = os.environ.get(cls.variable)
        return Path(named) if named else program(cls.name)
