"""Errors: code, status, and when they are raised."""

from __future__ import annotations

import inspect

from ipamd import errors
from reference_pages.markdown import NOTE, one_line, page, table


def error_codes() -> str:
    """List the errors with code, status and meaning."""
    rows = [
        (
            f"`{cls.code}`",
            str(cls.http_status),
            "yes" if cls.retryable else "no",
            f"`{cls.__name__}`",
            one_line(_own_doc(cls) or cls.default_message),
        )
        for cls in errors.all_errors()
    ]
    parts = [
        "# Errors",
        NOTE,
        (
            "A code never changes its meaning.  Over RPC an error arrives as the class of "
            "`ipamd.errors` if the client lists that module in `allowed_remote_exmods`; without "
            "the package, as oslo.messaging's `RemoteError` with the class's name in `exc_type`.  "
            "Over REST it is the status and the message."
        ),
        "*Again*: the same request may succeed when it is sent once more.",
        table(("code", "status", "again", "class", "when"), rows),
    ]
    return page(parts)


def _own_doc(cls: type[errors.IpamError]) -> str:
    return inspect.cleandoc(cls.__doc__ or "") if "__doc__" in cls.__dict__ else ""
