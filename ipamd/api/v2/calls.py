"""The way from the views to the RPC methods: read, write, cast, look up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from ipamd import errors
from ipamd.api import pagination
from ipamd.api.backend import IDEMPOTENCY_HEADER, Backend
from ipamd.api.v2.nouns import Noun
from ipamd.ids import new_id

Resource = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a view found: the body, and where a new resource is.

    ``stream``: the answer itself, where it is no document.
    """

    body: Any = None
    location: str | None = None
    stream: Response | None = None


class AcceptedError(Exception):
    """The request was cast: the answer is 202, and the id tells what becomes of it."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        super().__init__(request_id)


@dataclass(frozen=True)
class Api:
    """The RPC methods as the views call them, in the name of whoever asks."""

    backend: Backend
    limits: pagination.Limits

    def read(self, method: str, /, **arguments: Any) -> Any:
        """Call a method that changes nothing.

        Raises: IpamError
        """
        return self.backend.read(method, None, **arguments)

    def write(self, method: str, /, **arguments: Any) -> Any:
        """Call a method that changes something, or cast it when the client prefers so.

        Raises: IpamError, AcceptedError
        """
        if not prefers_async():
            return self.backend.call(method, None, **arguments)
        if IDEMPOTENCY_HEADER in request.headers:
            raise errors.BadRequest(
                "Idempotency-Key and Prefer: respond-async cannot be combined: the id of the "
                "request is its key"
            )
        request_id = new_id()
        self.backend.cast(method, None, idempotency_key=request_id, **arguments)
        raise AcceptedError(request_id)

    def query(
        self, noun: Noun, filters: Mapping[str, Any], **arguments: Any
    ) -> tuple[list[Resource], str | None]:
        """List resources by filters: one page, and the marker of the next.

        Raises: IpamError
        """
        found = self.read("query_resources", kind=noun.plural, filters=dict(filters), **arguments)
        return found[noun.plural], found["next_marker"]

    def one(self, noun: Noun, resource_id: str) -> Resource:
        """Return the resource with an id.

        Raises: IpamError, the noun's NotFound among them
        """
        if not resource_id.isprintable():
            raise noun.missing()
        found, _ = self.query(noun, {"id": f"eq:{resource_id}"}, limit=1)
        if not found:
            raise noun.missing()
        return found[0]

    def made(self, noun: Noun, resource_id: str) -> Answer:
        """Show what was created a moment ago, or by an earlier copy of this request.

        Raises: Conflict when it is gone again
        """
        try:
            found = self.one(noun, resource_id)
        except errors.NotFound as error:
            text = f"{noun.singular} {resource_id} was created, and is deleted again"
            raise errors.Conflict(text) from error
        return Answer({noun.singular: found}, noun.location(resource_id))


def prefers_async() -> bool:
    """Tell whether the client asks to be answered before the work is done (RFC 7240)."""
    wishes = ",".join(request.headers.getlist("Prefer")).split(",")
    return any(wish.partition(";")[0].strip().lower() == "respond-async" for wish in wishes)
