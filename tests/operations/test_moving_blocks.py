"""A block that moves to another network keeps the rules of both."""

from __future__ import annotations

from threading import Event, Timer

import pytest

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db.database import Transaction
from ipamd.operations import ip_blocks
from tests.db.store import TENANT, Store, together


def test_a_block_that_was_moved_away_meanwhile_does_not_come_back_unchecked(store: Store) -> None:
    block = store.block("10.0.0.0/24", network_id="one")["id"]
    begun, go_on = Event(), Event()

    def move(tx: Transaction) -> None:
        ip_blocks.update_ip_block(tx, TENANT, block, {"network_id": "two"})
        body = {"cidr": "10.0.0.0/25", "type": "private", "network_id": "one"}
        ip_blocks.create_ip_block(tx, TENANT, body)
        begun.set()
        assert go_on.wait(10)

    def leave() -> None:
        assert begun.wait(10)
        Timer(0.5, go_on.set).start()
        where = {"tenant_id": TENANT, "ip_block_id": block}
        with pytest.raises(errors.ValidationError, match="overlaps"):
            store.call("update_ip_block", ip_block={"network_id": "one"}, **where)

    together(lambda: store.db.run(RequestContext(), move), leave)
