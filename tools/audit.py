"""Look the locked dependencies up among the known vulnerabilities, with pip-audit.

Fails on a vulnerability, and on anything that kept a part of the lock from being looked
up.  The one thing it lets pass is that nobody could be asked, which it says in a sentence.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_ENTRY = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)
_NOT_REACHED = re.compile(
    r"^(requests\.exceptions\.(ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError)\b"
    r"|(ERROR:pip_audit\.\w+:)?Could not connect to )",
    re.MULTILINE,
)


def main(argv: Sequence[str]) -> int:
    """Audit the lock file ``argv[0]``, with further arguments of pip-audit; return the status."""
    lock, *options = Path(argv[0]), *argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        # One release first: where nobody answers for it, nobody is asked for all the others.
        first = Path(folder) / lock.name
        first.write_text(_ENTRY.split(lock.read_text(), maxsplit=2)[1])
        for part, judge in ((first, _pass), (lock, _judge)):
            found = _audit(part, options)
            if isinstance(found, str):
                print(f"pip-audit was skipped: {found}")
                return 0
            status = judge(lock.name, found)
    return status


def _pass(_lock: str, _found: list[dict[str, Any]]) -> int:
    return 0


def _audit(lock: Path, options: Sequence[str]) -> list[dict[str, Any]] | str:
    """Return what pip-audit says of each release, or why nobody could be asked."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes"]
    command += ["--disable-pip", "--progress-spinner=off", "--format=json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if not done.stdout.strip():
        if _NOT_REACHED.search(done.stderr):
            return "the advisory service cannot be reached"
        sys.exit(done.stderr or f"pip-audit said nothing and ended with {done.returncode}")
    found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    if found and all("not found on PyPI" in each.get("skip_reason", "") for each in found):
        return "the package index in use has no advisories"
    return found


def _judge(lock: str, found: list[dict[str, Any]]) -> int:
    bad = 0
    for each in found:
        if "skip_reason" in each:
            print(f"{each['name']} could not be audited: {each['skip_reason']}", file=sys.stderr)
            bad += 1
        for flaw in each.get("vulns", []):
            repaired = ", ".join(flaw["fix_versions"]) or "no release"
            print(
                f"{each['name']} {each['version']}: {flaw['id']}, repaired in {repaired}",
                file=sys.stderr,
            )
            bad += 1
    if bad:
        print(f"{lock}: {bad} of what is locked must not stay", file=sys.stderr)
        return 1
    print(f"{lock}: {len(found)} releases, no known vulnerability")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
