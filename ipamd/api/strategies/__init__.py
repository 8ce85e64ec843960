"""How callers are recognised: one module for each ``[api] auth_strategy``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from oslo_config import cfg
from werkzeug.wrappers import Request

from ipamd.api.callers import Caller

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class Strategy(Protocol):
    """How callers are recognised, and how those who are not are told to say who they are."""

    @property
    def challenge(self) -> str | None:
        """The ``WWW-Authenticate`` of an answer 401; None where ``around`` adds it."""

    def around(self, app: WSGIApplication) -> WSGIApplication:
        """Wrap the application, where something has to happen before it."""

    def recognise(self, request: Request) -> Caller | None:
        """Return who sends the request, None for nobody.

        Raises: Unavailable when it cannot be found out now
        """


def of(conf: cfg.ConfigOpts) -> Strategy | None:
    """Return the strategy that is configured; None for ``noauth``.

    Raises: cfg.Error when its files or settings cannot be used
    """
    chosen = conf.api.auth_strategy
    if chosen == "noauth":
        return None
    # What they import takes a third of a second: only whoever uses it waits for it.
    from ipamd.api.strategies.http_basic import HttpBasic
    from ipamd.api.strategies.keystone import Keystone
    from ipamd.api.strategies.trusted_proxy import TrustedProxy

    strategy: Strategy = HttpBasic(conf) if chosen == "http_basic" else Keystone(conf)
    proxies = conf.api.melange_trusted_proxies
    return TrustedProxy(strategy, proxies) if proxies else strategy
