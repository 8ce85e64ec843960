"""Many threads on one store: everyone gets another address, and nothing leaks."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import ip_address
from typing import Any

import pytest

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db import check
from ipamd.db.database import Database, Transaction
from ipamd.operations import interfaces, ip_blocks, mac_address_ranges, quarantine
from tests.db.store import TENANT, Store, numbers, together

THREADS = 8
SERVERS = pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
CONTEXT = RequestContext(project_id=TENANT)


@pytest.fixture
def stores(store: Store) -> Iterator[list[Store]]:
    """The store as three worker processes see it: each with an engine of its own.

    On SQLite one process writes at a time, and others wait on the file's lock.
    """
    others = [Store(Database(store.db.conf)) for _ in range(2)]
    yield [store, *others]
    for other in others:
        other.db.close()


def test_threads_get_the_lowest_addresses_each_another(stores: list[Store]) -> None:
    block = stores[0].block("10.0.0.0/23")["id"]

    def allocate(number: int) -> list[str]:
        store = stores[number % len(stores)]
        return [store.allocate(block, interface_id=f"vif{number}") for _ in range(20)]

    got = [a for found in together(*[partial(allocate, n) for n in range(THREADS)]) for a in found]
    assert sorted(int(ip_address(a)) for a in got) == [
        int(ip_address("10.0.0.2")) + n for n in range(THREADS * 20)
    ]
    assert check.check(stores[0].db) == []


def test_a_block_is_given_out_to_the_last_address_and_no_further(stores: list[Store]) -> None:
    block = stores[0].block("10.0.0.0/25")["id"]
    full = 0

    def allocate(number: int) -> tuple[list[str], int]:
        got, refused = [], 0
        for _ in range(20):
            try:
                got.append(stores[number % len(stores)].allocate(block, interface_id=f"v{number}"))
            except errors.NoMoreAddressesError:
                refused += 1
        return got, refused

    results = together(*[partial(allocate, n) for n in range(THREADS)])
    got = [address for found, _ in results for address in found]
    full = sum(refused for _, refused in results)
    assert numbers(got) == list(range(2, 127))
    assert full == THREADS * 20 - 125
    told = stores[0].rows("SELECT id FROM outbox WHERE event_type = 'ip_block.full'")
    assert len(told) == 1
    assert check.check(stores[0].db) == []


def test_chosen_and_next_addresses_never_meet(stores: list[Store]) -> None:
    block = stores[0].block("10.0.0.0/24")["id"]

    def choose(number: int) -> list[str]:
        got = []
        for last in range(10 + number, 250, 7):
            try:
                got.append(stores[number % len(stores)].allocate(block, f"10.0.0.{last}"))
            except errors.AddressAlreadyAllocated:
                continue
        return got

    def take_next(number: int) -> list[str]:
        return [stores[number % len(stores)].allocate(block) for _ in range(20)]

    work = [partial(choose, n) for n in range(4)] + [partial(take_next, n) for n in range(4)]
    got = [address for found in together(*work) for address in found]
    assert len(got) == len(set(got))
    assert check.check(stores[0].db) == []


def test_one_wins_an_address_that_all_want(stores: list[Store]) -> None:
    block = stores[0].block("10.0.0.0/24")["id"]

    def choose(number: int) -> str:
        try:
            name = f"vif{number}"
            stores[number % 3].allocate(block, "10.0.0.77", interface_id=name)
        except errors.AddressAlreadyAllocated:
            return "refused"
        return name

    results = together(*[partial(choose, n) for n in range(THREADS)])
    (winner,) = set(results) - {"refused"}
    assert results.count("refused") == THREADS - 1
    (row,) = stores[0].rows("SELECT interface_id FROM ip_addresses")
    assert row.interface_id == winner


def test_bulk_and_single_allocations_share_a_block(stores: list[Store]) -> None:
    block = stores[0].block("10.0.0.0/22")["id"]
    work: list[Callable[[], Any]] = []
    for number in range(4):
        store = stores[number % 3]
        work.append(partial(lambda s: [s.bulk(block, 30) for _ in range(3)], store))
        work.append(partial(lambda s: [[s.allocate(block)] for _ in range(20)], store))
    got = [a for found in together(*work) for part in found for a in part]
    assert len(got) == len(set(got)) == 4 * 90 + 4 * 20
    assert check.check(stores[0].db) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_of_everything_leaves_a_store_in_order(stores: list[Store], seed: int) -> None:
    """Threads that allocate, release, restore, purge, and delete interfaces and blocks."""
    shared = [stores[0].block(f"10.0.{n}.0/26", network_id="net")["id"] for n in range(2)]
    stores[0].db.conf.set_override("keep_deallocated_ips_for_days", 0, group="ipam")
    macs = {"cidr": "02-00-00-00-00-00/36"}
    stores[0].call("create_mac_address_range", mac_address_range=macs)
    expected = (
        errors.NotFound,
        errors.NoMoreAddressesError,
        errors.AddressAlreadyAllocated,
        errors.ValidationError,
    )

    def storm(number: int) -> int:
        chance = random.Random(seed * 100 + number)
        store = stores[number % len(stores)]
        done = 0
        for _ in range(30):
            block = chance.choice(shared)
            prefix = f"10.0.{shared.index(block)}."
            address = f"{prefix}{chance.randrange(2, 63)}"
            vif = f"vif{chance.randrange(6)}"
            actions: list[Callable[[], Any]] = [
                partial(store.allocate, block, interface_id=vif),
                partial(store.allocate, block, address, interface_id=vif),
                partial(store.deallocate, block, address),
                partial(store.deallocate, block, f"{prefix}{chance.randrange(2, 12)}"),
                partial(store.restore, block, address),
                partial(store.bulk, block, chance.randrange(1, 6)),
                partial(store.call, "delete_interface", interface_id=vif),
                partial(_use_network, store, vif),
                partial(_free_expired, store),
                partial(_use_private_block, store, chance.randrange(3)),
            ]
            try:
                chance.choice(actions)()
                done += 1
            except expected:
                continue
        return done

    assert sum(together(*[partial(storm, n) for n in range(THREADS)])) > THREADS * 10
    assert check.check(stores[0].db) == []
    for row in stores[0].rows(
        "SELECT address, ip_block_id FROM ip_addresses "
        "WHERE interface_id IS NULL AND deallocated_at IS NULL"
    ):
        # Nobody's: restored after its interface had gone, the one way to get there.
        told = stores[0].rows(
            "SELECT event_type, payload FROM outbox WHERE address = :address ORDER BY id",
            address=row.address,
        )
        mine = [event.event_type for event in told if row.ip_block_id in event.payload]
        assert mine[-1] == "ip_address.restore"


def _use_network(store: Store, vif: str) -> None:
    arguments = {"tenant_id": TENANT, "network_id": "net", "interface_id": vif}
    store.call("allocate_network_ips", **arguments)
    store.call("deallocate_network_ips", **arguments)


def _free_expired(store: Store) -> None:
    store.db.run(CONTEXT, lambda tx: quarantine.free_expired(tx, tx.now, 20))


def _use_private_block(store: Store, number: int) -> None:
    block = store.block(f"10.{number}.0.0/24", network_id=f"private {number}")["id"]
    store.allocate(block, interface_id=f"private {number} {block}")
    store.call("delete_ip_block", tenant_id=TENANT, ip_block_id=block)


@SERVERS
def test_an_address_given_to_an_interface_that_goes_is_released(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The allocation commits after the deletion has looked for the interface's addresses."""
    first, second = (store.block(f"10.0.{n}.0/24")["id"] for n in range(2))
    store.allocate(first, interface_id="vif")
    looked = threading.Event()
    allocated = threading.Event()
    real = ip_blocks.lock_many

    def wait_then_lock(tx: Transaction, ids: Any) -> Any:
        wanted = list(ids)
        if not looked.is_set():
            looked.set()
            assert allocated.wait(10)
        return real(tx, wanted)

    def delete() -> None:
        store.call("delete_interface", interface_id="vif")

    def allocate() -> None:
        assert looked.wait(10)
        store.allocate(second, interface_id="vif")
        allocated.set()

    monkeypatch.setattr(ip_blocks, "lock_many", wait_then_lock)
    together(delete, allocate)
    held = store.rows("SELECT interface_id FROM ip_addresses WHERE deallocated_at IS NULL")
    assert held == []
    assert store.rows("SELECT id FROM interfaces") == []
    assert check.check(store.db) == []


