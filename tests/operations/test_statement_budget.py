"""How many SQL statements a request costs, on each database; BEGIN and COMMIT apart.

What works on many addresses costs the same number of statements for 1,000 as for 20,000.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db import check
from ipamd.db.database import Transaction
from ipamd.db.models import IpAddress, IpBlock, table_of
from ipamd.ipam.addresses import format_address
from ipamd.operations import ip_blocks, quarantine
from tests.db.statements import counted
from tests.db.store import TENANT, Store

ADDRESSES, BLOCKS = table_of(IpAddress), table_of(IpBlock)
# Statements that 19,000 more rows may cost: MariaDB takes ids in lists of at most 10,000, and
# PyMySQL sends a megabyte of rows at once.
LISTS = 20


def statements_of(store: Store, work: Callable[[], object]) -> int:
    with counted(store.db) as statements:
        work()
    return len(statements)


def numbered(store: Store) -> dict[str, int]:
    """Say what the store holds."""
    tables = ("ip_addresses", "interfaces", "free_ranges", "outbox", "idempotency_keys")
    return {table: store.rows(f"SELECT count(*) AS n FROM {table}")[0].n for table in tables}


@pytest.mark.parametrize("cidr", ["10.0.0.0/24", "10.0.0.0/8"])
def test_an_address_for_a_known_interface_costs_six(store: Store, cidr: str) -> None:
    block = store.block(cidr)["id"]
    store.allocate(block)
    assert statements_of(store, lambda: store.allocate(block)) <= 6


def test_an_idempotency_key_costs_nothing_more(store: Store) -> None:
    block = store.block()["id"]
    store.allocate(block)
    assert statements_of(store, lambda: store.allocate(block, key="boot-1")) <= 6


def test_a_chosen_address_costs_no_more_than_eight(store: Store) -> None:
    block = store.block()["id"]
    store.allocate(block)
    assert statements_of(store, lambda: store.allocate(block, "10.0.0.77")) <= 8


def test_an_address_for_a_new_interface_costs_eight(store: Store) -> None:
    block = store.block()["id"]
    work = lambda: store.allocate(block, interface_id="new", used_by_device="vm")  # noqa: E731
    assert statements_of(store, work) <= 8


def test_a_release_costs_six(store: Store) -> None:
    block = store.block()["id"]
    address = store.allocate(block)
    assert statements_of(store, lambda: store.deallocate(block, address)) <= 6


@pytest.mark.parametrize("interface", ["vif", "new"])
def test_a_thousand_addresses_cost_twelve(store: Store, interface: str) -> None:
    block = store.block("10.0.0.0/8")["id"]
    store.allocate(block)
    work = lambda: store.call(  # noqa: E731
        "allocate_ip_addresses",
        tenant_id=TENANT,
        ip_block_id=block,
        count=1000,
        ip_address={"interface_id": interface},
    )
    assert statements_of(store, work) <= 12
    assert store.rows("SELECT allocated FROM ip_blocks")[0].allocated == 1001


def test_a_page_and_a_utilization_cost_two(store: Store) -> None:
    block = store.block("10.0.0.0/16")["id"]
    store.bulk(block, 2000)
    named = {"tenant_id": TENANT, "ip_block_id": block}
    assert statements_of(store, lambda: store.call("get_ip_block_utilization", **named)) == 1
    assert statements_of(store, lambda: store.call("list_ip_addresses", **named)) == 2


def filled(store: Store, network: str, count: int) -> Any:
    """Make a block of a network and give ``count`` of its addresses to one interface."""
    block = store.block("10.0.0.0/15", network_id=network)
    store.call(
        "allocate_ip_addresses",
        tenant_id=TENANT,
        ip_block_id=block["id"],
        count=count,
        ip_address={"interface_id": network},
    )
    return block["id"]


def small_and_large(store: Store, work: Callable[[str, str], object]) -> tuple[int, int]:
    """Count statements of the same work on 1,000 and on 20,000 addresses."""
    found = []
    for network, count in (("small", 1000), ("large", 20_000)):
        block = filled(store, network, count)
        found.append(statements_of(store, lambda at=(block, network): work(*at)))  # type: ignore[misc]
    return found[0], found[1]


def test_deleting_an_interface_with_20000_addresses_is_a_handful(store: Store) -> None:
    delete = lambda _, interface: store.call("delete_interface", interface_id=interface)  # noqa: E731
    small, large = small_and_large(store, delete)
    assert small <= 16
    assert large - small <= 2 * LISTS
    assert numbered(store)["interfaces"] == 0
    held = store.rows("SELECT sum(allocated) AS n, sum(quarantined) AS q FROM ip_blocks")[0]
    assert (held.n, held.q) == (0, 21_000)
    # Each address has an event of its own; a message with all of them no broker would take.
    assert told_of_interfaces(store) == [(1000, None), (1000, 19_000)]


def told_of_interfaces(store: Store) -> list[tuple[int, int | None]]:
    """Return how many addresses each interface.delete lists, and how many it leaves out."""
    query = "SELECT payload FROM outbox WHERE event_type = 'interface.delete' ORDER BY id"
    payloads = [json.loads(row.payload) for row in store.rows(query)]
    return [(len(each["ip_addresses"]), each.get("ip_addresses_left_out")) for each in payloads]


def test_releasing_20000_addresses_of_a_network_is_a_handful(store: Store) -> None:
    def release(_: str, network: str) -> None:
        names = {"tenant_id": TENANT, "network_id": network, "interface_id": network}
        store.call("deallocate_network_ips", **names)

    small, large = small_and_large(store, release)
    assert small <= 10
    assert large - small <= 2 * LISTS


def test_deleting_a_block_with_20000_addresses_is_a_handful(store: Store) -> None:
    delete = lambda block, _: store.call("delete_ip_block", tenant_id=TENANT, ip_block_id=block)  # noqa: E731
    small, large = small_and_large(store, delete)
    assert small <= 10
    assert large == small
    assert numbered(store)["ip_addresses"] == numbered(store)["free_ranges"] == 0


@pytest.mark.bench
def test_100_000_addresses_are_given_and_taken_back_in_a_handful(store: Store) -> None:
    """The most that one call gives; release of the interface, purge and delete of the block."""
    block = store.block("10.0.0.0/8")["id"]
    assert statements_of(store, lambda: store.bulk(block, 1)) <= 12
    most = statements_of(store, lambda: store.bulk(block, 65_536))
    assert most <= 12 + 4 * LISTS
    last = store.bulk(block, 34_463)[-1]
    # Contiguous from 10.0.0.2 on.
    assert last == format_address(0xFFFF_0A00_0001 + 100_000)
    delete = lambda: store.call("delete_interface", interface_id="vif")  # noqa: E731
    assert statements_of(store, delete) <= 16 + 8 * LISTS
    (held,) = store.rows("SELECT allocated, quarantined FROM ip_blocks")
    assert tuple(held) == (0, 100_000)
    assert [left for _, left in told_of_interfaces(store)] == [99_000]
    delete = lambda: store.call("delete_ip_block", tenant_id=TENANT, ip_block_id=block)  # noqa: E731
    assert statements_of(store, delete) <= 10
    assert numbered(store)["ip_addresses"] == numbered(store)["free_ranges"] == 0


def expire_everything(store: Store) -> None:
    """Let the quarantine of all addresses be over since long."""
    long_ago = datetime(2012, 5, 21, tzinfo=UTC)
    store.write(sa.update(ADDRESSES).values(deallocated_at=long_ago, interface_id=None))
    # One after the other: MariaDB sees within a statement what it has set already.
    store.write(sa.update(BLOCKS).values(quarantined=BLOCKS.c.allocated))
    store.write(sa.update(BLOCKS).values(allocated=0))


def purged(store: Store) -> tuple[int, int]:
    """Purge addresses; return how many, and in how many statements."""
    expire_everything(store)
    with counted(store.db) as statements:
        count = store.db.run(
            RequestContext(), lambda tx: quarantine.free_expired(tx, tx.now, 5000)
        )
    return count, len(statements)


def test_a_batch_of_the_purge_is_a_handful(store: Store) -> None:
    block = store.block("10.0.0.0/16")["id"]
    store.bulk(block, 100)
    few, statements = purged(store)
    assert few == 100
    assert statements <= 10
    store.bulk(block, 4000)
    # Every second address is in quarantine, so that each lies between two others.
    odd = [row.id for row in store.rows("SELECT id FROM ip_addresses ORDER BY address")][::2]
    freed = store.db.run(RequestContext(), lambda tx: _free(tx, odd))
    assert freed == 2000
    many, statements = purged(store)
    assert many == 2000
    assert statements <= 10 + LISTS
    free = store.rows("SELECT first, last FROM free_ranges")
    assert len(free) == 1
    assert check.check(store.db) == []


def _free(tx: Transaction, ids: list[str]) -> int:
    rows = tx.execute(sa.select(ADDRESSES).where(ADDRESSES.c.id.in_(ids))).all()
    quarantine.free_many(tx, ip_blocks.lock_many(tx, {row.ip_block_id for row in rows}), rows)
    return len(rows)


def test_a_purge_of_many_blocks_is_a_handful(store: Store) -> None:
    for number in range(40):
        store.allocate(store.block(f"10.0.{number}.0/24")["id"], interface_id=f"vif{number}")
    many, statements = purged(store)
    assert many == 40
    # MariaDB deletes free ranges block by block.
    assert statements <= 10 + 40
    assert check.check(store.db) == []


@pytest.mark.parametrize("count", [0, -1, 65_537, 10**30, 1_000_000, True, "many", 1.5, None])
def test_a_nonsensical_count_is_one_clear_error(store: Store, count: Any) -> None:
    block = store.block()["id"]
    before = numbered(store)
    with pytest.raises(errors.ValidationError, match="count") as caught:
        store.call(
            "allocate_ip_addresses", tenant_id=TENANT, ip_block_id=block, count=count
        )  # fmt: skip
    assert caught.value.http_status == 400
    assert numbered(store) == before


def test_more_than_there_is_takes_nothing(store: Store) -> None:
    block = store.block()["id"]
    before = numbered(store)
    for count in (254, 65_536):
        with pytest.raises(errors.NoMoreAddressesError):
            store.bulk(block, count)
    assert numbered(store) == before
    assert store.bulk(block, 253)[-1] == "10.0.0.254"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"count": 5, "ip_address": {"address": "10.0.0.7"}}, "address"),
        ({"count": 5, "ip_address": {"mac_address": "no"}}, "mac_address"),
        ({"count": 5, "ip_address": {"interface_id": ["a", "b"]}}, "interface_id"),
        ({"count": 5, "ip_address": "10.0.0.7"}, "ip_address"),
    ],
)
def test_contradictory_arguments_are_one_clear_error(
    store: Store, arguments: dict[str, Any], named: str
) -> None:
    block = store.block()["id"]
    before = numbered(store)
    with pytest.raises(errors.IpamError, match=named) as caught:
        store.call("allocate_ip_addresses", tenant_id=TENANT, ip_block_id=block, **arguments)
    assert caught.value.http_status == 400
    assert numbered(store) == before
