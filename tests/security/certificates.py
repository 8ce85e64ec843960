"""A throw-away authority and what it signs, made with openssl."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def make_authority(folder: Path, name: str = "ca") -> Path:
    """Make an authority of its own; return its certificate, the key is beside it."""
    _openssl(
        folder,
        f"req -x509 -newkey rsa:2048 -nodes -days 2 -keyout {name}.key -out {name}.pem "
        f"-subj /CN={name} -addext basicConstraints=critical,CA:TRUE",
    )
    (folder / f"{name}.pem").chmod(0o644)
    return folder / f"{name}.pem"


def make_certificate(folder: Path, authority: Path, owner: str | None) -> Path:
    """Make a server's certificate for 127.0.0.1; its key is beside it, ``owner``'s alone."""
    _openssl(
        folder,
        "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=127.0.0.1",
    )
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    _openssl(
        folder,
        f"x509 -req -in server.csr -days 2 -CA {authority} -CAkey {authority.with_suffix('.key')} "
        "-CAcreateserial -extfile names -out server.pem",
    )
    key = folder / "server.key"
    key.chmod(0o600)
    (folder / "server.pem").chmod(0o644)
    if owner is not None:
        shutil.chown(key, owner)
    return folder / "server.pem"


def _openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)
