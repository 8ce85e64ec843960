"""When a caller has given up, as far as its message tells."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ipamd.rpc import jobs
from ipamd.rpc.envelope import Request
from ipamd.rpc.jobs import DEADLINE_HEADER, REDELIVERIES_HEADER, Job


def left(properties: dict[str, Any], headers: dict[str, Any] | None = None) -> float:
    over = jobs.deadline(properties, headers or {})
    assert over is not None
    return over - time.monotonic()


@pytest.mark.parametrize("properties", [{}, {"expiration": "soon"}, {"timestamp": 1}])
def test_without_expiration_nobody_gives_up(properties: dict[str, Any]) -> None:
    assert jobs.deadline(properties, {}) is None


def test_expiration_counts_from_the_receipt() -> None:
    assert left({"expiration": "20000"}) == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize(("age", "expected"), [(5, 15), (-60, 20), (60, 20), (20, 20)])
def test_broker_stamp_is_believed_while_it_is_possible(age: float, expected: float) -> None:
    headers = {"timestamp_in_ms": int((time.time() - age) * 1000)}
    assert left({"expiration": "20000"}, headers) == pytest.approx(expected, abs=0.2)


def test_publisher_stamp_has_whole_seconds() -> None:
    sent = int(time.time()) - 5
    remaining = left({"expiration": "20000", "timestamp": sent})
    assert 15 <= remaining <= 16.1


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
    job = make_job(headers=headers, deadline=time.monotonic() + 10)
    copied = job.republished_headers(**{REDELIVERIES_HEADER: 2})
    assert set(copied) == {"mine", DEADLINE_HEADER, REDELIVERIES_HEADER}
    assert left({"expiration": "60000"}, copied) == pytest.approx(10, abs=0.1)


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
