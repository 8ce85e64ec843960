"""Requests that share a transaction: what is told of each is its own."""

from __future__ import annotations

import json

from ipamd.context import RequestContext
from ipamd.db import idempotency
from ipamd.operations import batch
from tests.db.store import TENANT, Store


def test_a_block_is_full_by_the_request_that_filled_it(store: Store) -> None:
    small, large = store.block("10.0.0.0/30")["id"], store.block("10.0.1.0/24")["id"]

    def request(number: int, block: str) -> batch.Request:
        args = {"tenant_id": TENANT, "ip_block_id": block, "ip_address": {}}
        key = f"key {number}"
        return batch.read_allocation(
            args,
            context=RequestContext(project_id=TENANT, request_id=f"req-{number}"),
            keyed=idempotency.keyed(TENANT, key, "allocate_ip_address", args),
            given_key=key,
            may_be_known=True,
        )

    requests = [request(1, small), request(2, large)]
    store.db.run(RequestContext(), lambda tx: batch.run(tx, requests))
    (row,) = store.rows("SELECT payload FROM outbox WHERE event_type = 'ip_block.full'")
    event = json.loads(row.payload)
    assert (event["request_id"], event["idempotency_key"]) == ("req-1", "key 1")
