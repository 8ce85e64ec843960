"""How a client's methods become requests: what ``IpamClient``'s nouns are built on."""

from __future__ import annotations

import uuid
from typing import Any

from ipamd.context import RequestContext
from ipamd.rpc.caller import Caller

Resource = dict[str, Any]
# {"<plural>": [...], "next_marker": str | None}
Page = dict[str, Any]

_READS = ("list_", "get_")


class Calls:
    """Sends requests of one asker; everything that changes something carries a key."""

    def __init__(self, caller: Caller, context: RequestContext) -> None:
        self._caller = caller
        self._context = context

    def _call(self, method: str, *, timeout: float | None = None, **args: Any) -> Resource:
        keyed = _keyed(method, args)
        result: Resource = self._caller.call(self._context, method, keyed, timeout=timeout)
        return result

    def _run(self, method: str, *, timeout: float | None = None, **args: Any) -> None:
        self._caller.call(self._context, method, _keyed(method, args), timeout=timeout)

    def cast(self, method: str, **args: Any) -> None:
        """Hand a request over without waiting for its result; an event tells how it ended.

        Raises: Unavailable or RequestTimeout when the broker did not take it.
        """
        self._caller.cast(self._context, method, _keyed(method, args))


def _keyed(method: str, args: dict[str, Any]) -> dict[str, Any]:
    """Leave out what was not given, and make the key of a mutating method."""
    given = {name: value for name, value in args.items() if value is not None}
    if not method.startswith(_READS):
        given.setdefault("idempotency_key", uuid.uuid4().hex)
    return given
