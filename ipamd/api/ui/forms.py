"""Forms that change something: signed for one caller and one action, done once.

A form's token carries the idempotency key of the request it will make: sending it twice
does it once.  The token says who it was made for and where it leads, and is refused
anywhere else; a browser that says the form comes from another site is refused as well.
"""

from __future__ import annotations

import secrets
from typing import Final
from urllib.parse import urlsplit

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from oslo_config import cfg
from werkzeug.wrappers import Request

from ipamd import errors
from ipamd.ids import new_id

LIFETIME_SECONDS: Final = 3600
FIELD: Final = "token"


def secret_of(conf: cfg.ConfigOpts) -> str:
    """Return ``[api] ui_secret_key``; one that is made up if it is unset.

    Made up before the fork it is the same in all processes of a server.
    """
    if not conf.api.ui_secret_key:
        conf.set_override("ui_secret_key", secrets.token_urlsafe(32), group="api")
    return str(conf.api.ui_secret_key)


class Forms:
    """Makes and checks the tokens of forms; ``secret`` is the same in all processes."""

    def __init__(self, secret: str) -> None:
        self._tokens = URLSafeTimedSerializer(secret, salt="ipamd.ui.form")

    def token(self, caller: str, action: str) -> str:
        """Make the token of a form that ``caller`` is shown and that leads to ``action``."""
        return str(self._tokens.dumps([caller, action, new_id()]))

    def key(self, request: Request, caller: str) -> str:
        """Check a form that was sent, and return its idempotency key.

        Raises: errors.Forbidden
        """
        check_origin(request)
        try:
            found = self._tokens.loads(request.form.get(FIELD, ""), max_age=LIFETIME_SECONDS)
        except SignatureExpired:
            raise errors.Forbidden("This form is too old: load it again") from None
        except BadSignature:
            raise errors.Forbidden("This form was not made here: load it again") from None
        if found[:2] != [caller, request.path]:
            raise errors.Forbidden("This form was made for somebody or something else")
        return str(found[2])


def check_origin(request: Request) -> None:
    """Refuse a form that another site has sent, as far as the browser tells.

    Source: Fetch Metadata (Sec-Fetch-Site), RFC 6454 (Origin).  Only the host is compared:
    a proxy in front may speak TLS where ipamd does not.

    Raises: errors.Forbidden
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    foreign = site not in (None, "same-origin")
    if foreign or (origin is not None and urlsplit(origin).netloc != request.host):
        raise errors.Forbidden("This form was sent from another site")
