"""Errors as pages: one sentence, the request's id, and a way back."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ipamd import errors
from ipamd.api.ui.site import page

_SENTENCES: Final = {
    404: "There is no such page.",
    405: "This page cannot be asked for in this way.",
    413: "The form is too large.",
}
_RETRY_AFTER_SECONDS: Final = 2


def fault(error: errors.IpamError) -> Response:
    """Show an error of the service."""
    fields = error.fields if isinstance(error, errors.ValidationError) else {}
    response = _show(error.http_status, error.message, fields, again=error.retryable)
    if error.http_status == 503:
        response.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
    return response


def page_of(error: HTTPException) -> Response:
    """Show what HTTP itself refuses: unknown paths, methods, unreadable forms."""
    status = error.code or 500
    if status < 400:  # a redirect is no fault
        return Response(status=status, headers=error.get_headers())
    response = _show(status, _SENTENCES.get(status, "The request could not be read."), {})
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _show(
    status: int, sentence: str, fields: dict[str, list[str]], *, again: bool = False
) -> Response:
    return page(
        "error.html",
        status=status,
        title=HTTPStatus(status).phrase,
        code=status,
        sentence=sentence,
        fields=fields,
        again=again,
        request_id=request.environ.get("ipamd.request_id"),
    )
