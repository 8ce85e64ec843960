"""Allowed IPs: what an interface may use besides its own addresses."""

from __future__ import annotations

from typing import Any

import pytest

from ipamd import errors
from tests.db.store import TENANT, Store, together
from tests.operations.events import told, types


class Pair:
    """Two interfaces with an address each, 10.0.0.2 and 10.0.0.3, in one network."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.block = store.block(network_id="net")["id"]
        for interface_id in ("one", "two"):
            store.allocate(self.block, interface_id=interface_id)

    def call(self, method: str, interface_id: str = "one", **more: Any) -> Any:
        arguments = {"tenant_id": TENANT, "interface_id": interface_id, **more}
        return self.store.call(method, **arguments)

    def allow(self, address: Any, interface_id: str = "one", network_id: Any = "net") -> Any:
        body = {"network_id": network_id, "ip_address": address}
        return self.call("add_allowed_ip", interface_id, allowed_ip=body)

    def allowed(self, interface_id: str = "one") -> list[str]:
        found = self.call("list_allowed_ips", interface_id)["ip_addresses"]
        return [entry["address"] for entry in found]


@pytest.fixture
def pair(store: Store) -> Pair:
    """Two interfaces in one network."""
    return Pair(store)


def test_an_allowed_ip_lives(pair: Pair) -> None:
    assert pair.allowed() == ["10.0.0.2"]
    made = pair.allow("10.0.0.3")
    where = {"tenant_id": TENANT, "ip_block_id": pair.block, "address": "10.0.0.3"}
    assert made == pair.store.call("get_ip_address", **where)
    assert made["interface_id"] == "two"
    assert pair.allowed() == ["10.0.0.2", "10.0.0.3"]
    assert pair.allowed("two") == ["10.0.0.3"]
    assert pair.call("get_allowed_ip", address="10.0.0.3") == made
    with pytest.raises(errors.ValidationError):
        pair.allow("10.0.0.3")
    pair.call("remove_allowed_ip", address="10.0.0.3")
    expected = "^Ip Address 10.0.0.3 hasnt been allowed on interface one$"
    for method in ("get_allowed_ip", "remove_allowed_ip"):
        with pytest.raises(errors.AllowedIpNotFound, match=expected):
            pair.call(method, address="10.0.0.3")
    events = told(pair.store, "allowed_ip")
    assert [kind for kind, _ in events] == ["allowed_ip.create", "allowed_ip.delete"]
    for _, payload in events:
        assert payload["interface_id"] == "one"
        assert payload["ip_address"]["address"] == "10.0.0.3"


def test_own_addresses_need_no_permission(pair: Pair) -> None:
    assert pair.allow("10.0.0.2")["interface_id"] == "one"
    pair.call("remove_allowed_ip", address="10.0.0.2")
    assert pair.allowed() == ["10.0.0.2"]
    assert pair.call("get_allowed_ip", address="10.0.0.2")["address"] == "10.0.0.2"
    assert types(pair.store, "allowed_ip") == []


def test_ipv6_in_any_spelling(store: Store) -> None:
    block = store.block("fd00:aaaa::/64", network_id="net6")["id"]
    pair = Pair(store)
    for number, interface_id in ((8, "six"), (2, "sixth")):
        store.allocate(block, f"fd00:aaaa::{number}", interface_id=interface_id)
    full = "fd00:aaaa:0000:0000:0000:0000:0000:0002"
    assert pair.allow("FD00:AAAA::2", "six", "net6")["address"] == full
    for spelling in (full, "fd00:aaaa::2", "FD00:AAAA:0::0:2"):
        assert pair.call("get_allowed_ip", "six", address=spelling)["address"] == full
    pair.call("remove_allowed_ip", "six", address="fd00:AAAA::0002")
    assert len(pair.allowed("six")) == 1


def test_what_cannot_be_allowed(pair: Pair) -> None:
    store = pair.store
    other = store.block("10.0.1.0/24", network_id="elsewhere")["id"]
    store.allocate(other, "10.0.1.7", interface_id="far")
    store.allocate(pair.block, "10.0.0.50", interface_id="lessee", tenant_id="other")
    store.allocate(pair.block, "10.0.0.60", interface_id="two")
    store.deallocate(pair.block, "10.0.0.60")
    store.call("create_interface", interface={"id": "loose", "tenant_id": TENANT})
    for text in ("10.0.0.50", "10.0.0.60", "10.0.0.99", "10.0.1.7"):
        wanted = {"used_by_tenant_id": TENANT, "address": text}
        with pytest.raises(errors.IpAddressNotFound) as missing:
            pair.allow(text)
        assert missing.value.message == f"IpAddress with {wanted} for network net not found"
    with pytest.raises(errors.NetworkNotFound, match="^Network none not found$"):
        pair.allow("10.0.0.3", network_id="none")
    for interface_id, text, network_id in (
        ("one", "10.0.1.7", "elsewhere"),
        ("loose", "10.0.0.3", "net"),
    ):
        with pytest.raises(errors.Unprocessable) as refused:
            pair.allow(text, interface_id, network_id)
        assert refused.value.message == (
            f"Ip {text} cannot be allowed on interface {interface_id} as interface is not "
            "configured for ip's network"
        )
    for missing_body in ({}, {"network_id": "net"}, {"ip_address": "10.0.0.3"}):
        with pytest.raises(errors.MissingParameters):
            pair.call("add_allowed_ip", allowed_ip=missing_body)
    for garbage in ("garbage", "10.0.0.3/32", 167772163, ["10.0.0.3"]):
        with pytest.raises(errors.ValidationError, match="ip_address"):
            pair.allow(garbage)
    with pytest.raises(errors.ValidationError, match="network_id"):
        pair.allow("10.0.0.3", network_id=["net"])
    assert pair.allowed() == ["10.0.0.2"]
    assert types(store, "allowed_ip") == []


def test_the_interface_has_to_be_the_tenants(pair: Pair) -> None:
    body = {"network_id": "net", "ip_address": "10.0.0.3"}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("list_allowed_ips", {}),
        ("get_allowed_ip", {"address": "10.0.0.2"}),
        ("add_allowed_ip", {"allowed_ip": body}),
        ("remove_allowed_ip", {"address": "10.0.0.2"}),
    ]
    for method, more in calls:
        for arguments in ({"tenant_id": "other"}, {"interface_id": "none"}):
            with pytest.raises(errors.InterfaceNotFound, match="^Interface Not Found$"):
                pair.call(method, **arguments, **more)


def test_permission_ends_with_the_address(pair: Pair) -> None:
    pair.allow("10.0.0.3")
    pair.store.call("delete_ip_block", tenant_id=TENANT, ip_block_id=pair.block)
    assert pair.allowed() == []


def test_permission_ends_with_the_interface(pair: Pair) -> None:
    pair.allow("10.0.0.3")
    pair.store.call("delete_interface", interface_id="one")
    pair.store.allocate(pair.block, interface_id="one")
    assert len(pair.allowed()) == 1


def test_what_many_do_is_told_of_once(pair: Pair) -> None:
    def attempt(work: Any, refusal: type[errors.IpamError]) -> bool:
        try:
            work()
        except refusal:
            return False
        return True

    def add() -> bool:
        return attempt(lambda: pair.allow("10.0.0.3"), errors.ValidationError)

    def remove() -> bool:
        return attempt(
            lambda: pair.call("remove_allowed_ip", address="10.0.0.3"), errors.AllowedIpNotFound
        )

    for _ in range(3):
        assert together(*[add] * 4).count(True) == 1
        assert together(*[remove] * 4).count(True) == 1
    assert types(pair.store, "allowed_ip") == ["allowed_ip.create", "allowed_ip.delete"] * 3
