"""A block that would be full takes back what was released longest ago."""

from __future__ import annotations

from typing import Any

import pytest

from ipamd import errors
from ipamd.db import check
from tests.db.statements import counted
from tests.db.store import TENANT, Store


def release_all(store: Store, block: str) -> None:
    """Fill a block and release everything in it."""
    free = store.call("get_ip_block_utilization", tenant_id=TENANT, ip_block_id=block)["free"]
    store.bulk(block, free)
    store.call("delete_interface", interface_id="vif")


def test_many_addresses_are_taken_back_at_once(store: Store) -> None:
    block = store.block("10.0.0.0/22")["id"]
    release_all(store, block)
    with counted(store.db) as statements:
        assert len(store.bulk(block, 1000)) == 1000
    assert len(statements) <= 16
    figures = store.call("get_ip_block_utilization", tenant_id=TENANT, ip_block_id=block)
    assert (figures["allocated"], figures["quarantined"], figures["free"]) == (1000, 21, 0)
    assert check.check(store.db) == []


def test_more_than_quarantine_holds_takes_nothing_back(store: Store) -> None:
    block = store.block("10.0.0.0/28")["id"]
    release_all(store, block)
    with pytest.raises(errors.NoMoreAddressesError):
        store.bulk(block, 14)
    figures = store.call("get_ip_block_utilization", tenant_id=TENANT, ip_block_id=block)
    assert (figures["allocated"], figures["quarantined"]) == (0, 13)


def test_what_the_policy_excludes_is_passed_over(store: Store) -> None:
    """The only address that is allowed was released last, behind many that are not."""
    policy = store.call("create_policy", tenant_id=TENANT, policy={"name": "p"})["id"]
    block = store.block("10.0.0.0/22", policy_id=policy)["id"]
    release_all(store, block)
    body: dict[str, Any] = {"unusable_ip_ranges": [{"offset": 0, "length": 1000}]}
    store.call("update_policy", tenant_id=TENANT, policy_id=policy, policy=body)
    assert store.allocate(block) == "10.0.3.232"
    assert len(store.bulk(block, 22)) == 22
    with pytest.raises(errors.NoMoreAddressesError):
        store.allocate(block)
    assert check.check(store.db) == []
