"""How many requests one caller may send: Flask-Limiter, where ``[api] rate_limit`` is set.

A request over the limit is refused before anything is done for it, in the form that its
mount has for errors, with ``Retry-After``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from flask import Flask, Response, request
from oslo_config import cfg

from ipamd import errors
from ipamd.api import auth
from ipamd.masking import masked

# Who asks whether the service is well is no caller.
_EXEMPT: Final = ("/healthcheck", "/metrics")
_FOLDER: Final = "ipamd"


def install(
    app: Flask, conf: cfg.ConfigOpts, fault: Callable[[errors.IpamError], Response]
) -> None:
    """Limit the requests of each caller; ``fault`` words errors as the request's mount does.

    Raises: cfg.Error when the limit or the storage cannot be understood
    """
    check(conf)
    if not conf.api.rate_limit:
        return
    # Only now: without a limit nobody pays for what the library brings along.
    from flask_limiter import Limiter, RateLimitExceeded

    limiter = Limiter(
        caller_key,
        app=app,
        application_limits=[conf.api.rate_limit],
        application_limits_exempt_when=_is_exempt,
        storage_uri=conf.api.rate_limit_storage,
        key_prefix=_FOLDER,
        strategy="moving-window",
    )

    def refuse(_: RateLimitExceeded) -> Response:
        current = limiter.current_limit
        left = 1 if current is None else max(1, math.ceil(current.reset_at - time.time()))
        response = fault(errors.TooManyRequests(retry_after=left))
        response.headers["Retry-After"] = str(left)
        return response

    app.register_error_handler(RateLimitExceeded, refuse)


def check(conf: cfg.ConfigOpts) -> None:
    """Look whether limit and storage can be used, before anything is served.

    Raises: cfg.Error with a sentence that has no password of the storage in it
    """
    if not conf.api.rate_limit:
        return
    import limits
    from limits.errors import ConfigurationError
    from limits.storage import storage_from_string

    try:
        limits.parse_many(conf.api.rate_limit)
    except ValueError:
        raise cfg.Error(
            f"[api] rate_limit: {conf.api.rate_limit!r} is no limit such as 100/minute"
        ) from None
    try:
        storage_from_string(conf.api.rate_limit_storage)
    except (ValueError, ImportError, ConfigurationError) as error:
        raise cfg.Error(f"[api] rate_limit_storage: {masked(str(error))}") from None


def caller_key() -> str:
    """Name the caller of the current request: who they are, else where they come from."""
    try:
        found = auth.caller()
    except errors.IpamError:  # unknown, which the view will say
        found = None
    if found is None or not (found.user or found.tenant):
        return f"address:{request.remote_addr}"
    return f"caller:{found.user}:{found.tenant}"


def _is_exempt() -> bool:
    return request.path.startswith(_EXEMPT)