def test_an_interface_is_deleted_once(stores: list[Store]) -> None:
    stores[0].call("create_interface", interface={"id": "vif", "tenant_id": TENANT})

    def delete(number: int) -> bool:
        try:
            stores[number % 3].call("delete_interface", interface_id="vif")
        except errors.InterfaceNotFound:
            return False
        return True

    results = together(*[partial(delete, n) for n in range(THREADS)])
    assert any(results)
    told = stores[0].rows("SELECT id FROM outbox WHERE event_type = 'interface.delete'")
    assert len(told) == 1


def test_an_interface_asked_for_by_many_is_made_once(stores: list[Store]) -> None:
    blocks = [stores[0].block(f"10.0.{n}.0/24")["id"] for n in range(THREADS)]
    work = [
        partial(stores[n % 3].allocate, block, interface_id="vif")
        for n, block in enumerate(blocks)
    ]
    together(*work)
    assert len(stores[0].rows("SELECT id FROM interfaces")) == 1
    told = stores[0].rows("SELECT id FROM outbox WHERE event_type = 'interface.create'")
    assert len(told) == 1
    assert check.check(stores[0].db) == []


def test_overlapping_blocks_asked_for_together_are_made_once(stores: list[Store]) -> None:
    def create(number: int) -> bool:
        try:
            stores[number % 3].block("10.0.0.0/24", network_id="n", type="public")
        except errors.ValidationError:
            return False
        return True

    assert together(*[partial(create, n) for n in range(THREADS)]).count(True) == 1
    assert check.check(stores[0].db) == []


