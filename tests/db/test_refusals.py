"""A refusal is the answer under its key: a late copy of the request gets it, and does nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.ids import new_id
from tests.db.store import TENANT, Store, together

BULK = "allocate_ip_addresses"


@pytest.mark.parametrize("method", ["allocate_ip_address", BULK])
def test_a_refused_request_stays_refused_under_its_key(store: Store, method: str) -> None:
    block = store.block("10.0.0.0/30")
    store.allocate(block["id"])
    args = {"tenant_id": TENANT, "ip_block_id": block["id"], "idempotency_key": "late"}
    if method == BULK:
        args["count"] = 1
    with pytest.raises(errors.NoMoreAddressesError):
        store.call(method, **args)
    store.deallocate(block["id"], "10.0.0.2")
    with pytest.raises(errors.NoMoreAddressesError):
        store.call(method, **args)
    store.call(method, **{**args, "idempotency_key": "new"})


def test_a_refused_message_stays_refused_when_it_is_delivered_again(store: Store) -> None:
    block = store.block("10.0.0.0/30")
    store.allocate(block["id"])

    def deliver() -> Any:
        args = {"tenant_id": TENANT, "ip_block_id": block["id"]}
        context = RequestContext(project_id=TENANT)
        return store.manager.call(context, "allocate_ip_address", args, request_key="message-1")

    with pytest.raises(errors.NoMoreAddressesError):
        deliver()
    store.deallocate(block["id"], "10.0.0.2")
    with pytest.raises(errors.NoMoreAddressesError):
        deliver()


def test_refusals_in_a_batch_are_kept_and_the_others_are_done(store: Store) -> None:
    block = store.block("10.0.0.0/29")

    def ask(number: int) -> str:
        try:
            return store.allocate(block["id"], key=f"key-{number}")
        except errors.NoMoreAddressesError as error:
            return error.code

    first = together(*[lambda number=number: ask(number) for number in range(16)])
    assert first.count("no_more_addresses") == 11
    for address in first:
        if address != "no_more_addresses":
            store.deallocate(block["id"], address)
    assert [ask(number) for number in range(16)] == first


def test_a_refusal_comes_back_as_it_was(store: Store) -> None:
    for _ in range(2):
        with pytest.raises(errors.ValidationError) as caught:
            store.call(
                "create_ip_block",
                tenant_id=TENANT,
                ip_block={"cidr": "nonsense", "type": "private"},
                idempotency_key="wrong",
            )
        assert caught.value.fields == {"cidr": ["cidr is invalid"]}


def test_a_refused_key_is_still_the_key_of_its_request(store: Store) -> None:
    block = store.block("10.0.0.0/30")
    with pytest.raises(errors.IpAddressNotFound):
        store.call(
            "deallocate_ip_address",
            tenant_id=TENANT,
            ip_block_id=block["id"],
            address="10.0.0.2",
            idempotency_key="mine",
        )
    with pytest.raises(errors.IdempotencyKeyReused):
        store.allocate(block["id"], key="mine")


@pytest.mark.parametrize("attempt", range(5))
def test_twins_get_one_answer_although_one_is_in_the_others_way(
    store: Store, attempt: int
) -> None:
    store.block("10.0.0.0/24", network_id="net")
    interface = {
        "id": f"vif-{attempt}",
        "tenant_id": TENANT,
        "mac_address": "02-00-00-00-00-01",
        "network": {"id": "net", "tenant_id": TENANT},
    }

    def create() -> Any:
        return store.call("create_interface", interface=interface, idempotency_key="twin")

    answers = together(*[create] * 4)
    assert answers.count(answers[0]) == 4
    assert len(store.rows("SELECT id FROM ip_addresses")) == 1


def test_a_refused_request_is_known_as_failed(store: Store) -> None:
    key = new_id()
    with pytest.raises(errors.IpBlockNotFound):
        store.call("deallocate_ip_address", tenant_id=TENANT, ip_block_id="none",
                   address="10.0.0.2", idempotency_key=key)  # fmt: skip
    told = store.call("get_request", request_id=key)
    assert (told["status"], told["result"]) == ("failed", None)
    assert told["error"]["code"] == "ip_block_not_found"
