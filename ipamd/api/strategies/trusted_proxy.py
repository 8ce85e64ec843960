"""Melange's own rule, for ``/v0.1`` behind a proxy that has authenticated the caller.

The proxy says who asks with ``X-Tenant`` and ``X-Role``.  A role ``admin`` may do
everything; others what a URL names for their tenant, and so nothing where it names none.
From any other peer, and for any other path, these headers mean nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from oslo_config import cfg
from werkzeug.wrappers import Request

from ipamd.api.callers import Caller

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication


class _Inner(Protocol):
    @property
    def challenge(self) -> str | None: ...

    def around(self, app: WSGIApplication) -> WSGIApplication: ...

    def recognise(self, request: Request) -> Caller | None: ...


class TrustedProxy:
    """Believes the listed peers about ``/v0.1``, and asks another strategy about the rest."""

    def __init__(self, inner: _Inner, proxies: Iterable[object]) -> None:
        self._inner = inner
        self._proxies = frozenset(ipaddress.ip_address(str(proxy)) for proxy in proxies)
        for proxy in self._proxies:
            if proxy.is_unspecified or proxy.is_multicast or proxy.is_reserved:
                raise cfg.Error(f"[api] melange_trusted_proxies: {proxy} is no host's address")

    @property
    def challenge(self) -> str | None:
        """The other strategy's: a client does not talk to the proxy's side."""
        return self._inner.challenge

    def around(self, app: WSGIApplication) -> WSGIApplication:
        """Keep what the proxy said apart before the other strategy removes it."""
        inner = self._inner.around(app)

        def keep(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            said = (environ.get("HTTP_X_TENANT"), environ.get("HTTP_X_ROLE"))
            environ["ipamd.proxy_said"] = said if self._is_believed(environ) else None
            return inner(environ, start_response)

        return keep

    def recognise(self, request: Request) -> Caller | None:
        """Return whom the proxy named; None when it named nobody."""
        if not self._is_believed(request.environ):
            return self._inner.recognise(request)
        tenant, role = request.environ["ipamd.proxy_said"]
        roles = {name.strip().lower() for name in (role or "").split(",")} - {""}
        if not tenant and "admin" not in roles:
            return None
        return Caller(None, tenant or None, tuple(sorted({*roles, "member"})), by_url=True)

    def _is_believed(self, environ: dict[str, object]) -> bool:
        path = str(environ.get("PATH_INFO", ""))
        if path != "/v0.1" and not path.startswith("/v0.1/"):
            return False
        try:
            peer = ipaddress.ip_address(str(environ.get("REMOTE_ADDR", "")))
        except ValueError:
            return False
        return (getattr(peer, "ipv4_mapped", None) or peer) in self._proxies
