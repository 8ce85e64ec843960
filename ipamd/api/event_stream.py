"""Events as they happen, over HTTP: server-sent events (WHATWG HTML, "Server-sent events").

Each event has its place in the feed as ``id``, so a browser or program that reconnects
says in ``Last-Event-ID`` where to go on, and misses nothing.  A stream holds one thread
of the server; therefore a process has a limited number of them, and each ends after a
while, which clients take as a reason to reconnect.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Any, Final

from flask import Response, current_app, request, stream_with_context

from ipamd import errors

MEDIA_TYPE: Final = "text/event-stream"
EXTENSION: Final = "ipamd.event_streams"
LAST_HEADER: Final = "Last-Event-ID"
# Seconds between two looks, between two signs of life, and of a stream.
_PAUSE: Final = 0.5
_SIGN_OF_LIFE: Final = 15.0
_LIFE: Final = 300.0
# Milliseconds after which a client reconnects.
_RETRY: Final = 1000

# ``marker`` → the feed from there on, as the RPC method ``list_events`` answers.
Read = Callable[[str], dict[str, Any]]
# An event → its ``data``, without line breaks.
Write = Callable[[dict[str, Any]], str]


@dataclass
class Streams:
    """The streams that one process serves at a time, and the wish that they end."""

    most: int
    is_stopping: Callable[[], bool] = lambda: False
    _free: BoundedSemaphore = field(init=False)

    def __post_init__(self) -> None:
        self._free = BoundedSemaphore(self.most)

    def take(self) -> None:
        """Begin a stream.

        Raises: Unavailable when there are as many as may be
        """
        if not self._free.acquire(blocking=False):
            raise errors.Unavailable(f"This server already serves {self.most} streams of events")

    def give_back(self) -> None:
        """End a stream."""
        self._free.release()


def is_wanted() -> bool:
    """Tell whether the client asks for a stream rather than for a document."""
    return request.accept_mimetypes.best_match(["application/json", MEDIA_TYPE]) == MEDIA_TYPE


def stream(read: Read, marker: str, write: Write | None = None) -> Response:
    """Answer with the events from ``marker`` on, or from where the client says it is.

    ``read`` is called while the answer is being sent, in the request's context.  With
    ``write`` an event is what that makes of it, and all of them are of one type, which
    browsers call ``message``.

    Raises: Unavailable; and what ``read`` raises the first time
    """
    streams: Streams = current_app.extensions[EXTENSION]
    streams.take()
    try:
        first = read(request.headers.get(LAST_HEADER) or marker)
    except BaseException:
        streams.give_back()
        raise
    response = Response(
        stream_with_context(_text(streams, read, first, write)),
        content_type=f"{MEDIA_TYPE}; charset=utf-8",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
    # Also where the client is gone before the first byte: then the generator never starts.
    response.call_on_close(streams.give_back)
    return response


def _text(
    streams: Streams, read: Read, found: dict[str, Any], write: Write | None
) -> Iterator[str]:
    end = time.monotonic() + _LIFE
    yield f"retry: {_RETRY}\n"
    marker, silent_until = "", 0.0
    while True:
        for event in found["events"]:
            yield _event(event) if write is None else _message(event, write(event))
        if found["next_marker"] != marker or time.monotonic() > silent_until:
            # Without data it is no event, but the place is remembered.
            marker = found["next_marker"]
            silent_until = time.monotonic() + _SIGN_OF_LIFE
            yield f"id: {marker}\n\n"
        if streams.is_stopping() or time.monotonic() > end:
            return
        if found["is_last"]:
            time.sleep(_PAUSE)
        try:
            found = read(marker)
        except errors.IpamError as error:
            # The client reconnects, and is told by a status if it is still so.
            yield f": {error.code}\n\n"
            return


def _event(event: dict[str, Any]) -> str:
    # JSON without line breaks: one line of data.
    body = json.dumps({"event_type": event["event_type"], **event["payload"]})
    return f"id: {event['marker']}\nevent: {event['event_type']}\ndata: {body}\n\n"


def _message(event: dict[str, Any], data: str) -> str:
    return f"id: {event['marker']}\ndata: {data}\n\n"
