"""Writes docs/reference/ from the tables in the code; ``--check`` only compares.

Exit status of ``--check``: 1 when a page is not what the code says now.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from oslo_config import cfg

from ipamd import config, errors, events
from ipamd.api.melange import routes
from ipamd.api.v2 import openapi
from ipamd.api.v2 import routes as v2_routes
from ipamd.api.v2.history import HISTORY
from ipamd.rpc.methods import ALL, METHODS, VERSION, Method
from ipamd.rpc.transport import EXCHANGE, TOPIC

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate.py from the code; run make docs-tables after a change. -->"
ERRORS = {cls.__name__: cls for cls in errors.all_errors()}

_RAISES = re.compile(r"Raises:(.*?)(?:\n\s*\n|\Z)", re.DOTALL)
_WORD = re.compile(r"``([\w.]+)``|\b([A-Z]\w+)\b")


def pages() -> dict[str, str]:
    """Return the text of each generated page by its file's name."""
    return {
        "rest-routes.md": rest_routes(),
        "openapi.json": openapi_document(),
        "rpc-methods.md": rpc_methods(),
        "errors.md": error_codes(),
        "events.md": event_types(),
        "options.md": options(),
    }


# --- REST -------------------------------------------------------------------------------


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


# --- RPC --------------------------------------------------------------------------------


def rpc_methods() -> str:
    """List the methods with their arguments and errors."""
    parts = [
        "# RPC methods",
        NOTE,
        (
            f"Exchange `{EXCHANGE}`, topic `{TOPIC}`, version `{VERSION}`, no namespace.  "
            "Arguments in brackets may be left out.  A method that changes something also takes "
            "`idempotency_key`."
        ),
        (
            "Every method may also raise `bad_request`, `missing_parameters` and `invalid_values` "
            "(arguments of another name or type), `unavailable`, `busy` and `internal_error`; one "
            "that changes something `request_in_progress` and `idempotency_key_reused`.  What "
            "they mean: [errors](errors.md)."
        ),
        table(
            ("method", "changes something"),
            [(f"[{m.name}](#{m.name})", "yes" if m.mutating else "no") for m in ALL],
        ),
    ]
    for method in ALL:
        parts += [f"## {method.name}", *_method(method)]
    return page(parts)


def _method(method: Method) -> Iterator[str]:
    yield "`" + method.name + "(" + ", ".join(_arguments(method)) + ")`"
    yield re.sub(r"\s*\n\s*", " ", summary(method.operation)).replace("``", "`")
    codes = [cls.code for cls in raised_by(method.operation)]
    if codes:
        yield "Errors: " + ", ".join(f"`{code}`" for code in codes) + "."


def _arguments(method: Method) -> Iterator[str]:
    for parameter in method.parameters.values():
        name = f"{parameter.name}: {parameter.kind.__name__}"
        yield name if parameter.required else f"[{name}]"


def summary(operation: Callable[..., Any]) -> str:
    """Return a docstring without its ``Raises:``."""
    return _RAISES.sub("", inspect.getdoc(operation) or "").strip()


def raised_by(operation: Callable[..., Any]) -> list[type[errors.IpamError]]:
    """Return the errors that an operation's docstring names under ``Raises:``.

    A name in double backquotes is another function, of the same module or an RPC method,
    whose errors count as well.

    Raises: LookupError for a name that is neither an error nor a function.
    """
    found: dict[type[errors.IpamError], None] = {}
    seen: set[str] = set()

    def collect(function: Callable[..., Any]) -> None:
        if function.__qualname__ in seen:
            return
        seen.add(function.__qualname__)
        raises = _RAISES.search(inspect.getdoc(function) or "")
        # What stands in parentheses says when.
        text = re.sub(r"\([^)]*\)", "", raises[1]) if raises else ""
        for reference, word in _WORD.findall(text):
            if reference:
                collect(_resolve(function, reference))
            elif word in ERRORS:
                found[ERRORS[word]] = None
            elif word.endswith(("Error", "NotFound")):
                raise LookupError(f"{function.__qualname__}: {word} is no error of ipamd")

    collect(operation)
    return list(found)


