"""Lines of requests: all of them, in their order, with the time of the request."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from unittest import mock

import pytest

from ipamd.request_log import PAUSE, RequestLog
from tests.services.waiting import wait_until

LOGGER = logging.getLogger("tests.requests")


def test_every_line_is_written_once_and_in_order(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger=LOGGER.name)
    log = RequestLog(LOGGER)

    def tell(teller: int) -> None:
        for number in range(300):
            log.info("%(teller)d %(number)d", {"teller": teller, "number": number})
            if number % 50 == 0:
                time.sleep(PAUSE / 2)

    tellers = [threading.Thread(target=tell, args=(teller,)) for teller in range(4)]
    for each in tellers:
        each.start()
    for each in tellers:
        each.join()
    wait_until(lambda: len(caplog.records) >= 4 * 300)
    lines = [record.getMessage() for record in caplog.records]
    for teller in range(4):
        mine = [line for line in lines if line.startswith(f"{teller} ")]
        assert mine == [f"{teller} {number}" for number in range(300)]


def test_a_line_has_the_time_at_which_it_was_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger=LOGGER.name)
    before = time.time()
    RequestLog(LOGGER).info("%(what)s", {"what": "done"})
    after = time.time()
    wait_until(lambda: caplog.records)
    assert before <= caplog.records[0].created <= after
    assert caplog.records[0].args == {"what": "done"}


def test_what_nobody_wants_to_read_is_not_made(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger=LOGGER.name)
    # Not the number of threads: those of an earlier test may be about to end.
    with mock.patch.object(threading.Thread, "start") as start:
        RequestLog(LOGGER).info("%(what)s", {"what": "done"})
    start.assert_not_called()


def test_where_no_thread_can_be_started_lines_are_written_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger=LOGGER.name)
    log = RequestLog(LOGGER)
    with mock.patch.object(threading.Thread, "start", side_effect=RuntimeError):
        log.info("%(what)s", {"what": "first"})
        assert [record.getMessage() for record in caplog.records] == ["first"]
    log.info("%(what)s", {"what": "second"})
    wait_until(lambda: len(caplog.records) == 2)


def test_lines_that_wait_are_written_before_the_process_ends() -> None:
    program = (
        "import logging, sys; from ipamd.request_log import RequestLog;"
        "logging.basicConfig(level='INFO', stream=sys.stdout, format='%(message)s');"
        "log = RequestLog(logging.getLogger('x'));"
        "[log.info('%(n)d', {'n': n}) for n in range(3)]"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert found.stdout.split() == ["0", "1", "2"]
