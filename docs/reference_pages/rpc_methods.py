"""RPC methods with their arguments and errors."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ipamd.rpc.methods import ALL, Method
from ipamd.rpc.transport import EXCHANGE, TOPIC, VERSION, version_of
from reference_pages.markdown import NOTE, page, table
from reference_pages.raises import raised_by, summary


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
    if version_of(method.name) != "1.0":
        yield f"New in version {version_of(method.name)}."
    codes = [cls.code for cls in raised_by(method.operation)]
    if codes:
        yield "Errors: " + ", ".join(f"`{code}`" for code in codes) + "."


def _arguments(method: Method) -> Iterator[str]:
    for parameter in method.parameters.values():
        name = f"{parameter.name}: {parameter.kind.__name__}"
        yield name if parameter.required else f"[{name}]"
