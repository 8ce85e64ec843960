"""What happens to every request around Flask: its id, a tidy path, one log line, figures."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from gunicorn.http.errors import ParseException
from werkzeug.wsgi import ClosingIterator

from ipamd.api.account import ACCOUNT, Account
from ipamd.context import RequestContext
from ipamd.request_log import RequestLog

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from ipamd.metrics.instruments import FacadeMetrics

LOG = logging.getLogger(__name__)

# Key of the WSGI environment: who asks, as the line shows it.
WHO: Final = "ipamd.who"
REQUEST_ID_HEADER: Final = "X-Openstack-Request-Id"
# What a client may choose as its request id: it ends up in logs, events and headers.
_REQUEST_ID: Final = re.compile("[A-Za-z0-9._-]{1,64}")
_NO_ASCII: Final = re.compile("[\x80-\xff]")
# The values of the metrics' labels: the first part of a path, and the verb.
_APIS: Final = frozenset({"v0.1", "v1.0", "v1.1", "v2", "compute", "ui", "healthcheck", "metrics"})
_VERBS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Bytes of a refused body that are read nonetheless.
_DRAINED: Final = 32 * 1024 * 1024


class RequestEnvelope:
    """Give each request an id, return it to the client, log and count the outcome.

    The line names who asked, where that is known: ``user@tenant``.

    Keys set in the WSGI environment: ``ipamd.request_id``; ``ipamd.path``, the path as the
    client wrote it but with runs of slashes made one (Melange's router did that);
    ``ipamd.account``, an ``Account`` of what was done for the request.
    """

    def __init__(self, app: WSGIApplication, metrics: FacadeMetrics) -> None:
        self.app = app
        self._metrics = metrics
        self._log = RequestLog(LOG)

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
        environ[ACCOUNT] = Account()
        started = time.perf_counter()

        def start_answer(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            headers.append((REQUEST_ID_HEADER, request_id))
            self._note(environ, path, status[:3], time.perf_counter() - started)
            if status >= "4":
                drain(environ)
            return start_response(status, headers, exc_info)

        self._metrics.in_flight.inc()
        try:
            answer = self.app(environ, start_answer)
        except BaseException:
            self._metrics.in_flight.dec()
            raise
        return ClosingIterator(answer, self._metrics.in_flight.dec)

    def _note(self, environ: WSGIEnvironment, path: str, status: str, seconds: float) -> None:
        first, verb = path.strip("/").partition("/")[0], environ["REQUEST_METHOD"]
        account: Account = environ[ACCOUNT]
        api = first if first in _APIS else "other"
        self._metrics.http_requests[api, verb if verb in _VERBS else "other", status].inc()
        self._metrics.http_seconds[api].observe(seconds)
        RequestContext.end_work()
        self._log.info(
            "%(request_id)s %(who)s%(verb)s %(path)s %(status)s %(method)s tenant=%(tenant)s "
            "%(outcome)s %(workers_ms).1f ms in workers, %(ms).1f ms",
            {
                "request_id": environ["ipamd.request_id"],
                "who": environ.get(WHO, ""),
                "verb": verb,
                "path": quote(path.encode("latin-1"), safe="/:@"),
                "status": status,
                "method": ",".join(account.methods) or "-",
                "tenant": account.tenant or "-",
                "outcome": account.outcome or ("ok" if status < "4" else "refused"),
                "ms": seconds * 1000,
                "workers_ms": account.seconds * 1000,
            },
        )


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