def test_subnets_and_addresses_asked_for_together_exclude_each_other(
    stores: list[Store],
) -> None:
    for number in range(5):
        parent = stores[0].block(f"10.{number}.0.0/16")["id"]

        def subnet(parent: str = parent, number: int = number) -> bool:
            try:
                stores[1].subnet(parent, f"10.{number}.1.0/24")
            except errors.ValidationError:
                return False
            return True

        def allocate(parent: str = parent) -> bool:
            try:
                stores[2].allocate(parent)
            except errors.BlockHasSubnets:
                return False
            return True

        assert sorted(together(subnet, allocate)) == [False, True]
    assert check.check(stores[0].db) == []


def test_automatic_macs_are_all_different(stores: list[Store]) -> None:
    body = {"cidr": "02-00-00-00-00-00/40"}
    stores[0].call("create_mac_address_range", mac_address_range=body)

    def create(number: int) -> list[str]:
        store = stores[number % 3]
        made = [store.call("create_interface", interface={"tenant_id": TENANT}) for _ in range(10)]
        return [str(interface["mac_address"]) for interface in made]

    got = [
        mac for found in together(*[partial(create, n) for n in range(THREADS)]) for mac in found
    ]
    assert sorted(int(mac[-2:], 16) for mac in got) == list(range(THREADS * 10))
    assert check.check(stores[0].db) == []


@SERVERS
@pytest.mark.parametrize("first", ["MAC address", "range"])
def test_a_mac_given_while_its_range_is_made_leaves_the_range_in_order(
    store: Store, first: str
) -> None:
    """Both have done everything but commit when the other one starts."""
    started, second_done = threading.Event(), threading.Event()

    def give(tx: Transaction) -> None:
        body = {"id": "vif", "tenant_id": TENANT, "mac_address": "02-00-00-00-00-00"}
        interfaces.create_interface(tx, body)

    def make(tx: Transaction) -> None:
        mac_address_ranges.create_mac_address_range(tx, {"cidr": "02-00-00-00-00-00/40"})

    work = [give, make] if first == "MAC address" else [make, give]

    def begin(tx: Transaction) -> None:
        work[0](tx)
        started.set()
        second_done.wait(0.5)

    def follow() -> None:
        started.wait(10)
        store.db.run(CONTEXT, work[1])
        second_done.set()

    together(lambda: store.db.run(CONTEXT, begin), follow)
    assert len(store.rows("SELECT id FROM mac_address_ranges")) == 1
    assert check.check(store.db) == []
    next_one = store.call("create_interface", interface={"tenant_id": TENANT})
    assert next_one["mac_address"] == "02:00:00:00:00:01"


