"""REST routes, mount by mount, and the OpenAPI document that describes them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ipamd.api.melange import routes
from ipamd.api.v2 import openapi
from ipamd.api.v2 import routes as v2_routes
from ipamd.api.v2.history import HISTORY
from ipamd.rpc.methods import METHODS
from reference_pages.markdown import NOTE, page, table
from reference_pages.raises import raised_by


def rest_routes() -> str:
    """List the routes, mount by mount and version by version."""
    parts = [
        "# REST routes",
        NOTE,
        (
            "All of them are described, with their bodies and answers, by the OpenAPI document "
            "at `/v2/openapi.json` ([a copy](openapi.json))."
        ),
        *own_routes(),
        *melange_routes(),
        *other_routes("Quantum", "quantum", "Every path takes the suffixes `.json` and `.xml`."),
        *other_routes("Nova's virtual interfaces", "compute", "Only in v2 are there suffixes."),
        *other_routes("Without a version", "root"),
    ]
    return page(parts)


def own_routes() -> Iterator[str]:
    """List the routes of /v2, and what changed in which microversion."""
    yield "## /v2"
    yield "See [ipamd's own API](../resources/v2.md).  Its microversions:"
    yield table(("version", "what changed"), [(str(v), text) for v, text in HISTORY.items()])
    rows = [
        (
            f"{row.verb} `{row.path}`",
            str(row.status),
            ", ".join(f"`{name}`" for name in (*row.filters, *row.query)),
            ", ".join(str(each.since) for each in v2_routes.ROUTES if each.uri == row.uri),
        )
        for row in v2_routes.ROUTES
        if row.until is None
    ]
    yield table(("route", "success", "query", "new or changed in"), rows)


def melange_routes() -> Iterator[str]:
    """List the routes of Melange's two versions."""
    yield "## Melange"
    yield (
        "v0.1 and v1.0.  Each route is one [RPC method](rpc-methods.md); its "
        "errors are the statuses of that method's errors.  Every route may also answer:\n\n"
        "* 400: a body, `limit` or `Idempotency-Key` that cannot be used;\n"
        "* 409 and 422: an idempotency key that is in use or was used for something else;\n"
        "* 413 and 415: a body that is too large, or neither JSON nor XML;\n"
        "* 500, 503 with `Retry-After`, and 504: see [errors](errors.md)."
    )
    yield "Every path takes the suffixes `.json` and `.xml`."
    for version in routes.BOTH:
        rows = [
            (
                f"{row.verb} `{row.path.removeprefix(f'/{version}')}`",
                f"[{row.method}](rpc-methods.md#{row.method})",
                str(row.status),
                ", ".join(map(str, statuses_of(row.method))),
            )
            for row in routes.documented()
            if row.version == version
        ]
        yield f"### /{version}"
        yield table(("route", "RPC method", "success", "errors"), rows)


def other_routes(title: str, tag: str, *notes: str) -> Iterator[str]:
    """List the routes of a mount as the OpenAPI document has them."""
    yield f"## {title}"
    yield from notes
    rows = [
        (f"{each.verb} `{each.path}`", str(each.status), ", ".join(f"`{n}`" for n in each.query))
        for each in openapi.operations()
        if each.tag == tag
    ]
    yield table(("route", "success", "query"), rows)


def openapi_document() -> str:
    """Write the OpenAPI document, each operation and each schema on a line of its own."""
    return _broken(openapi.document(), 3) + "\n"


def _broken(value: object, levels: int) -> str:
    if not isinstance(value, dict) or not value or not levels:
        return json.dumps(value)
    inner = ",\n".join(f"{json.dumps(k)}: {_broken(v, levels - 1)}" for k, v in value.items())
    return f"{{\n{inner}\n}}"


def statuses_of(method: str) -> list[int]:
    """Return the HTTP statuses of a method's errors.

    Raises: KeyError for a method that does not exist.
    """
    return sorted({cls.http_status for cls in raised_by(METHODS[method].operation)})
