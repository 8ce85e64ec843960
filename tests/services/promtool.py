"""Prometheus's program that checks metrics, rules, and the tests of rules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from tests.services.packages import find_program, program


class Promtool:
    """Where the program is, and what installs it."""

    name: ClassVar[str] = "promtool"
    packages: ClassVar[tuple[str, ...]] = ("prometheus",)
    # Names another one to use.
    variable: ClassVar[str] = "IPAMD_TEST_PROMTOOL"

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
