"""The facade's way to the workers: one call, with context, timeout and idempotency key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
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
        self._in_use = KeysInUse()

    def call(self, method: str, tenant_id: str | None = None, /, **arguments: Any) -> Any:
        """Call ``method`` for ``tenant_id`` (None: the URL names no tenant).

        Raises: IpamError as the workers raised it; RequestTimeout, Unavailable;
            RequestInProgress when this process works on a request with the same key.
        """
        key = None
        if request.method not in _SAFE_VERBS:
            key = idempotency_key(request.headers.get(IDEMPOTENCY_HEADER))
        if key is None:
            return self.read(method, tenant_id, **arguments)
        context = auth.context_of(request, tenant_id)
        with self._in_use.hold((context.tenant, key)):
            keyed = {**arguments, "idempotency_key": key}
            return self.caller.call(context, method, keyed, timeout=self.timeout)

    def read(self, method: str, tenant_id: str | None = None, /, **arguments: Any) -> Any:
        """Call ``method`` without an idempotency key, whatever the request's verb is.

        Raises: as ``call``, but for RequestInProgress
        """
        context = auth.context_of(request, tenant_id)
        return self.caller.call(context, method, arguments, timeout=self.timeout)

    def cast(self, method: str, tenant_id: str | None = None, /, **arguments: Any) -> None:
        """Cast ``method``: accepted, and done later.

        Raises: Unavailable when it cannot be accepted.
        """
        self.caller.cast(auth.context_of(request, tenant_id), method, arguments)


class KeysInUse:
    """The idempotency keys that requests of this process use at the moment.

    A copy of a request that is still being worked on is told so at once.  One that comes
    to another process waits there, and gets the first one's answer.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._keys: set[tuple[str, str]] = set()

    @contextmanager
    def hold(self, key: tuple[str, str]) -> Iterator[None]:
        """Use a key, a tenant's, until the block ends.

        Raises: RequestInProgress
        """
        with self._lock:
            if key in self._keys:
                raise errors.RequestInProgress()
            self._keys.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(key)


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
