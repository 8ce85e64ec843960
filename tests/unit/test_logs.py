"""Lines of the log: one an entry, in the name of the request that it is about."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

import pytest
from oslo_log import formatters

from ipamd import config
from ipamd.cmd.logs import OneLine, escaped
from ipamd.context import RequestContext

FORGED = "x\n2026-01-01 00:00:00.000 1 INFO forged\x1b[31m\r\u2028\x85\ud800\u202e"


@pytest.fixture
def formatter() -> OneLine:
    """What the programs format plain lines with."""
    conf = config.load(["--config-file", os.devnull])
    inner = formatters.ContextFormatter(datefmt="%Y-%m-%d %H:%M:%S", config=conf)
    return OneLine(inner)


def record(message: str, *args: Any, error: BaseException | None = None) -> logging.LogRecord:
    """Make a record as a logger does."""
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("ipamd", logging.ERROR, __file__, 1, message, args, exc_info)


def raised(text: str) -> BaseException:
    """Return an error that was raised."""
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_a_message_stays_on_its_line(formatter: OneLine) -> None:
    text = formatter.format(record("asked for %s", FORGED))
    assert text.isprintable()
    assert r"asked for x\n2026-01-01" in text
    assert r"\x1b[31m\r\u2028\x85\ud800\u202e" in text


def test_what_can_be_printed_is_left_as_it_is(formatter: OneLine) -> None:
    text = formatter.format(record("Größe %s 东京 \\n", "a b"))
    assert text.endswith("Größe a b 东京 \\n")


def test_each_line_of_a_traceback_says_where_it_comes_from(formatter: OneLine) -> None:
    head, *trace = formatter.format(record("failed", error=raised(FORGED))).split("\n")
    assert head.isprintable()
    assert len(trace) > 2
    assert [line for line in trace if not line.isprintable() or " ERROR ipamd " not in line] == []
    assert not any(line.startswith("2026-01-01") for line in (head, *trace))


def test_escapes_are_those_of_python() -> None:
    assert escaped("a\tb\n\x00é\x7f") == r"a\tb\n\x00é\x7f"


def test_a_thread_logs_in_the_name_of_the_request_it_works_on(formatter: OneLine) -> None:
    found: list[str] = []

    def work() -> None:
        for number in range(2):
            context = RequestContext(request_id=f"req-{number}", project_id="t", overwrite=False)
            found.append(formatter.format(record("made")))
            context.begin_work()
            found.append(formatter.format(record("at work")))
            context.end_work()
            context.end_work()
        found.append(formatter.format(record("done")))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    named = [[f"req-{number}" in line for number in range(2)] for line in found]
    assert named == [
        [False, False], [True, False], [False, False], [False, True], [False, False],
    ]  # fmt: skip


def test_a_request_id_from_the_wire_is_cut_short() -> None:
    assert RequestContext.from_wire({"request_id": "x" * 10_000}).request_id == "x" * 255
    assert RequestContext.from_wire({"request_id": 7}).request_id.startswith("req-")
