"""When a caller has given up, as far as its message tells."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ipamd.rpc import jobs
from ipamd.rpc.envelope import Request
from ipamd.rpc.jobs import DEADLINE_HEADER, REDELIVERIES_HEADER, Job

NOW, RUNNING = 1_700_000_000.25, 5000.0
"""What both clocks say in these tests: since the epoch, and since the machine started."""


@pytest.fixture(autouse=True)
def _clocks_stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = SimpleNamespace(time=lambda: NOW, monotonic=lambda: RUNNING)
    monkeypatch.setattr(jobs, "time", clocks)


def left(properties: dict[str, Any], headers: dict[str, Any] | None = None) -> float:
    over = jobs.deadline(properties, headers or {})
    assert over is not None
    return over - RUNNING


@pytest.mark.parametrize("properties", [{}, {"expiration": "soon"}, {"timestamp": 1}])
def test_without_expiration_nobody_gives_up(properties: dict[str, Any]) -> None:
    assert jobs.deadline(properties, {}) is None


def test_expiration_counts_from_the_receipt() -> None:
    assert left({"expiration": "20000"}) == 20


@pytest.mark.parametrize(("age", "expected"), [(5, 15), (-60, 20), (60, 20), (20, 20)])
def test_broker_stamp_is_believed_while_it_is_possible(age: float, expected: float) -> None:
    headers = {"timestamp_in_ms": int((NOW - age) * 1000)}
    assert left({"expiration": "20000"}, headers) == pytest.approx(expected)


def test_publisher_stamp_has_whole_seconds() -> None:
    # Of a second that is not over it is not known when in it: at its end, at the latest.
    assert left({"expiration": "20000", "timestamp": int(NOW) - 5}) == pytest.approx(15.75)


def make_job(**values: Any) -> Job:
    request = Request("echo", {}, {}, "1.0", None, "u1", None, 0)
    fields: dict[str, Any] = {
        "request": request,
        "key": "u1",
        "queue": "ipam",
        "body": b"",
        "headers": {},
        "redelivered": False,
        "deadline": None,
    }
    return Job(**{**fields, **values})


def test_copy_keeps_the_deadline_and_drops_the_brokers_headers() -> None:
    headers = {"x-delivery-count": 3, "x-death": [], "mine": "kept"}
    job = make_job(headers=headers, deadline=RUNNING + 10)
    copied = job.republished_headers(**{REDELIVERIES_HEADER: 2})
    assert set(copied) == {"mine", DEADLINE_HEADER, REDELIVERIES_HEADER}
    assert left({"expiration": "60000"}, copied) == pytest.approx(10)


@pytest.mark.parametrize(
    ("headers", "redelivered", "counted", "uncounted"),
    [
        ({}, False, 0, False),
        ({}, True, 0, True),
        ({"x-delivery-count": 2}, True, 2, False),
        ({REDELIVERIES_HEADER: 2}, False, 2, False),
        ({REDELIVERIES_HEADER: 2}, True, 2, True),
        ({REDELIVERIES_HEADER: "many"}, False, 0, False),
    ],
)
def test_redeliveries_are_counted_by_the_queue_or_the_message(
    headers: dict[str, Any], redelivered: bool, counted: int, uncounted: bool
) -> None:
    job = make_job(headers=headers, redelivered=redelivered)
    assert (job.counted_redeliveries, job.is_uncounted) == (counted, uncounted)
