"""Who asks, and whether they may: the one place where HTTP requests are let in.

Every view names its rule with ``require()``, or says with ``allow_anyone()`` that there is
none, before it calls a worker; ``context_of()`` refuses to make the context of an RPC for a
request of which neither was said.  Invariant: no RPC leaves without a decision.

With ``[api] auth_strategy = noauth`` everybody is an admin of everything, and the tenant of
an RPC is the one the URL names, as Melange had it without its filters.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

from flask import Flask, Response, current_app, g
from flask import request as current_request
from oslo_config import cfg
from werkzeug.wrappers import Request

from ipamd import errors
from ipamd.api import rules, strategies
from ipamd.api.callers import EVERYBODY, Caller
from ipamd.api.middleware import WHO
from ipamd.context import RequestContext

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK: Final[tuple[Network, ...]] = (
    ipaddress.IPv4Network("127.0.0.0/8"),
    ipaddress.IPv6Network("::1/128"),
)
_EXTENSION: Final = "ipamd.auth"
# What a proxy adds to a request that it passes on.
_PASSED_ON: Final = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-Ip")


class Door:
    """The strategy of one facade, and the policy that its callers are judged by."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.strategy = strategies.of(conf)
        self.is_open = self.strategy is None
        self._policy = None if self.is_open else rules.Policy(conf)

    def recognise(self, request: Request) -> Caller | None:
        """Return who sends the request; None when nothing says so, or nothing believed.

        Raises: Unavailable when it cannot be found out now
        """
        if self.strategy is None or self._policy is None:
            return EVERYBODY
        found = self.strategy.recognise(request)
        return None if found is None else self._policy.judge(found)

    def allows(self, caller: Caller, rule: str, tenant_id: str | None) -> bool:
        """Tell whether ``rule`` lets ``caller`` act on what is ``tenant_id``'s."""
        if self._policy is None:
            return True
        if not caller.reaches_all and (not caller.tenant or (caller.by_url and not tenant_id)):
            return False
        return self._policy.allows(caller, rule, tenant_id or caller.tenant)


def install(app: Flask, conf: cfg.ConfigOpts) -> None:
    """Give ``app`` the strategy that ``conf`` names.

    Raises: cfg.Error when its files or settings cannot be used
    """
    door = Door(conf)
    app.extensions[_EXTENSION] = door
    if door.strategy is None:
        return
    strategy = door.strategy
    app.wsgi_app = strategy.around(app.wsgi_app)  # type: ignore[method-assign,assignment]

    def challenge(response: Response) -> Response:
        if response.status_code == 401 and strategy.challenge:
            response.headers.setdefault("WWW-Authenticate", strategy.challenge)
        return response

    app.after_request(challenge)


def door_now() -> Door:
    """Return the door of the facade that works on the current request."""
    door: Door = current_app.extensions[_EXTENSION]
    return door


def caller() -> Caller:
    """Return who sends the current request.

    Raises: Unauthenticated, Unavailable
    """
    door = door_now()
    if door.is_open:
        return EVERYBODY
    if "ipamd_caller" not in g:
        g.ipamd_caller = door.recognise(current_request)
        if g.ipamd_caller is not None:
            current_request.environ[WHO] = f"{g.ipamd_caller.shown()} "
    found: Caller | None = g.ipamd_caller
    if found is None:
        raise errors.Unauthenticated()
    return found


def require(rule: str, tenant_id: str | None = None) -> None:
    """Let the current request go on only if ``rule`` allows it.

    ``tenant_id`` is the tenant that the request names, in its path or its body; None where
    it names none: then it is judged as one about the caller's own tenant, and the manager
    keeps it to that.  May be called again, with what is only known later.

    Raises: Unauthenticated, Forbidden, Unavailable
    """
    g.ipamd_decided = True
    door = door_now()
    if door.is_open:
        return
    g.ipamd_refused = True
    if not door.allows(caller(), rule, tenant_id):
        raise errors.Forbidden()
    g.ipamd_refused = False


def is_refused() -> bool:
    """Tell whether ``require()`` did not let the current request go on."""
    return bool(g.get("ipamd_refused", False))


def allow_anyone() -> None:
    """Let the current request go on whoever sends it: it is about nobody's resources."""
    g.ipamd_decided = True


def may_see_details() -> bool:
    """Tell whether the sender may know how the service itself is doing.

    These are admins, and whoever is on this machine.  What a proxy on this machine passes
    on comes from elsewhere: it says so in a header.
    """
    return door_now().is_open or comes_from(current_request, LOOPBACK) or is_admin()


def is_admin() -> bool:
    """Tell whether the sender has shown to be an admin: where all are admins, nobody has."""
    if door_now().is_open:
        return False
    try:
        return caller().is_admin
    except errors.IpamError:
        return False


def comes_from(request: Request, networks: Sequence[Network]) -> bool:
    """Tell whether a request was sent from one of ``networks``, as far as can be known.

    Of what a proxy passes on only the proxy is known, which may well be on this machine.
    """
    if any(name in request.headers for name in _PASSED_ON):
        return False
    try:
        peer = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return False
    mapped = peer.ipv4_mapped if isinstance(peer, ipaddress.IPv6Address) else None
    return any((mapped or peer) in network for network in networks)


def is_loopback(address: str | None) -> bool:
    """Tell whether an address, of a peer or to listen on, is this machine's own."""
    if address == "localhost":
        return True
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def context_of(request: Request, tenant_id: str | None) -> RequestContext:
    """Build the context of an RPC; ``tenant_id`` is the URL's, None where it has none.

    Raises: RuntimeError when it was not decided whether the request may go on
    """
    if not g.get("ipamd_decided", False):
        raise RuntimeError(f"{request.method} {request.path} would be done without a rule")
    request_id = request.environ.get("ipamd.request_id")
    door = door_now()
    if door.is_open:
        return RequestContext(
            project_id=tenant_id, is_admin=True, request_id=request_id, overwrite=False
        )
    found: Caller | None = g.get("ipamd_caller")
    if found is None:  # let in by allow_anyone(): it reaches nothing that is a tenant's
        return RequestContext(request_id=request_id, confined=True, overwrite=False)
    return RequestContext(
        user_id=found.user,
        project_id=found.tenant,
        roles=list(found.roles),
        is_admin=found.is_admin,
        confined=not found.reaches_all,
        request_id=request_id,
        overwrite=False,
    )
