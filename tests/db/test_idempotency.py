"""Idempotency keys: the same request is done once, whenever and however often it comes."""

from __future__ import annotations

import hashlib
from functools import partial
from threading import Event, Timer
from typing import Any

import pytest

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db import check, idempotency
from ipamd.db.database import Transaction
from ipamd.operations import ip_blocks
from tests.db.store import TENANT, Store, together


def counts(store: Store) -> dict[str, int]:
    """Say how much there is of everything that a request may leave behind."""
    tables = ("ip_blocks", "ip_addresses", "interfaces", "outbox", "idempotency_keys")
    return {table: len(store.rows(f"SELECT 1 FROM {table}")) for table in tables}


def test_the_same_key_gives_the_same_answer_and_changes_nothing(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    arguments: dict[str, Any] = {"tenant_id": TENANT, "ip_block_id": block,
                                 "ip_address": {"interface_id": "vif"}}  # fmt: skip
    first = store.call("allocate_ip_address", idempotency_key="k", **arguments)
    before = counts(store)
    assert store.call("allocate_ip_address", idempotency_key="k", **arguments) == first
    assert counts(store) == before
    other = store.call("allocate_ip_address", idempotency_key="l", **arguments)
    assert other["address"] != first["address"]


@pytest.mark.parametrize("method", ["allocate_ip_address", "deallocate_ip_address"])
def test_the_same_key_with_other_arguments_is_refused(store: Store, method: str) -> None:
    block = store.block("10.0.0.0/24")["id"]
    assert store.allocate(block, key="k") == "10.0.0.2"
    before = counts(store)
    arguments: dict[str, Any] = {"tenant_id": TENANT, "ip_block_id": block}
    if method == "deallocate_ip_address":
        arguments["address"] = "10.0.0.2"
    with pytest.raises(errors.IdempotencyKeyReused):
        store.call(method, idempotency_key="k", **arguments)
    assert counts(store) == before


def test_the_answer_outlives_what_it_tells_of(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    assert store.allocate(block, key="k") == "10.0.0.2"
    store.call("delete_ip_block", tenant_id=TENANT, ip_block_id=block)
    assert store.allocate(block, key="k") == "10.0.0.2"
    assert store.rows("SELECT id FROM ip_addresses") == []


def test_the_request_that_filled_a_block_may_come_again(store: Store) -> None:
    block = store.block("10.0.0.0/30")["id"]
    assert store.allocate(block, key="k") == "10.0.0.2"
    before = counts(store)
    assert store.allocate(block, key="k") == "10.0.0.2"
    assert counts(store) == before
    assert check.check(store.db) == []


def test_answers_without_a_result_are_kept_too(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    arguments = {"tenant_id": TENANT, "ip_block_id": block, "idempotency_key": "k"}
    assert store.call("delete_ip_block", **arguments) is None
    assert store.call("delete_ip_block", **arguments) is None
    with pytest.raises(errors.IpBlockNotFound):
        store.call("delete_ip_block", tenant_id=TENANT, ip_block_id=block)


def test_keys_belong_to_the_tenant_of_the_context(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    arguments: dict[str, Any] = {"tenant_id": TENANT, "ip_block_id": block,
                                 "idempotency_key": "k"}  # fmt: skip
    first = store.call("allocate_ip_address", tenant="one", **arguments)
    second = store.call("allocate_ip_address", tenant="two", **arguments)
    assert first["address"] != second["address"]


@pytest.mark.parametrize(("one", "other"), [("k", "K"), ("k", "k "), ("é", "e"), ("ss", "ß")])
def test_keys_are_compared_byte_by_byte(store: Store, one: str, other: str) -> None:
    block = store.block("10.0.0.0/24")["id"]
    assert store.allocate(block, key=one) != store.allocate(block, key=other)


def test_a_message_delivered_again_is_not_done_again(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    arguments = {"tenant_id": TENANT, "ip_block_id": block}
    call = partial(store.manager.call, RequestContext(project_id=TENANT), "allocate_ip_address")
    first = call(arguments, request_key="message 1")
    assert call(arguments, request_key="message 1") == first
    assert call(arguments, request_key="message 2")["address"] != first["address"]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("allocate_ip_address", {"ip_address": {"interface_id": "vif"}}),
        ("allocate_ip_addresses", {"count": 3, "ip_address": {"interface_id": "vif"}}),
        (
            "create_interface",
            {"interface": {"tenant_id": TENANT, "mac_address": "02-00-00-00-00-07"}},
        ),
        ("create_ip_block", {"ip_block": {"cidr": "10.9.0.0/24", "type": "public"}}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_copies_of_a_request_at_the_same_moment_have_one_effect(
    store: Store, method: str, arguments: dict[str, Any]
) -> None:
    """One process gets copies, and so does another one: threads of two managers."""
    block = store.block("10.0.0.0/24")["id"]
    before = counts(store)
    common: dict[str, Any] = {"idempotency_key": "k", **arguments}
    if "address" in method:
        common["ip_block_id"] = block
    if method != "create_interface":
        common["tenant_id"] = TENANT
    managers = [store, Store(store.db)]
    work = [partial(managers[n % 2].call, method, **common) for n in range(8)]
    answers = together(*work)
    assert all(answer == answers[0] for answer in answers)
    once = counts(store)
    assert once["idempotency_keys"] == before["idempotency_keys"] + 1
    assert sum(once.values()) > sum(before.values())
    store.call(method, **common)
    assert counts(store) == once
    assert check.check(store.db) == []


@pytest.mark.parametrize("key", ["", "x" * 256, 7, ["k"], "nul\0", "\ud800", "a\nb"])
def test_a_key_that_is_none_is_refused(store: Store, key: Any) -> None:
    block = store.block("10.0.0.0/24")["id"]
    before = counts(store)
    with pytest.raises(errors.BadRequest, match="idempotency_key"):
        store.call("allocate_ip_address", tenant_id=TENANT, ip_block_id=block, idempotency_key=key)
    assert counts(store) == before


def test_the_longest_key_is_kept_whole(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    longest = "🙂" * 254
    first = store.allocate(block, key=longest + "a")
    assert store.allocate(block, key=longest + "a") == first
    assert store.allocate(block, key=longest + "b") != first


def test_a_request_is_known_by_the_same_fingerprint_in_later_versions() -> None:
    """What an older version has stored is compared with what a newer one makes of a copy."""
    args = {"ip_address": {"used_by_device": "Gerät-1", "address": None}, "count": 1e16}
    fingerprint = idempotency.keyed(TENANT, "k", "allocate_ip_address", args).fingerprint
    canonical = r'{"count":1e+16,"ip_address":{"address":null,"used_by_device":"Ger\u00e4t-1"}}'
    assert fingerprint == hashlib.sha256(canonical.encode()).hexdigest()
    assert fingerprint.startswith("ae1a77aa8b23dcf3")


def test_a_copy_that_waited_for_the_first_one_gets_its_answer(store: Store) -> None:
    """It has found no answer when it started, and no room for its block when it went on."""
    store.block("10.8.0.0/24", network_id="net")  # later blocks find the network's lock
    begun, go_on = Event(), Event()
    body = {"cidr": "10.0.0.0/24", "type": "private", "network_id": "net"}
    args: dict[str, Any] = {"tenant_id": TENANT, "ip_block": body}

    def hold(tx: Transaction) -> Any:
        """Do what the first copy does, slowly."""
        answer = ip_blocks.create_ip_block(tx, TENANT, body)
        idempotency.store(tx, [(idempotency.keyed(TENANT, "k", "create_ip_block", args), answer)])
        tx.flush()
        begun.set()
        assert go_on.wait(10)
        return answer

    def copy() -> Any:
        assert begun.wait(10)
        Timer(0.5, go_on.set).start()
        return store.call("create_ip_block", idempotency_key="k", **args)

    first, second = together(lambda: store.db.run(RequestContext(), hold), copy)
    assert second == first


@pytest.mark.parametrize("key", ["failed:k", "k" * 255])
def test_the_failure_of_a_cast_takes_no_callers_key(store: Store, key: str) -> None:
    context = RequestContext(project_id=TENANT)
    args = {"idempotency_key": key.removeprefix("failed:")}
    error = errors.IpBlockNotFound()
    store.manager.report_failure(context, "create_ip_block", args, error)
    store.manager.report_failure(context, "create_ip_block", args, error)
    assert len(store.rows("SELECT 1 FROM outbox")) == 1
    body = {"cidr": "10.0.0.0/24", "type": "private"}
    store.call("create_ip_block", tenant_id=TENANT, ip_block=body, idempotency_key=key)
    longer = {"idempotency_key": args["idempotency_key"][:254] + "l"}
    store.manager.report_failure(context, "create_ip_block", longer, error)
    assert len(store.rows("SELECT 1 FROM outbox WHERE event_type LIKE '%.error'")) == 2
