"""Requests to /v2 that are done later, and requests that are sent twice."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Flask

from ipamd import errors
from ipamd.api.backend import KeysInUse
from ipamd.ids import new_id
from tests.api.conftest import RecordingCaller
from tests.api.v2_client import V2

LATER = {"Prefer": "respond-async"}


def cast(v2: V2, verb: str, path: str, body: Any = None, prefer: str = "respond-async") -> Any:
    """Send a request to be done later; return what became of it."""
    answer = v2.answer(verb, path, body=body, Prefer=prefer)
    assert answer.status_code == 202, answer.get_data(as_text=True)
    assert answer.headers["Preference-Applied"] == "respond-async"
    request = answer.get_json()["request"]
    assert request == {"id": request["id"], "status": "queued", "result": None, "error": None}
    assert answer.headers["Location"] == f"/v2/requests/{request['id']}"
    found = v2.get(f"/requests/{request['id']}")["request"]
    assert found["id"] == request["id"]
    return found


def test_a_request_is_done_later(v2: V2) -> None:
    block = v2.block()
    found = cast(v2, "POST", "/ip-addresses", {"ip_address": {"ip_block_id": block["id"]}})
    assert (found["status"], found["error"]) == ("done", None)
    (address,) = v2.get(f"/ip-addresses?ip_block_id={block['id']}")["ip_addresses"]
    assert found["result"]["id"] == address["id"]
    path = f"/ip-addresses/{address['id']}"
    done = cast(v2, "DELETE", path, prefer="wait=10, Respond-Async; x=y")
    assert (done["status"], done["result"]) == ("done", None)
    assert v2.get(path)["ip_address"]["status"] == "quarantined"


def test_a_request_fails_later(v2: V2) -> None:
    block = v2.block("10.0.0.0/30")
    v2.allocate(block)
    found = cast(v2, "POST", "/ip-addresses", {"ip_address": {"ip_block_id": block["id"]}})
    assert (found["status"], found["result"]) == ("failed", None)
    assert (found["error"]["code"], found["error"]["status"]) == ("ipam.no_more_addresses", 422)


def test_what_is_malformed_is_refused_at_once(v2: V2) -> None:
    for body in ({}, {"ip_address": {"ip_block_id": "x", "colour": "red"}}):
        v2.ask("POST", "/ip-addresses", body, 400, **LATER)


def test_reading_is_not_put_off(v2: V2) -> None:
    assert v2.answer("GET", "/ip-blocks", **LATER).status_code == 200


def test_a_request_that_is_not_done_yet_and_those_that_never_were(v2: V2) -> None:
    assert v2.get(f"/requests/{new_id()}")["request"]["status"] == "queued"
    for unknown in ("x", "0188d1a0-0000-7000-8000-000000000000", "0" * 32):
        error = v2.refused("GET", f"/requests/{unknown}", None, 404)
        assert error["code"] == "ipam.request_not_found"


def test_the_same_key_gives_the_same_answer(v2: V2) -> None:
    block = v2.block()
    body = {"ip_address": {"ip_block_id": block["id"]}}
    key = {"Idempotency_Key": f'"{v2.tenant}"'}
    first = v2.answer("POST", "/ip-addresses", body=body, **key)
    second = v2.answer("POST", "/ip-addresses", body=body, **key)
    assert first.status_code == second.status_code == 201
    assert first.get_json() == second.get_json()
    assert first.headers["Location"] == second.headers["Location"]
    assert len(v2.get(f"/ip-addresses?ip_block_id={block['id']}")["ip_addresses"]) == 1
    other = {"ip_address": {"ip_block_id": block["id"], "address": "10.0.0.9"}}
    reused = v2.ask("POST", "/ip-addresses", other, 422, **key)["errors"][0]
    assert reused["code"] == "ipam.idempotency_key_reused"


@pytest.mark.parametrize(
    ("noun", "fields"),
    [
        ("ip_block", {"cidr": "10.0.0.0/24", "type": "private"}),
        ("policy", {"name": "p", "unusable_ip_octets": [1]}),
        ("network", {"name": "n"}),
        ("interface", {}),
    ],
)
def test_a_creation_can_be_repeated(v2: V2, noun: str, fields: Any) -> None:
    body = {noun: {"tenant_id": v2.tenant, **fields}}
    path = f"/{noun.replace('_', '-')}s" if noun != "policy" else "/policies"
    key = {"Idempotency_Key": v2.tenant}
    first, second = (v2.ask("POST", path, body, 201, **key) for _ in range(2))
    assert first == second
    if noun in ("ip_block", "policy"):
        v2.ask("DELETE", f"{path}/{first[noun]['id']}", status=204)
        assert v2.ask("POST", path, body, 409, **key)["errors"][0]["code"] == "ipam.conflict"


def test_a_key_cannot_be_chosen_for_what_is_done_later(v2: V2) -> None:
    body = {"ip_block": {"tenant_id": "t", "cidr": "10.0.0.0/24", "type": "private"}}
    v2.ask("POST", "/ip-blocks", body, 400, Idempotency_Key="k", **LATER)
    for key in ("", "x" * 256, "\N{SNOWMAN}".encode().decode("latin-1")):
        v2.ask("POST", "/ip-blocks", body, 400, Idempotency_Key=key)


def test_a_key_in_use(facade: tuple[Flask, RecordingCaller]) -> None:
    app, caller = facade
    caller.forget()
    entered, leave = threading.Event(), threading.Event()
    answers: list[int] = []

    caller.result = {"id": "a", "address": "10.0.0.2"}
    original = caller.call

    def slow(*args: Any, **kwargs: Any) -> Any:
        entered.set()
        assert leave.wait(20)
        return original(*args, **kwargs)

    body = {"ip_address": {"ip_block_id": "b"}}

    def post() -> int:
        headers = {"Idempotency-Key": "k"}
        return app.test_client().post("/v2/ip-addresses", json=body, headers=headers).status_code

    caller.call = slow  # type: ignore[method-assign]
    try:
        first = threading.Thread(target=lambda: answers.append(post()))
        first.start()
        assert entered.wait(20)
        assert post() == 409
        leave.set()
        first.join(20)
        assert answers == [201]
        assert post() == 201
    finally:
        leave.set()
        caller.call = original  # type: ignore[method-assign]


def test_keys_are_given_up_also_after_an_error() -> None:
    keys = KeysInUse()
    with pytest.raises(ZeroDivisionError), keys.hold(("t", "k")):
        raise ZeroDivisionError
    with (
        keys.hold(("t", "k")),
        keys.hold(("other", "k")),
        pytest.raises(errors.RequestInProgress),
        keys.hold(("t", "k")),
    ):
        raise AssertionError("held twice")


def test_an_allocation_is_one_call_of_no_tenant(
    facade: tuple[Flask, RecordingCaller],
) -> None:
    app, caller = facade
    caller.forget()
    caller.result = {"id": "a", "address": "10.0.0.2"}
    body = {"ip_address": {"ip_block_id": "b", "interface_id": "vif"}}
    headers = {"Idempotency-Key": "k"}
    assert (
        app.test_client().post("/v2/ip-addresses", json=body, headers=headers).status_code == 201
    )
    where = {"tenant_id": None, "ip_block_id": "b", "idempotency_key": "k"}
    asked = {"ip_address": {"interface_id": "vif"}, **where}
    assert caller.calls == [("allocate_ip_address", asked)]
    assert [context.tenant for context in caller.contexts] == [""]
