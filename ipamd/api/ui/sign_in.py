"""Sign-in where Keystone knows the callers: a form gets a token, a cookie keeps it.

The cookie is signed, is sent to the pages below ``/ui`` alone and by them alone, and no
script can read it.  On its way in it becomes the ``X-Auth-Token`` that the API's own
strategy looks at, so that pages and API recognise callers in one and the same place.
With other strategies browsers know themselves how to sign in.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from flask import Response, make_response, redirect, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from oslo_config import cfg
from oslo_log import log as logging
from werkzeug.http import parse_cookie
from werkzeug.wrappers import Response as BaseResponse

from ipamd import errors
from ipamd.api import auth
from ipamd.api.ui.forms import secret_of
from ipamd.api.ui.site import PREFIX, Site, page, secure

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)

COOKIE: Final = "ipamd_ui"
PATH: Final = f"{PREFIX}/sign-in"
LIFETIME_SECONDS: Final = 12 * 3600
_TIMEOUT_SECONDS: Final = 10
_FIELDS: Final = ("user", "user_domain", "project", "project_domain")
_DEFAULTS: Final = {"user_domain": "Default", "project_domain": "Default"}


def is_needed(conf: cfg.ConfigOpts) -> bool:
    """Tell whether the pages have a form to sign in with."""
    return bool(conf.api.auth_strategy == "keystone")


def _cookies(conf: cfg.ConfigOpts) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_of(conf), salt="ipamd.ui.session")


class CookieToken:
    """WSGI middleware that makes a header of the cookie, for the pages alone."""

    def __init__(self, app: WSGIApplication, conf: cfg.ConfigOpts) -> None:
        self._app = app
        self._cookies = _cookies(conf)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith(f"{PREFIX}/") and "HTTP_X_AUTH_TOKEN" not in environ:
            kept = parse_cookie(environ).get(COOKIE, "")
            try:
                token = self._cookies.loads(kept, max_age=LIFETIME_SECONDS)
            except BadSignature:  # none, an old one, or one of somebody's own making
                token = None
            if token is not None:
                environ["HTTP_X_AUTH_TOKEN"] = str(token)
        return self._app(environ, start_response)


class SignIn:
    """The views of the form."""

    def __init__(self, conf: cfg.ConfigOpts, site: Site) -> None:
        self._conf = conf
        self._site = site
        self._cookies = _cookies(conf)

    def sign_in(self) -> Response | BaseResponse:
        """Show the form; when it is sent, get a token and go where the caller wanted to."""
        auth.allow_anyone()
        target = _inside(request.values.get("next", ""))
        given = {name: request.form.get(name, _DEFAULTS.get(name, "")) for name in _FIELDS}
        error = None
        if request.method == "POST":
            self._site.forms.key(request, "")
            try:
                token = self._token(given, request.form.get("password", ""))
            except errors.Unauthenticated as refusal:
                error = refusal
            else:
                return self._signed_in(token, target)
        return page(
            "sign_in.html", status=401 if error else 200, given=given, error=error,
            target=target, token=self._site.forms.token("", PATH),
        )  # fmt: skip

    def sign_out(self) -> BaseResponse:
        """Forget the token."""
        auth.allow_anyone()
        self._site.forms.key(request, self._site.caller)
        answer = secure(redirect(PATH, code=303))
        answer.delete_cookie(COOKIE, path=PREFIX, httponly=True, samesite="Strict")
        return answer

    def _signed_in(self, token: str, target: str) -> BaseResponse:
        answer = secure(redirect(target, code=303))
        answer.set_cookie(
            COOKIE, str(self._cookies.dumps(token)), path=PREFIX, httponly=True,
            secure=request.is_secure, samesite="Strict",
        )  # fmt: skip
        return answer

    def _token(self, given: dict[str, str], password: str) -> str:
        """Ask Keystone for a token.

        Raises: Unauthenticated, Unavailable
        """
        from keystoneauth1 import exceptions, identity, session

        settings = self._conf.keystone_authtoken
        plugin: Any = identity.Password(
            auth_url=settings.www_authenticate_uri,
            username=given["user"],
            password=password,
            user_domain_name=given["user_domain"],
            project_name=given["project"],
            project_domain_name=given["project_domain"],
        )
        verify = not settings.insecure and (settings.cafile or True)
        try:
            token = plugin.get_token(session.Session(timeout=_TIMEOUT_SECONDS, verify=verify))
        except (exceptions.Unauthorized, exceptions.BadRequest, exceptions.NotFound) as error:
            raise errors.Unauthenticated(
                "Keystone knows nobody of this name with this password in this project"
            ) from error
        except exceptions.ClientException as error:
            LOG.warning("Keystone cannot be asked for a token: %s", error)
            raise errors.Unavailable("Keystone cannot be asked at the moment") from error
        return str(token)


def lead_there() -> Response:
    """Lead whoever has not signed in to the form, and from there back."""
    query = urlencode({"next": request.full_path.rstrip("?")})
    return secure(make_response(redirect(f"{PATH}?{query}", code=303)))


def _inside(target: str) -> str:
    """Return a path of these pages: the one asked for, if it is one, else the first."""
    # A browser takes "/\host" and line breaks for what they are not.
    plain = target.isprintable() and "\\" not in target and "//" not in target
    return target if plain and target.startswith(f"{PREFIX}/") else f"{PREFIX}/"
