"""``keystone``: tokens, which keystonemiddleware's auth_token lets Keystone check.

Source: keystonemiddleware, "Middleware Architecture" (the headers that it sets).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from keystoneauth1 import exceptions as keystoneauth
from keystonemiddleware import auth_token
from keystonemiddleware.auth_token import _exceptions as token_exceptions
from oslo_config import cfg
from werkzeug.wrappers import Request

from ipamd import errors
from ipamd.api.callers import Caller

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_AWAY: Final = "ipamd.identity_away"
_UNREACHED: Final = (
    keystoneauth.ConnectFailure,
    keystoneauth.DiscoveryFailure,
    keystoneauth.RequestTimeout,
    token_exceptions.ServiceError,
)


class Keystone:
    """Callers are who Keystone says the token's owner is."""

    # auth_token adds it: it knows where Keystone is.
    challenge = None

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        for group, opts in auth_token.list_opts():
            conf.register_opts(opts, group=group)
        if not conf.keystone_authtoken.www_authenticate_uri:
            raise cfg.Error(
                "[api] auth_strategy = keystone needs [keystone_authtoken] www_authenticate_uri, "
                "the address of Keystone that callers without a token are told"
            )

    def around(self, app: WSGIApplication) -> WSGIApplication:
        """Let auth_token look at every request; it decides nothing, but tells what it found."""
        wrapped: WSGIApplication = _AuthToken(app, self._conf)
        return wrapped

    def recognise(self, request: Request) -> Caller | None:
        """Return the owner of the request's token.

        Raises: Unavailable when Keystone could not be asked
        """
        told = request.environ
        if told.get(_AWAY):
            raise errors.Unavailable("Keystone cannot be asked about the token at the moment")
        if told.get("HTTP_X_IDENTITY_STATUS") != "Confirmed":
            return None
        if told.get("HTTP_X_SERVICE_IDENTITY_STATUS", "Confirmed") != "Confirmed":
            return None
        return Caller(
            user=told.get("HTTP_X_USER_ID"),
            tenant=told.get("HTTP_X_PROJECT_ID"),
            roles=_names(told.get("HTTP_X_ROLES")),
            service_roles=_names(told.get("HTTP_X_SERVICE_ROLES")),
            system_scope=told.get("HTTP_OPENSTACK_SYSTEM_SCOPE"),
        )


class _AuthToken(auth_token.AuthProtocol):  # type: ignore[misc]  # it has no types
    """auth_token, which lets requests pass whose tokens could not be checked, and says so."""

    def __init__(self, app: WSGIApplication, conf: cfg.ConfigOpts) -> None:
        super().__init__(app, {"oslo_config_config": conf, "delay_auth_decision": True})
        self._now = threading.local()

    def process_request(self, request: Any) -> Any:
        self._now.is_away = False
        answer = super().process_request(request)
        request.environ[_AWAY] = self._now.is_away
        return answer

    def fetch_token(self, token: str, **kwargs: Any) -> Any:
        try:
            return super().fetch_token(token, **kwargs)
        except token_exceptions.InvalidToken as error:
            # A token that Keystone did not even refuse is told apart by the cause alone.
            self._now.is_away = self._now.is_away or isinstance(error.__context__, _UNREACHED)
            raise
        except keystoneauth.ClientException as error:
            self._now.is_away = True
            raise token_exceptions.InvalidToken(str(error)) from error


def _names(header: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (header or "").split(",") if name.strip())
