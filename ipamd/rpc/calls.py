"""How a client's methods become requests: what ``IpamClient``'s nouns are built on."""

from __future__ import annotations

import uuid
from typing import Any

from ipamd.context import RequestContext
from ipamd.rpc.caller import Caller

Resource = dict[str, Any]
# {"<plural>": [...], "next_marker": str | None}
Page = dict[str, Any]

_KEY = "idempotency_key"
_READS = ("list_", "get_")


class Calls:
    """Sends requests of one asker; everything that changes something carries a key.

    A noun's method that changes something names ``idempotency_key`` among its arguments.
    """

    def __init__(self, caller: Caller, context: RequestContext) -> None:
        self._caller = caller
        self._context = context

    def _call(self, method: str, *, timeout: float | None = None, **args: Any) -> Resource:
        result: Resource = self._caller.call(
            self._context, method, _complete(args), timeout=timeout
        )
        return result

    def _run(self, method: str, *, timeout: float | None = None, **args: Any) -> None:
        self._caller.call(self._context, method, _complete(args), timeout=timeout)

    def cast(self, method: str, **args: Any) -> None:
        """Hand a request over without waiting for its result; an event tells how it ended.

        Raises: Unavailable or RequestTimeout when the broker did not take it.
        """
        if not method.startswith(_READS):
            args.setdefault(_KEY, None)
        self._caller.cast(self._context, method, _complete(args))


def _complete(args: dict[str, Any]) -> dict[str, Any]:
    """Leave out what was not given, and make the key where one belongs."""
    given = {name: value for name, value in args.items() if value is not None}
    if _KEY in args:
        given.setdefault(_KEY, uuid.uuid4().hex)
    return given