def _resolve(function: Callable[..., Any], reference: str) -> Callable[..., Any]:
    if reference in METHODS:
        return METHODS[reference].operation
    module = sys.modules[function.__module__]
    owner = getattr(module, function.__qualname__.partition(".")[0])
    first, *rest = reference.split(".")
    found: object = getattr(module, first, None) or getattr(owner, first, None)
    for name in rest:
        found = getattr(found, name, None)
    if not inspect.isfunction(found):
        raise LookupError(f"{function.__qualname__}: there is no {reference}")
    return found


# --- errors, events, options ------------------------------------------------------------


def error_codes() -> str:
    """List the errors with code, status and meaning."""
    rows = [
        (
            f"`{cls.code}`",
            str(cls.http_status),
            "yes" if cls.retryable else "no",
            f"`{cls.__name__}`",
            _one_line(_own_doc(cls) or cls.default_message),
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


def event_types() -> str:
    """List the types of events."""
    added = ", ".join(f"`{name}`" for name in events.ADDED)
    parts = [
        "# Events",
        NOTE,
        (
            "Published as oslo.messaging notifications: topic `notifications`, publisher "
            "`ipamd.<host>`, priority INFO.  The payload is the resource as RPC results show it, "
            f"plus {added}."
        ),
        table(("type", "meaning"), [(f"`{name}`", text) for name, text in events.EVENTS.items()]),
        (
            f"A cast that failed is told of as `<noun>.<verb>{events.ERROR_SUFFIX}`, priority "
            "ERROR; its payload has `method`, `arguments`, `code` and `message`.  The event of a "
            "failed cast of `allocate_ip_address` is `ip_address.allocate.error`, that of a cast "
            "of a method that does not exist `request.cast.error`.  Arguments that are nested too "
            "deeply are left out: null."
        ),
    ]
    return page(parts)


def options() -> str:
    """List ipamd's own options by group."""
    parts = [
        "# Options",
        NOTE,
        (
            "ipamd's own options.  Those of oslo.log and oslo.messaging stand, with all of these, "
            "in `etc/ipamd/ipamd.conf.sample`."
        ),
    ]
    for group, opts in config.GROUPS.items():
        rows = [
            (f"`{opt.name}`", _kind(opt), _default(opt), _one_line(opt.help or "")) for opt in opts
        ]
        parts += [f"## [{group}]", table(("option", "type", "default", "meaning"), rows)]
    return page(parts)


def _kind(opt: cfg.Opt) -> str:
    choices = getattr(opt.type, "choices", None)
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    names = {
        cfg.BoolOpt: "boolean",
        cfg.FloatOpt: "number",
        cfg.IntOpt: "integer",
        cfg.PortOpt: "port",
        cfg.StrOpt: "text",
        cfg.ListOpt: "list",
    }
    return names[type(opt)]


def _default(opt: cfg.Opt) -> str:
    if opt.default is None:
        return "unset"
    return f"`{str(opt.default).lower() if isinstance(opt.default, bool) else opt.default}`"


# --- Markdown ---------------------------------------------------------------------------


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
                     for row in lines)  # fmt: skip


def page(parts: Iterable[str]) -> str:
    """Write a page of paragraphs."""
    return "\n\n".join(parts) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or name those that are stale."""
    stale = []
    for name, text in pages().items():
        path = FOLDER / name
        if not path.exists() or path.read_text() != text:
            stale.append(path.name)
            if "--check" not in arguments:
                FOLDER.mkdir(exist_ok=True)
                path.write_text(text)
    if stale:
        done = "stale, run 'make docs-tables'" if "--check" in arguments else "written"
        print(f"docs/reference: {', '.join(stale)} {done}")  # noqa: T201
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
