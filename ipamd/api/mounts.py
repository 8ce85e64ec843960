"""What an API has to bring along to be mounted into the facade."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response
from werkzeug.exceptions import HTTPException

from ipamd.errors import IpamError


@dataclass(frozen=True)
class Mount:
    """One API: where it lives, its blueprints, and how it words errors.

    ``fault`` answers errors of the service, ``page`` what HTTP itself refuses (unrouted
    paths, unreadable bodies).  Of the prefixes of all mounts the longest match decides.
    """

    prefixes: tuple[str, ...]
    blueprints: tuple[Blueprint, ...]
    fault: Callable[[IpamError], Response]
    page: Callable[[HTTPException], Response]


def mount_of(mounts: tuple[Mount, ...], path: str) -> Mount:
    """Return the mount that ``path`` belongs to; one mount has to have the prefix ``/``."""
    matches = [
        (len(prefix), position)
        for position, mount in enumerate(mounts)
        for prefix in mount.prefixes
        if prefix == "/" or path == prefix or path.startswith(f"{prefix}/")
    ]
    return mounts[max(matches)[1]]
