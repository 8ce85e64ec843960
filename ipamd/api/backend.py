"""The facade's way to the workers: one call, with context, timeout and idempotency key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from flask import request

from ipamd import errors
from ipamd.api import auth

if TYPE_CHECKING:
    from ipamd.rpc.caller import Caller

IDEMPOTENCY_HEADER: Final = "Idempotency-Key"
_PRINTABLE_KEY: Final = re.compile("[\x20-\x7e]{1,255}")
_SAFE_VERBS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Backend:
    """Calls RPC methods on behalf of the request that Flask is working on."""

    def __init__(self, caller: Caller, *, timeout: float) -> None:
        self.caller = caller
        self.timeout = timeout

    def call(self, method: str, tenant_id: str | None = None, /, **arguments: Any) -> Any:
        """Call ``method`` for ``tenant_id`` (None: the URL names no tenant).

        Raises: IpamError as the workers raised it; RequestTimeout, Unavailable.
        """
        if request.method not in _SAFE_VERBS:
            key = idempotency_key(request.headers.get(IDEMPOTENCY_HEADER))
            if key is not None:
                arguments["idempotency_key"] = key
        context = auth.context_of(request, tenant_id)
        return self.caller.call(context, method, arguments, timeout=self.timeout)

    def cast(self, method: str, tenant_id: str | None = None, /, **arguments: Any) -> None:
        """Cast ``method``: accepted, and done later.

        Raises: Unavailable when it cannot be accepted.
        """
        self.caller.cast(auth.context_of(request, tenant_id), method, arguments)


def idempotency_key(header: str | None) -> str | None:
    """Return the key of an ``Idempotency-Key`` header, without the quotes of the draft.

    Source: draft-ietf-httpapi-idempotency-key-header (a structured-field string); bare
    text is taken as well.

    Raises: errors.BadRequest for an empty, long or unprintable key.
    """
    if header is None:
        return None
    key = header.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = re.sub(r'\\(["\\])', r"\1", key[1:-1])
    if not _PRINTABLE_KEY.fullmatch(key):
        raise errors.BadRequest("Idempotency-Key has to be 1 to 255 printable ASCII characters")
    return key
