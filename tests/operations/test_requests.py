"""What became of requests that were cast, and for how long that is known."""

from __future__ import annotations

import time
import uuid

import pytest

from ipamd import errors
from ipamd.context import RequestContext
from tests.db.store import TENANT, Store

BLOCK = {"cidr": "10.0.0.0/24", "type": "private"}


def id_made(hours_ago: float) -> str:
    """Return an id as the facade makes them, made some time ago (RFC 9562, version 7)."""
    stamp = int((time.time() - hours_ago * 3600) * 1000)
    return str(uuid.UUID(int=stamp << 80 | 7 << 76 | 2 << 62 | 1))


@pytest.mark.parametrize("hours", [0.0, 23.9])
def test_what_was_done_is_known_for_a_day(store: Store, hours: float) -> None:
    key = id_made(hours)
    queued = {"id": key, "status": "queued", "result": None, "error": None}
    assert store.call("get_request", request_id=key) == queued
    made = store.call("create_ip_block", tenant_id=TENANT, ip_block=BLOCK, idempotency_key=key)
    done = {"id": key, "status": "done", "result": made, "error": None}
    assert store.call("get_request", request_id=key) == done
    # It is its tenant's alone.
    assert store.call("get_request", tenant="other", request_id=key) == queued


def test_what_failed_is_known_with_its_error(store: Store) -> None:
    key = id_made(0)
    args = {"tenant_id": TENANT, "ip_block_id": "gone", "idempotency_key": key}
    error = errors.IpBlockNotFound()
    context = RequestContext(project_id=TENANT)
    store.manager.report_failure(context, "allocate_ip_address", args, error)
    found = store.call("get_request", request_id=key)
    assert (found["status"], found["error"]["code"]) == ("failed", "ip_block_not_found")


@pytest.mark.parametrize(
    "unknown",
    [id_made(24.1), id_made(-1), str(uuid.uuid4()), "x", "", "\N{SNOWMAN}", "0" * 255],
    ids=["too old", "of the future", "another version", "x", "empty", "not ASCII", "long"],
)
def test_ids_that_cannot_be_of_a_request(store: Store, unknown: str) -> None:
    with pytest.raises(errors.RequestNotFound):
        store.call("get_request", request_id=unknown)
