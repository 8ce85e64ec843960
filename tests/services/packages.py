"""The Debian packages of the servers, installed when they are missing and it is allowed."""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

# Where Debian keeps the programs themselves; what it puts on the PATH are partly wrappers,
# one of which insists on being root or the service's account.
_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/lib/rabbitmq/bin", "/usr/sbin", "/usr/bin")

# The freshly installed system-wide services must not be started: policy-rc.d says so to
# the packages' scripts. Package lists are fetched only when they are too old or missing.
_INSTALL = """
set -e
if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
fi
export DEBIAN_FRONTEND=noninteractive
install() {
    apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
}
install "$@" || { apt-get -q -o DPkg::Lock::Timeout=300 update && install "$@"; }
"""


class MissingPackages(Exception):
    """Packages are missing and cannot be installed; the message is one sentence."""


def find_program(name: str) -> Path | None:
    """Find a server's program, the one of the newest version when there are several."""
    for folder in _FOLDERS:
        if places := glob.glob(f"{folder}/{name}"):
            return max(map(Path, places), key=_version)
    found = shutil.which(name)
    return Path(found) if found else None


def _version(program: Path) -> int:
    folder = program.parent.parent.name
    return int(folder) if folder.isdigit() else 0


def program(name: str) -> Path:
    """Return the path of an installed server's program.

    Raises: MissingPackages.
    """
    found = find_program(name)
    if found is None:
        raise MissingPackages(f"the program {name} is not installed")
    return found


def install(packages: Sequence[str], otherwise: str) -> None:
    """Install Debian packages; several test runs may do so at the same time.

    ``otherwise`` ends the sentence of the error, it says what else the user can do.

    Raises: MissingPackages when this user may not, or when apt-get fails.
    """
    names = " ".join(packages)
    if shutil.which("apt-get") is None or not (_is_root() or _may_sudo()):
        raise MissingPackages(
            f"the tests need the packages {names}, which only root can install: {otherwise}"
        )
    prefix = [] if _is_root() else ["sudo", "-n"]
    # Any folder that all test runs share will do for a lock.
    shared = os.open(tempfile.gettempdir(), os.O_RDONLY)
    try:
        fcntl.flock(shared, fcntl.LOCK_EX)
        done = subprocess.run(
            [*prefix, "sh", "-c", _INSTALL, "sh", *packages],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    finally:
        os.close(shared)
    if done.returncode != 0:
        raise MissingPackages(
            f"apt-get could not install {names}: {otherwise}\n{done.stdout[-4000:]}"
        )


def _is_root() -> bool:
    return os.geteuid() == 0


def _may_sudo() -> bool:
    return (
        shutil.which("sudo") is not None
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode
        == 0
    )
