"""Do ``setup.cfg`` and the lock files agree?

Run by ``make`` after it has installed from a lock file, and by the tests: whoever changes
a requirement and forgets ``make lock`` is told so at once.
"""

from __future__ import annotations

import configparser
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
# The lock file of what runs ipamd, and the one of everything: tests, checks, documentation.
RUN, DEV = "requirements.lock", "requirements-dev.lock"
_RUN_EXTRAS = ("build",)
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)")
_OURS = "ipamd (setup.cfg)"


def wanted(setup_cfg: str, extras: tuple[str, ...] | None) -> dict[str, Requirement]:
    """Return what ``setup.cfg`` asks for, by name; ``extras`` None stands for all of them."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(setup_cfg)
    lines = parser["options"]["install_requires"].split("\n")
    for extra, text in parser["options.extras_require"].items():
        if extras is None or extra in extras:
            lines += text.split("\n")
    found: dict[str, Requirement] = {}
    for line in filter(None, map(str.strip, lines)):
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        if name in found:
            requirement.specifier &= found[name].specifier
        found[name] = requirement
    return found


def unbounded(setup_cfg: str) -> list[str]:
    """Return the requirements of ``setup.cfg`` without a lower or without an upper bound."""
    return [
        str(requirement)
        for requirement in wanted(setup_cfg, None).values()
        if not any(
            bounds <= {clause.operator for clause in requirement.specifier}
            for bounds in ({">=", "<"}, {"~="}, {"=="})
        )
    ]


def pins(lock: str) -> Iterator[tuple[str, Version, bool, bool]]:
    """Yield each pin of a lock file: name, version, has hashes, ``setup.cfg`` names it."""
    for entry in re.split(r"\n(?=[A-Za-z0-9])", lock):
        match = _PIN.match(entry)
        if match:
            hashed = "--hash=sha256:" in entry
            yield canonicalize_name(match[1]), Version(match[2]), hashed, _OURS in entry


def disagreements(setup_cfg: str, lock: str, extras: tuple[str, ...] | None) -> list[str]:
    """Say in sentences where a lock file differs from what ``setup.cfg`` asks for."""
    asked = wanted(setup_cfg, extras)
    versions: dict[str, list[Version]] = {}
    problems = []
    for name, version, hashed, ours in pins(lock):
        versions.setdefault(name, []).append(version)
        if not hashed:
            problems.append(f"{name} has no hash in the lock")
        if ours and name not in asked:
            problems.append(f"{name} is locked, and setup.cfg does not ask for it any more")
    for name, requirement in asked.items():
        if name not in versions:
            problems.append(f"{requirement} is asked for, and not locked")
        problems += [
            f"{requirement} is asked for, and {version} locked"
            for version in versions.get(name, [])
            if version not in requirement.specifier
        ]
    return problems


def main() -> int:
    """Compare the files of this checkout; return the exit status."""
    setup_cfg = (ROOT / "setup.cfg").read_text()
    problems = [
        f"{name}: {problem}"
        for name, extras in ((RUN, _RUN_EXTRAS), (DEV, None))
        for problem in disagreements(setup_cfg, (ROOT / name).read_text(), extras)
    ]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print("setup.cfg and the lock files disagree: run make lock", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
