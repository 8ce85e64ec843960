"""Strategies, the next free prefix, dry fit, history and the state of casts."""

from __future__ import annotations

from typing import Any

import pytest

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.ids import new_id
from tests.db.store import TENANT, Store


def addresses(store: Store, block_id: str, count: int) -> list[str]:
    return [store.allocate(block_id) for _ in range(count)]


def test_cyclic_goes_on_behind_the_last_address_given(store: Store) -> None:
    block = store.block("10.0.0.0/29", allocation_strategy="cyclic")["id"]
    assert addresses(store, block, 2) == ["10.0.0.2", "10.0.0.3"]
    release = {"tenant_id": TENANT, "ip_block_id": block}
    store.call("deallocate_ip_address", address="10.0.0.2", **release)
    assert addresses(store, block, 3) == ["10.0.0.4", "10.0.0.5", "10.0.0.6"]
    # The block is full but for the address in quarantine, which is taken back.
    assert addresses(store, block, 1) == ["10.0.0.2"]


def test_random_gives_each_address_once(store: Store) -> None:
    block = store.block("10.0.0.0/26", allocation_strategy="random")["id"]
    given = addresses(store, block, 61)
    assert sorted(given) == sorted(f"10.0.0.{n}" for n in range(2, 63))
    assert given != sorted(given, key=lambda text: int(text.rsplit(".", 1)[1]))
    with pytest.raises(errors.NoMoreAddressesError):
        store.allocate(block)


def test_random_in_ipv6_needs_no_mac_address(store: Store) -> None:
    block = store.block("fd00:1::/64", allocation_strategy="random")["id"]
    first, second = addresses(store, block, 2)
    assert first != second
    assert first.startswith("fd00:0001:0000:0000:")


def test_an_unknown_strategy_is_refused(store: Store) -> None:
    with pytest.raises(errors.ValidationError, match="allocation_strategy"):
        store.block(allocation_strategy="best")


def subnet(store: Store, parent: str, **body: Any) -> Any:
    return store.call("create_subnet", tenant_id=TENANT, ip_block_id=parent, subnet=body)


def test_the_next_free_prefix(store: Store) -> None:
    parent = store.block("10.0.0.0/24")["id"]
    assert subnet(store, parent, prefix_length=26)["cidr"] == "10.0.0.0/26"
    assert subnet(store, parent, cidr="10.0.0.128/26")["cidr"] == "10.0.0.128/26"
    assert subnet(store, parent, prefix_length=28)["cidr"] == "10.0.0.64/28"
    assert subnet(store, parent, prefix_length=27)["cidr"] == "10.0.0.96/27"
    assert subnet(store, parent, prefix_length=26)["cidr"] == "10.0.0.192/26"
    with pytest.raises(errors.NoMoreAddressesError, match="prefix of length 26"):
        subnet(store, parent, prefix_length=26)
    with pytest.raises(errors.ValidationError, match="prefix_length"):
        subnet(store, parent, prefix_length=23)


def test_fitting_takes_nothing(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    store.allocate(block, "10.0.0.100")
    where = {"tenant_id": TENANT, "ip_block_id": block}
    fit = store.call("fit_in_ip_block", count=120, **where)
    assert fit == {"fits": True, "first": "10.0.0.101", "last": "10.0.0.220"}
    assert store.call("fit_in_ip_block", count=300, **where)["fits"] is False
    assert store.call("fit_in_ip_block", prefix_length=26, **where)["fits"] is False
    available = store.call("list_available", **where)["available"]
    assert [(run["first"], run["last"], run["size"]) for run in available] == [
        ("10.0.0.2", "10.0.0.99", 98),
        ("10.0.0.101", "10.0.0.254", 154),
    ]
    page = store.call("list_available", limit=1, **where)
    rest = store.call("list_available", limit=1, marker=page["next_marker"], **where)
    assert page["available"] + rest["available"] == available
    with pytest.raises(errors.ValidationError):
        store.call("fit_in_ip_block", **where)


def test_utilization_follows_each_change(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    where = {"tenant_id": TENANT, "ip_block_id": block}
    for _ in range(5):
        store.allocate(block)
    store.call("deallocate_ip_address", address="10.0.0.3", **where)
    assert store.call("get_ip_block_utilization", **where) == {
        "size": 256,
        "reserved": 3,
        "allocated": 4,
        "quarantined": 1,
        "free": 248,
    }


def test_history_tells_who_held_an_address_when(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    where = {"tenant_id": TENANT, "ip_block_id": block}
    store.allocate(block, "10.0.0.7", interface_id="vif-1", used_by_device="vm-1")
    store.call("deallocate_ip_address", address="10.0.0.7", **where)
    store.call("restore_ip_address", address="10.0.0.7", **where)
    history = store.call("list_ip_address_history", address="10.0.0.7")["history"]
    assert [held["used_by_device"] for held in history] == ["vm-1", "vm-1"]
    first, second = history
    assert first["until"] is not None
    assert second["until"] is None
    at = store.call("list_ip_address_history", address="10.0.0.7", at=first["from"])
    assert at["history"] == [first]
    store.call("delete_ip_block", **where)
    ended = store.call("list_ip_address_history", address="10.0.0.7")["history"][-1]
    assert ended["until"] is not None
    assert ended["until"] >= ended["from"]


def test_what_became_of_a_cast(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    done, failed, queued = new_id(), new_id(), new_id()
    where = {"tenant_id": TENANT, "ip_block_id": block}
    answer = store.call("allocate_ip_address", idempotency_key=done, **where)
    context = RequestContext(project_id=TENANT)
    error = errors.IpBlockNotFound()
    args = {"idempotency_key": failed}
    store.manager.report_failure(context, "allocate_ip_address", args, error)

    assert store.call("get_request", request_id=done) == {
        "id": done,
        "status": "done",
        "result": answer,
        "error": None,
    }
    told = store.call("get_request", request_id=failed)
    assert (told["status"], told["error"]["code"]) == ("failed", "ip_block_not_found")
    assert store.call("get_request", request_id=queued)["status"] == "queued"
    for unknown in ("nonsense", "3f2504e0-4f89-41d3-9a0c-0305e82c3301"):
        with pytest.raises(errors.RequestNotFound):
            store.call("get_request", request_id=unknown)
    # Another tenant's request is on its way for all that this tenant may know.
    other = store.call("get_request", tenant="other", request_id=done)
    assert other["status"] == "queued"
