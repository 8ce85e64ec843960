"""``/v2`` as the commands call it: documents in and out, pages joined, errors in words."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from keystoneauth1 import exceptions
from keystoneauth1.adapter import Adapter
from requests import Response

from ipamd.ctl.connection import sentence
from ipamd.ctl.exit_status import ExitStatus, Failure

Resource = dict[str, Any]
IDEMPOTENCY_HEADER: Final = "Idempotency-Key"
_REQUEST_ID_HEADER: Final = "X-Openstack-Request-Id"
_STATUSES: Final = {
    401: ExitStatus.NOT_ALLOWED,
    403: ExitStatus.NOT_ALLOWED,
    404: ExitStatus.NOT_FOUND,
    409: ExitStatus.CONFLICT,
    429: ExitStatus.UNAVAILABLE,
    502: ExitStatus.UNAVAILABLE,
    503: ExitStatus.UNAVAILABLE,
    504: ExitStatus.UNAVAILABLE,
}
_PAGE: Final = 1000
# What a request is worth: it is sent again when the server could not be reached or was busy.
AGAIN: Final = 3
# Seconds to wait for an answer that another copy of a request is to have.
_LONGEST_WAIT: Final = 60
_IN_PROGRESS: Final = "ipam.request_in_progress"


class Service:
    """The service at the other end of an adapter."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Resource:
        """Read a document.

        Raises: Failure
        """
        return self._document(self.send("GET", path, query=query))

    def write(
        self,
        verb: str,
        path: str,
        body: Resource | None = None,
        *,
        key: str | None = None,
        later: bool = False,
        again: int = AGAIN,
    ) -> Resource:
        """Change something, once: under a key, or to be done later, which has one of its own.

        Raises: Failure
        """
        headers = {"Prefer": "respond-async"} if later else {}
        if not later:
            headers[IDEMPOTENCY_HEADER] = f'"{key or uuid.uuid4()}"'
        # What is done later has no key that would tell a second copy from the first.
        again = 0 if later else again
        for left in range(_LONGEST_WAIT, -1, -1):
            try:
                answer = self.send(verb, path, body=body, headers=headers, again=again)
            except Failure as failure:
                # It was sent again, and its first copy is still worked on.
                if failure.code != _IN_PROGRESS or left == 0:
                    raise
                time.sleep(1)
            else:
                return self._document(answer)
        raise AssertionError("the last attempt returns or raises")

    def each(
        self, path: str, name: str, query: Mapping[str, Any], limit: int | None = None
    ) -> Iterator[Resource]:
        """Yield the items of a list, page by page, ``limit`` at most.

        Raises: Failure
        """
        left = limit
        marker: str | None = None
        while left is None or left > 0:
            size = _PAGE if left is None else min(left, _PAGE)
            paging = {"limit": size} | ({"marker": marker} if marker else {})
            found = self.get(path, {**query, **paging})
            yield from found[name]
            left = None if left is None else left - len(found[name])
            marker = _next_marker(found)
            if marker is None:
                return

    def send(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Resource | None = None,
        headers: Mapping[str, str] | None = None,
        again: int = AGAIN,
        **more: Any,
    ) -> Response:
        """Send a request and return its answer, which is none of an error.

        Raises: Failure
        """
        given: dict[str, Any] = {"json": body} if body is not None else {}
        try:
            answer: Response = self._adapter.request(
                path,
                verb,
                params=_params(query or {}),
                headers=dict(headers or {}),
                raise_exc=False,
                connect_retries=again,
                status_code_retries=again,
                retriable_status_codes=[429, 503],
                **given,
                **more,
            )
        except exceptions.ConnectionError as error:
            raise Failure(_unreachable(error), ExitStatus.UNAVAILABLE) from error
        except exceptions.ClientException as error:
            raise Failure(sentence(error), ExitStatus.NOT_ALLOWED) from error
        if answer.status_code >= 400:
            raise refusal(answer)
        return answer

    @staticmethod
    def _document(answer: Response) -> Resource:
        if answer.status_code == 204:
            return {}
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Failure(f"{answer.url} did not answer as ipamd does", ExitStatus.UNAVAILABLE)
        return found


def refusal(answer: Response) -> Failure:
    """Make one sentence of an answer with an error."""
    status = _STATUSES.get(answer.status_code, ExitStatus.REFUSED)
    request_id = answer.headers.get(_REQUEST_ID_HEADER)
    try:
        error = answer.json()["errors"][0]
        text = _with_fields(error)
        code = error.get("code")
    except (ValueError, LookupError, TypeError, AttributeError):
        text = f"{answer.url} answered {answer.status_code} {answer.reason}"
        code = None
    if code in ("ipam.no_more_addresses", "ipam.no_more_mac_addresses"):
        status = ExitStatus.CONFLICT
    where = ", ".join(part for part in (code, request_id and f"request {request_id}") if part)
    return Failure(f"{text} ({where})" if where else text, status, code=code)


def _with_fields(error: Mapping[str, Any]) -> str:
    fields = error.get("fields") or {}
    if fields:
        return "; ".join(f"{name}: {', '.join(texts)}" for name, texts in fields.items())
    detail = " ".join(str(error["detail"]).split()).rstrip(".")
    more = [f"{name} {error[name]}" for name in ("min_version", "max_version") if name in error]
    return f"{detail} [{', '.join(more)}]" if more else detail


def _unreachable(error: BaseException) -> str:
    """Say why the service cannot be reached, by what the operating system said."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return f"The service cannot be reached: {cause.strerror}"
        cause = cause.__cause__ or cause.__context__
    return f"The service cannot be reached: {sentence(error)}"


def _params(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, str(each))
        for name, value in query.items()
        for each in (value if isinstance(value, list | tuple) else [value])
        if each is not None
    ]


def _next_marker(found: Mapping[str, Any]) -> str | None:
    """Return the marker of the next page, from the link to it."""
    for link in found.get("links", []):
        if link["rel"] == "next":
            return str(parse_qs(urlsplit(link["href"]).query)["marker"][0])
    return None


def path(*parts: str) -> str:
    """Return a path of ``/v2`` with its parts quoted."""
    return "/" + "/".join(quote(part, safe="") for part in parts)