@SERVERS
def test_a_mac_released_while_its_range_is_made_is_free(store: Store) -> None:
    body = {"id": "vif", "tenant_id": TENANT, "mac_address": "02-00-00-00-00-00"}
    store.call("create_interface", interface=body)
    started, second_done = threading.Event(), threading.Event()

    def release(tx: Transaction) -> None:
        interfaces.delete_interface(tx, "vif")
        started.set()
        second_done.wait(0.5)

    def make() -> None:
        started.wait(10)
        body = {"cidr": "02-00-00-00-00-00/40"}
        store.call("create_mac_address_range", mac_address_range=body)
        second_done.set()

    together(lambda: store.db.run(CONTEXT, release), make)
    assert check.check(store.db) == []
    next_one = store.call("create_interface", interface={"tenant_id": TENANT})
    assert next_one["mac_address"] == "02:00:00:00:00:00"


def bound_to(store: Store, vif: str) -> set[str]:
    """Return the networks of the blocks that an interface has addresses of."""
    found = store.rows(
        "SELECT b.network_id FROM ip_addresses a JOIN ip_blocks b ON b.id = a.ip_block_id "
        "WHERE a.interface_id = :vif AND a.deallocated_at IS NULL",
        vif=vif,
    )
    return {row.network_id for row in found}


def in_network(store: Store, number: int, vif: str) -> None:
    """Ask for an address of a network for an interface, in one of all the ways there are."""
    network = f"net{number}"
    body = {"tenant_id": TENANT, "network_id": network}
    (block,) = store.call("list_network_ip_blocks", **body)["ip_blocks"]
    mac = f"02:00:00:00:00:0{vif[-1]}"
    ways: list[Callable[[], Any]] = [
        partial(store.allocate, block["id"], interface_id=vif),
        partial(store.allocate, block["id"], interface_id=vif, mac_address=mac),
        partial(store.call, "allocate_network_ips", interface_id=vif, **body),
        partial(
            store.call,
            "allocate_ip_addresses",
            tenant_id=TENANT,
            ip_block_id=block["id"],
            count=2,
            ip_address={"interface_id": vif},
        ),
        partial(
            store.call,
            "add_interface_ip_addresses",
            instance_id="vm",
            interface_id=vif,
            network={"id": network, "tenant_id": TENANT},
        ),
        # An address for each interface: the last one's may still be held.
        partial(_choose, store, block["id"], f"10.0.{number}.{100 + int(vif[3:])}", vif),
    ]
    ways[number % len(ways)]()


def _choose(store: Store, block: str, address: str, vif: str) -> None:
    entry = {"ip_block_id": block, "address": address, "interface_id": vif}
    outcome = store.call("allocate_chosen_ip_addresses", tenant_id=TENANT, ip_addresses=[entry])
    for refused in outcome["refused"]:
        assert refused["code"] == "interface_on_another_network"
        raise errors.InterfaceOnAnotherNetwork


@pytest.mark.parametrize("state", ["known", "new", "released"])
def test_an_interface_wanted_by_many_networks_gets_into_one(
    stores: list[Store], state: str
) -> None:
    for number in range(THREADS):
        stores[0].block(f"10.0.{number}.0/24", network_id=f"net{number}")
    elsewhere = stores[0].block("10.1.0.0/24", network_id="elsewhere")["id"]

    for turn in range(6):
        vif = f"vif{turn}"
        if state != "new":
            body = {"id": vif, "tenant_id": TENANT, "device_id": "vm"}
            stores[0].call("create_interface", interface=body)
        rested = stores[0].allocate(elsewhere, interface_id=vif) if state == "released" else None

        def ask(number: int, vif: str = vif, rested: str | None = rested) -> bool:
            store = stores[number % len(stores)]
            if number == 0 and rested is not None:
                store.deallocate(elsewhere, rested)
            try:
                in_network(store, number, vif)
            except errors.InterfaceOnAnotherNetwork:
                return False
            except errors.InterfaceNotFound:
                assert state == "new"
                return False
            return True

        got = together(*[partial(ask, n) for n in range(THREADS)])
        assert len(bound_to(stores[0], vif)) == 1
        assert got.count(True) == 1
    assert check.check(stores[0].db) == []
