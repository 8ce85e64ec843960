"""``limit`` and ``marker`` of lists, and the link to the next page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from oslo_config import cfg
from werkzeug.wrappers import Request

from ipamd import errors


@dataclass(frozen=True)
class Limits:
    """The page size when none is asked for, and the largest one."""

    default: int
    maximum: int

    @classmethod
    def from_conf(cls, conf: cfg.ConfigOpts) -> Limits:
        """Read ``[api] default_limit`` and ``max_limit``."""
        maximum = conf.api.max_limit
        return cls(default=min(conf.api.default_limit, maximum), maximum=maximum)

    def page_of(self, request: Request) -> dict[str, Any]:
        """Return the RPC arguments ``limit`` and ``marker`` of a list request.

        Raises: errors.BadRequest for a limit that is no positive integer.
        """
        wished = request.args.get("limit")
        limit = self.default
        if wished is not None:
            if not re.fullmatch("0*[1-9][0-9]{0,17}", wished):
                raise errors.BadRequest("limit has to be a positive integer")
            limit = min(int(wished), self.maximum)
        return {"limit": limit, "marker": request.args.get("marker") or None}


def url_of(request: Request) -> str:
    """Return the request's URL without its query, as the client wrote it."""
    path = str(request.environ.get("ipamd.path", ""))
    return request.host_url.rstrip("/") + quote(path.encode("latin-1"), safe="/:@!$&'()*+,;=~")


def next_link(request: Request, limit: int, marker: str) -> dict[str, str]:
    """Return the link to the page after ``marker``: the same query, moved on."""
    kept = [
        (key, value)
        for key, value in request.args.items(multi=True)
        if key not in ("limit", "marker")
    ]
    size = [("limit", str(limit))] if "limit" in request.args else []
    query = urlencode([*kept, ("marker", marker), *size])
    return {"rel": "next", "href": f"{url_of(request)}?{query}"}
