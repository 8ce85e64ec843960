"""Fixtures and settings of all tests."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator

import pytest
from hypothesis import settings

from ipamd import fast_json, request_log
from tests.services.waiting import wait_until

pytest_plugins = ["tests.services.plugin"]

# Chatty at INFO and below; pytest shows what was logged when a test fails.
for _name in ("amqp", "kombu", "oslo", "oslo_messaging", "stevedore", "urllib3"):
    logging.getLogger(_name).setLevel(logging.WARNING)


# An example during which the process waited for a processor is no slow one: hypothesis would
# fail the test after 200 ms.
settings.register_profile("ipamd", deadline=None)
settings.load_profile("ipamd")


@pytest.fixture(scope="session", autouse=True)
def _soon() -> Iterator[None]:
    """Let lines of requests not keep the end of a test waiting; programs have their pause."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request_log, "PAUSE", 0.001)
        yield


@pytest.fixture(scope="session", autouse=True)
def _only_json_is_written() -> Iterator[None]:
    """Refuse what the standard library does not write: msgspec would do so without a word."""
    write = fast_json._write

    def look_and_write(value: object) -> bytes:
        json.dumps(value)
        return write(value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_json, "_write", look_and_write)
        yield


@pytest.fixture(autouse=True)
def _no_line_after_its_test(_soon: None) -> Iterator[None]:
    """Wait for the lines of a test's requests: where they go to is closed with the test."""
    yield
    # Not by join(): a thread that is being started is told of, and cannot be joined yet.
    wait_until(lambda: all(thread.name != request_log.THREAD for thread in threading.enumerate()))
    end_logging_of_programs()


def end_logging_of_programs() -> None:
    """Take back how a program that ran in this process has set logging up.

    Its handlers write to the streams that the test has captured, and closes.
    """
    root = logging.getLogger()
    for handler in list(root.handlers):
        if not type(handler).__module__.startswith("_pytest."):
            root.removeHandler(handler)
    root.setLevel(logging.WARNING)
