"""What happens to every request around Flask: its id, one log line, a tidy path."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from gunicorn.http.errors import ParseException
from oslo_log import log as logging

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)

# Key of the WSGI environment: who asks, as the line shows it.
WHO: Final = "ipamd.who"
REQUEST_ID_HEADER: Final = "X-Openstack-Request-Id"
# What a client may choose as its request id: it ends up in logs, events and headers.
_REQUEST_ID: Final = re.compile("[A-Za-z0-9._-]{1,64}")
_NO_ASCII: Final = re.compile("[\x80-\xff]")
# Bytes of a refused body that are read nonetheless.
_DRAINED: Final = 32 * 1024 * 1024


class RequestEnvelope:
    """Give each request an id, return it to the client and log the outcome.

    The line names who asked, where that is known: ``user@tenant``.

    Keys set in the WSGI environment: ``ipamd.request_id``; ``ipamd.path``, the path as the
    client wrote it but with runs of slashes made one (Melange's router did that).
    """

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = environ.get("HTTP_X_OPENSTACK_REQUEST_ID", "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else f"req-{uuid.uuid4()}"
        path = re.sub("/{2,}", "/", environ.get("PATH_INFO", "")) or "/"
        # Bytes that a client should have written as %XX, which Flask expects to be ASCII.
        query = environ.get("QUERY_STRING", "")
        if not query.isascii():
            environ["QUERY_STRING"] = _NO_ASCII.sub(lambda byte: f"%{ord(byte[0]):02X}", query)
        environ["ipamd.request_id"] = request_id
        environ["ipamd.path"] = environ["PATH_INFO"] = path
        started = time.monotonic()

        def start_answer(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            headers.append((REQUEST_ID_HEADER, request_id))
            LOG.info(
                "%(id)s %(who)s%(method)s %(path)s %(status)s %(ms).1f ms",
                {
                    "id": request_id,
                    "who": environ.get(WHO, ""),
                    "method": environ["REQUEST_METHOD"],
                    "path": quote(path.encode("latin-1"), safe="/:@"),
                    "status": status.partition(" ")[0],
                    "ms": (time.monotonic() - started) * 1000,
                },
            )
            if status >= "4":
                drain(environ)
            return start_response(status, headers, exc_info)

        return self.app(environ, start_answer)


def drain(environ: WSGIEnvironment) -> None:
    """Read what a refused request still sends, within limits.

    A server that closes the connection on unread data resets it, and the client never
    sees why it was refused.
    """
    if not environ.get("wsgi.input_terminated"):
        return  # reading past the end of the body would block
    left = _DRAINED
    try:
        while left > 0 and (chunk := environ["wsgi.input"].read(min(left, 65536))):
            left -= len(chunk)
    except (OSError, ParseException) as error:
        LOG.debug("the rest of a refused body was not read: %s", error)
