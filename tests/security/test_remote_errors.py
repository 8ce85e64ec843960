"""Errors that come over the bus: classes of ``ipamd.errors`` are made of them, nothing else."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from ipamd import errors
from ipamd.rpc import envelope, transport
from tests.rpc.support import make_conf


def failure(module: str, name: str, *args: Any, **kwargs: Any) -> str:
    return json.dumps(
        {"class": name, "module": module, "message": "m", "tb": ["secret"], "args": args,
         "kwargs": kwargs}
    )  # fmt: skip


def test_our_errors_are_rebuilt() -> None:
    sent = errors.ValidationError(fields={"cidr": ["cidr is invalid"]})
    rebuilt = envelope.rebuild(json.dumps(envelope.describe(sent)))
    assert type(rebuilt) is errors.ValidationError
    assert rebuilt.kwargs == {"fields": {"cidr": ["cidr is invalid"]}}


@pytest.mark.parametrize(
    ("module", "name", "args"),
    [
        ("os", "system", ["touch /tmp/owned"]),
        ("subprocess", "Popen", [["true"]]),
        ("builtins", "SystemExit", [0]),
        ("builtins", "KeyboardInterrupt", []),
        ("builtins", "eval", ["1"]),
        ("antigravity", "Anything", []),
        ("ipamd.rpc.client", "IpamClient", ["rabbit://x"]),
        ("ipamd.errors.", "NotFound", []),
        # Names that the module has, and that are no errors of ours.
        ("ipamd.errors", "from_dict", [{}]),
        ("ipamd.errors", "all_errors", []),
        ("ipamd.errors", "Any", []),
        ("ipamd.errors", "Iterable", []),
        ("ipamd.errors", "__builtins__", []),
        ("ipamd.errors", "__loader__", []),
        ("ipamd.errors", "NotFound.__init__", []),
    ],
)
def test_nothing_else_is_made_of_what_comes(module: str, name: str, args: list[Any]) -> None:
    before = set(sys.modules)
    rebuilt = envelope.rebuild(failure(module, name, *args))
    assert type(rebuilt) is errors.IpamError
    assert rebuilt.message == errors.IpamError.default_message
    assert set(sys.modules) == before


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "{}", "1", '"x"', "[" * 100_000,
        '{"class": 1, "module": "ipamd.errors"}',
        '{"class": "NotFound", "module": "ipamd.errors", "args": 5, "kwargs": {}}',
        '{"class": "NotFound", "module": "ipamd.errors", "args": [], "kwargs": {"message": 1}}',
        '{"class": "NotFound", "module": "ipamd.errors", "args": [1, 2, 3], "kwargs": {}}',
        failure("ipamd.errors", "ValidationError", fields=7),
    ],
)  # fmt: skip
def test_a_failure_that_makes_no_sense_is_an_error_of_the_server(text: str) -> None:
    assert isinstance(envelope.rebuild(text), errors.IpamError)


def test_no_traceback_crosses_the_wire() -> None:
    try:
        raise errors.IpBlockNotFound()
    except errors.IpBlockNotFound as error:
        described = envelope.describe(error)
    assert described["tb"] == []
    assert str(envelope.rebuild(failure("ipamd.errors", "NotFound"))) == "Not Found"


def test_clients_of_oslo_messaging_are_given_our_module_alone() -> None:
    bus = transport.rpc_transport(make_conf("rabbit://guest:guest@127.0.0.1:1/"))
    try:
        assert bus._driver._allowed_remote_exmods == ["ipamd.errors"]
    finally:
        bus.cleanup()
