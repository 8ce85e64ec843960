"""What each option of [ipam] does, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ipamd import errors
from tests.db.store import TENANT, Store

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Set = Callable[..., None]


@pytest.fixture
def option(store: Store) -> Set:
    """Set options of [ipam]."""

    def change(**values: Any) -> None:
        for name, value in values.items():
            store.db.conf.set_override(name, value, group="ipam")

    return change


def in_network(store: Store, verb: str, network: str, **more: Any) -> Any:
    where = {"tenant_id": TENANT, "network_id": network}
    return store.call(f"{verb}_network_ips", interface_id="vif", **where, **more)


def free(store: Store, block: str) -> int:
    where = {"tenant_id": TENANT, "ip_block_id": block}
    return int(store.call("get_ip_block_utilization", **where)["free"])


def test_dns1_and_dns2_are_for_blocks_that_name_none(store: Store, option: Set) -> None:
    assert store.block("10.0.0.0/24")["dns1"] is None
    option(dns1="192.0.2.1", dns2="192.0.2.2")
    block = store.block("10.1.0.0/16", dns1="192.0.2.9", dns2=None)
    assert (block["dns1"], block["dns2"]) == ("192.0.2.9", "192.0.2.2")
    subnet = store.subnet(block["id"], "10.1.1.0/24")
    assert (subnet["dns1"], subnet["dns2"]) == ("192.0.2.1", "192.0.2.2")


def test_default_cidr_makes_a_private_block_for_a_network_without_one(
    store: Store, option: Set
) -> None:
    with pytest.raises(errors.NetworkNotFound):
        in_network(store, "allocate", "new")
    option(default_cidr="10.9.0.0/24")
    where = {"tenant_id": TENANT, "network_id": "new"}
    with pytest.raises(errors.NetworkNotFound):
        store.call("list_network_ip_blocks", **where)
    (address,) = in_network(store, "allocate", "new")["ip_addresses"]
    assert address["address"] == "10.9.0.2"
    (block,) = store.call("list_network_ip_blocks", **where)["ip_blocks"]
    assert (block["cidr"], block["type"]) == ("10.9.0.0/24", "private")
    in_network(store, "allocate", "new")
    assert len(store.call("list_network_ip_blocks", **where)["ip_blocks"]) == 1


@pytest.mark.parametrize(
    ("cidr", "gateway", "given", "given_without"),
    [
        ("10.0.0.0/29", "10.0.0.1", "10.0.0.2", "10.0.0.1"),
        ("fd00::/126", "fd00::1", f"fd00{':0000' * 6}:0002", f"fd00{':0000' * 6}:0001"),
        ("10.0.0.0/31", None, "10.0.0.0", "10.0.0.0"),
        ("10.0.0.7/32", None, "10.0.0.7", "10.0.0.7"),
    ],
)
def test_default_gateway_is_the_second_address(
    store: Store, option: Set, cidr: str, gateway: str | None, given: str, given_without: str
) -> None:
    # Cyclic: IPv6 then needs no MAC address to make the first one of.
    block = store.block(cidr, allocation_strategy="cyclic")
    assert (block["gateway"], store.allocate(block["id"])) == (gateway, given)
    option(default_gateway=False)
    without = store.block(cidr, allocation_strategy="cyclic")
    assert (without["gateway"], store.allocate(without["id"])) == (None, given_without)
    assert store.block("10.1.0.0/29", gateway="10.1.0.6")["gateway"] == "10.1.0.6"


def test_reserve_network_address_holds_for_blocks_made_under_it(store: Store, option: Set) -> None:
    old = store.block("10.0.0.0/30", gateway="192.0.2.1")["id"]
    option(reserve_network_address=False)
    new = store.block("10.0.0.0/30", gateway="192.0.2.1")["id"]
    assert [store.allocate(old) for _ in range(2)] == ["10.0.0.1", "10.0.0.2"]
    assert [store.allocate(new) for _ in range(3)] == ["10.0.0.0", "10.0.0.1", "10.0.0.2"]
    for block in (old, new):
        with pytest.raises(errors.NoMoreAddressesError):
            store.allocate(block)
    two = store.block("10.0.0.0/31")["id"]
    assert store.allocate(two) == "10.0.0.0"


@pytest.mark.parametrize("keep", [True, False])
def test_keep_deallocated_ips_decides_over_what_a_network_releases(
    store: Store, option: Set, keep: bool
) -> None:
    option(keep_deallocated_ips=keep)
    block = store.block("10.0.0.0/24", network_id="net")["id"]
    before = free(store, block)
    in_network(store, "allocate", "net")
    in_network(store, "deallocate", "net")
    assert free(store, block) == before - keep
    if keep:
        store.restore(block, "10.0.0.2")
    else:
        with pytest.raises(errors.IpAddressNotFound):
            store.restore(block, "10.0.0.2")
    # One address alone is kept for a while in either case.
    address = store.allocate(block)
    store.deallocate(block, address)
    store.restore(block, address)


@pytest.mark.parametrize("reclaim", [True, False])
def test_reclaim_when_full_takes_back_what_was_released_longest_ago(
    store: Store, option: Set, reclaim: bool
) -> None:
    option(reclaim_when_full=reclaim)
    block = store.block("10.0.0.0/29")["id"]
    for _ in range(5):
        store.allocate(block)
    for address in ("10.0.0.4", "10.0.0.2"):
        store.deallocate(block, address)
    if not reclaim:
        with pytest.raises(errors.NoMoreAddressesError):
            store.allocate(block)
        return
    assert [store.allocate(block) for _ in range(2)] == ["10.0.0.4", "10.0.0.2"]
    with pytest.raises(errors.NoMoreAddressesError):
        store.allocate(block)


@pytest.mark.parametrize(
    ("generator", "address"),
    [
        ("tenant", "fd00:0000:0000:0000:011c:945f:ff1c:2118"),
        ("rfc2462", "fd00:0000:0000:0000:0216:3eff:fe1c:2118"),
    ],
)
def test_ipv6_generator_makes_the_host_part(
    store: Store, option: Set, generator: str, address: str
) -> None:
    option(ipv6_generator=generator)
    block = store.block("fd00::/64")["id"]
    interface = {"interface_id": "v6", "tenant_id": "1111", "mac_address": "00:16:3e:1c:21:18"}
    assert store.allocate(block, **interface) == address
