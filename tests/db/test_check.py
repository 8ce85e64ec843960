"""``db check`` finds each kind of disagreement, and repairs what rows can tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ipamd.db import check
from ipamd.db.check import journal, snapshots
from ipamd.db.database import Database
from ipamd.db.models import (
    FreeMacRange,
    FreeRange,
    Interface,
    IpAddress,
    IpBlock,
    IpNat,
    Outbox,
    table_of,
)
from ipamd.ipam.addresses import parse_address
from tests.db.store import TENANT, Store

BLOCKS, FREE, ROWS = table_of(IpBlock), table_of(FreeRange), table_of(IpAddress)
OUTBOX, FREE_MACS = table_of(Outbox), table_of(FreeMacRange)


def ip(text: str) -> int:
    return parse_address(text)


def problems(db: Database) -> list[str]:
    return [finding.problem for finding in check.check(db)]


@pytest.fixture
def used(store: Store) -> Any:
    """A /28 with addresses held (.2, .3, .5), in quarantine (.4) and free (.6 to .14)."""
    block = store.block("10.0.0.0/28")
    for _ in range(4):
        store.allocate(block["id"])
    store.deallocate(block["id"], "10.0.0.4")
    return block["id"]


@pytest.fixture
def with_macs(store: Store) -> Any:
    """A range of 256 MAC addresses of which two are in use."""
    made = store.call(
        "create_mac_address_range", mac_address_range={"cidr": "02-00-00-00-00-00/40"}
    )
    for name in ("one", "two"):
        store.call("create_interface", interface={"id": name, "tenant_id": TENANT})
    return made["id"]


def test_a_store_in_order_has_no_findings(store: Store, used: str, with_macs: str) -> None:
    assert with_macs
    ipv6 = store.block("2001:db8::/64")["id"]
    store.allocate(ipv6, mac_address="02-11-22-33-44-55", interface_id="six")
    parent = store.block("10.9.0.0/16")["id"]
    for number in (0, 1, 5):
        child = store.subnet(parent, f"10.9.{number}.0/24")["id"]
        store.bulk(child, 5)
    for cidr in ("10.1.0.0/30", "10.2.0.0/31", "10.3.0.1/32", "2001:db8:1::/127"):
        store.block(cidr, network_id="small")
    store.restore(used, "10.0.0.4")
    gone = store.block("10.7.0.0/24")["id"]
    store.bulk(gone, 3)
    store.call("delete_ip_block", tenant_id=TENANT, ip_block_id=gone)
    store.call("delete_interface", interface_id="vif")
    assert problems(store.db) == []


def test_an_address_that_leaked_is_found_and_repaired(store: Store, used: str) -> None:
    store.write(sa.update(FREE).values(first=ip("10.0.0.8")))
    assert problems(store.db) == ["10.0.0.6 to 10.0.0.7: neither free nor in use"]
    (done,) = check.repair(store.db, check.check(store.db))
    assert done == (
        f"ip_block {used} (10.0.0.0/28): free ranges rebuilt from the rows (were 1, are 1)"
    )
    assert problems(store.db) == []
    assert store.allocate(used) == "10.0.0.6"


def test_an_address_that_is_held_and_free_is_found_and_repaired(store: Store, used: str) -> None:
    row = {"ip_block_id": used, "first": ip("10.0.0.3"), "last": ip("10.0.0.4")}
    store.write(sa.insert(FREE), row)
    assert problems(store.db) == ["10.0.0.3: both held and free",
                                  "10.0.0.4: both free and in quarantine"]  # fmt: skip
    check.repair(store.db, check.check(store.db))
    assert problems(store.db) == []
    assert store.allocate(used) == "10.0.0.6"


def test_a_reserved_address_that_is_free_is_found_and_repaired(store: Store, used: str) -> None:
    store.write(sa.update(FREE).values(last=ip("10.0.0.15")))
    assert problems(store.db) == ["10.0.0.15: both free and reserved"]
    check.repair(store.db, check.check(store.db))
    assert problems(store.db) == []
    assert store.bulk(used, 9)[-1] == "10.0.0.14"


def test_free_ranges_that_overlap_or_lie_outside_are_found_and_repaired(
    store: Store, used: str
) -> None:
    for first, last in (("10.0.0.9", "10.0.0.10"), ("10.0.0.16", "10.0.0.20")):
        store.write(sa.insert(FREE), {"ip_block_id": used, "first": ip(first), "last": ip(last)})
    found = problems(store.db)
    assert any(text.endswith("both free and free") for text in found)
    assert "10.0.0.16 to 10.0.0.20: free, but not of it" in found
    check.repair(store.db, check.check(store.db))
    assert problems(store.db) == []


@pytest.mark.parametrize(
    ("column", "count"), [("allocated", 3), ("quarantined", 1), ("subnets", 0)]
)
def test_a_wrong_counter_is_found_and_repaired(
    store: Store, used: str, column: str, count: int
) -> None:
    store.write(sa.update(BLOCKS).values({column: 7}))
    assert problems(store.db) == [f"counts 7 {column}, there are {count}"]
    (done,) = check.repair(store.db, check.check(store.db))
    assert done.endswith(f"(were 1, are 1), {column} 7 → {count}")
    assert problems(store.db) == []
    assert store.allocate(used) == "10.0.0.6"


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("10.0.1.7", "10.0.1.7: held, but not of it"),
        ("10.0.0.1", "10.0.0.1: both held and reserved"),
    ],
)
def test_a_row_where_none_may_be_is_found_and_left_alone(
    store: Store, used: str, address: str, problem: str
) -> None:
    assert used
    store.write(
        sa.update(ROWS).where(ROWS.c.address == ip("10.0.0.2")).values(address=ip(address))
    )
    store.write(sa.delete(OUTBOX))
    found = problems(store.db)
    assert sorted(found) == sorted([problem, "10.0.0.2: neither free nor in use"])
    check.repair(store.db, check.check(store.db))
    assert problems(store.db) == [problem]


def test_a_block_with_subnets_and_addresses_is_found(store: Store, used: str) -> None:
    child = store.block("10.0.0.8/29")["id"]
    store.write(sa.update(BLOCKS).where(BLOCKS.c.id == child).values(parent_id=used))
    store.write(sa.update(BLOCKS).where(BLOCKS.c.id == used).values(subnets=1))
    assert problems(store.db) == ["has subnets and addresses, it may have one or the other"]


def test_subnets_that_overlap_or_lie_outside_are_found(store: Store) -> None:
    parent = store.block("10.0.0.0/16")["id"]
    children = [store.block(f"10.{n}.0/24")["id"] for n in ("0.3", "0.2", "1.0")]
    store.block("10.5.0.0/16")
    inner = store.block("10.0.2.128/25")["id"]
    store.write(
        sa.update(BLOCKS).where(BLOCKS.c.id.in_([*children, inner])).values(parent_id=parent)
    )
    store.write(sa.update(BLOCKS).where(BLOCKS.c.id == parent).values(subnets=4))
    assert problems(store.db) == [
        "its subnets 10.0.2.0/24 and 10.0.2.128/25 overlap",
        "its subnet 10.1.0.0/24 lies outside it",
    ]


def test_root_blocks_that_overlap_are_found(store: Store) -> None:
    first = store.block("10.0.0.0/16", network_id="n")["id"]
    second = store.block("10.0.4.0/24", network_id="other")["id"]
    public = store.block("11.0.0.0/16", type="public")["id"]
    hidden = store.block("11.0.0.0/24")["id"]
    assert problems(store.db) == []
    store.write(sa.update(BLOCKS).where(BLOCKS.c.id == second).values(network_id="n"))
    store.write(sa.update(BLOCKS).where(BLOCKS.c.id == hidden).values(type="public"))
    found = problems(store.db)
    assert len(found) == 2
    assert {text.rpartition(" (")[0].split()[-1] for text in found} <= {first, public, hidden}
    assert sorted(text.rpartition(") ")[2] for text in found) == [
        "among public blocks",
        "in network n",
    ]


def test_free_macs_that_are_wrong_are_found_and_repaired(store: Store, with_macs: str) -> None:
    assert with_macs
    store.write(sa.update(FREE_MACS).values(first=FREE_MACS.c.first - 1))
    assert problems(store.db) == ["02:00:00:00:00:01: both in use and free"]
    check.repair(store.db, check.check(store.db))
    store.write(sa.update(FREE_MACS).values(first=FREE_MACS.c.first + 3))
    assert problems(store.db) == [
        "02:00:00:00:00:02 to 02:00:00:00:00:04: neither free nor in use"
    ]
    check.repair(store.db, check.check(store.db))
    assert problems(store.db) == []
    made = store.call("create_interface", interface={"id": "next", "tenant_id": TENANT})
    assert made["mac_address"] == "02:00:00:00:00:02"


def _last_event(db: Database, kind: str) -> int:
    query = sa.select(sa.func.max(OUTBOX.c.id)).where(OUTBOX.c.event_type == kind)
    with db.engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (
            lambda ids: sa.delete(OUTBOX).where(OUTBOX.c.id == ids["ip_address.create"]),
            "held, but the journal does not tell of it",
        ),
        (
            lambda ids: sa.delete(OUTBOX).where(OUTBOX.c.id == ids["ip_address.deallocate"]),
            "in quarantine, but the journal's last word is ip_address.create (4)",
        ),
        (
            lambda ids: (
                sa.update(OUTBOX)
                .where(OUTBOX.c.id == ids["ip_address.create"])
                .values(event_type="ip_address.delete")
            ),
            "held, but the journal's last word is ip_address.delete (6)",
        ),
        (
            lambda ids: (
                sa.update(OUTBOX)
                .where(OUTBOX.c.id == ids["ip_address.create"])
                .values(event_type="ip_address.deallocate")
            ),
            "held, but the journal's last word is ip_address.deallocate (6)",
        ),
    ],
    ids=["lost", "release lost", "freed", "released"],
)
def test_a_journal_that_tells_another_story_is_found(
    store: Store, spoil: Callable[[dict[str, int]], sa.Executable], problem: str
) -> None:
    block = store.block("10.0.0.0/28")["id"]
    for _ in range(3):
        store.allocate(block)
    store.deallocate(block, "10.0.0.3")
    store.restore(block, "10.0.0.3")
    store.deallocate(block, "10.0.0.3")
    store.write(sa.delete(OUTBOX).where(OUTBOX.c.event_type == "ip_address.restore"))
    first = sa.select(sa.func.min(OUTBOX.c.id)).where(
        OUTBOX.c.event_type == "ip_address.deallocate"
    )
    with store.db.engine.connect() as connection:
        unwanted = connection.scalar(first)
    store.write(sa.delete(OUTBOX).where(OUTBOX.c.id == unwanted))
    kinds = ("ip_address.create", "ip_address.deallocate")
    assert problems(store.db) == []
    store.write(spoil({kind: _last_event(store.db, kind) for kind in kinds}))
    (found,) = problems(store.db)
    assert found.partition(" (")[0] == problem.partition(" (")[0]


def test_an_event_of_an_address_that_was_never_stored_is_found(store: Store, used: str) -> None:
    assert used
    store.write(sa.delete(ROWS).where(ROWS.c.address == ip("10.0.0.2")))
    found = check.check(store.db)
    assert [finding.kind for finding in found] == ["free_space", "counters", "journal"]
    assert found[-1].problem.endswith("but there is no row")
    check.repair(store.db, found)
    (left,) = check.check(store.db)
    assert left.kind == "journal"


def test_a_row_that_took_the_place_of_another_is_found(store: Store, used: str) -> None:
    assert used
    other = "00000000-0000-7000-8000-000000000000"
    store.write(sa.update(ROWS).where(ROWS.c.address == ip("10.0.0.2")).values(id=other))
    (found,) = problems(store.db)
    assert found.startswith(f"held with id {other}, but the journal's last word is")


def test_a_purged_journal_is_no_finding(store: Store, used: str) -> None:
    """Rows older than the journal's first event need not be told of; younger ones must."""
    long_ago = datetime.now(UTC) - timedelta(days=200)
    store.write(
        sa.update(ROWS)
        .where(ROWS.c.address <= ip("10.0.0.3"))
        .values(created_at=long_ago, updated_at=long_ago)
    )
    with store.db.engine.connect() as connection:
        kept = connection.execute(
            sa.select(OUTBOX.c.id).where(OUTBOX.c.address == ip("10.0.0.4")).limit(1)
        ).scalar_one()
    store.write(sa.delete(OUTBOX).where(OUTBOX.c.id < kept))
    assert problems(store.db) == []
    store.write(sa.delete(OUTBOX).where(OUTBOX.c.address == ip("10.0.0.5")))
    store.write(sa.update(OUTBOX).values(occurred_at=datetime.now(UTC) - timedelta(days=1)))
    assert problems(store.db) == ["held, but the journal does not tell of it"]
    store.write(sa.delete(OUTBOX))
    assert problems(store.db) == []
    assert store.allocate(used) == "10.0.0.6"


def test_rows_that_refer_to_nothing_are_found(store: Store, used: str) -> None:
    """Foreign keys forbid them, unless somebody loads a dump with the keys switched off."""
    off = {
        "sqlite": "PRAGMA foreign_keys=OFF",
        "postgresql": "SET session_replication_role = replica",
        "mysql": "SET foreign_key_checks = 0",
    }
    with store.db.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        raw.cursor().execute(off[store.db.dialect])
        raw.commit()
        with connection.begin():
            row = connection.execute(sa.select(ROWS).limit(1)).one()
            values = {
                "id": "nat",
                "inside_local_address_id": row.id,
                "inside_global_address_id": "nowhere",
                "created_at": row.created_at,
            }
            connection.execute(sa.insert(table_of(IpNat)), values)
            connection.execute(sa.delete(table_of(Interface)))
        connection.invalidate()
    found = check.check(store.db)
    assert {finding.kind for finding in found} == {"references"}
    assert "refers to ip_addresses.id nowhere, which is gone" in [f.problem for f in found]
    held = [f for f in found if f.problem == "refers to interfaces.id vif, which is gone"]
    assert len(held) == 4
    assert used


def test_many_findings_of_a_block_are_told_short(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    store.bulk(block, 100)
    store.write(sa.delete(ROWS))
    store.write(sa.delete(OUTBOX))
    rows = [
        {"ip_block_id": block, "first": ip(f"10.0.0.{n}"), "last": ip(f"10.0.0.{n}")}
        for n in range(2, 80, 2)
    ]
    store.write(sa.insert(FREE), rows)
    found = check.check(store.db)
    assert [finding.kind for finding in found].count("free_space") == 21
    assert "… and 19 more like these" in problems(store.db)


def test_pages_and_chunks_do_not_change_what_is_found(
    store: Store, used: str, with_macs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert with_macs
    for number in range(3):
        block = store.block(f"10.{number}.0.0/24")["id"]
        store.bulk(block, 20)
        for last in range(2, 22, 3):
            store.deallocate(block, f"10.{number}.0.{last}")
            store.restore(block, f"10.{number}.0.{last}")
    monkeypatch.setattr(snapshots, "PAGE", 3)
    monkeypatch.setattr(journal, "CHUNK", 5)
    assert problems(store.db) == []
    gone = ip("10.0.0.5")
    store.write(sa.delete(ROWS).where(ROWS.c.address == gone, ROWS.c.ip_block_id == used))
    small = sorted(problems(store.db))
    monkeypatch.undo()
    assert small == sorted(problems(store.db))
    assert len(small) == 3


def test_progress_ends_with_everything_done(store: Store, used: str) -> None:
    assert used
    told: dict[str, tuple[int, int]] = {}
    check.check(store.db, lambda part, done, total: told.update({part: (done, total)}))
    assert set(told) == {"references", "blocks", "MAC ranges", "journal"}
    assert all(done == total for done, total in told.values())


def test_what_happens_during_a_check_is_no_finding(store: Store, used: str) -> None:
    """Changes come between any two reads: the check sees blocks and chunks at one moment."""
    addresses = iter(range(6, 12))

    def change(part: str, done: int, total: int) -> None:
        del part, done, total
        number = next(addresses, None)
        if number is not None:
            store.deallocate(used, "10.0.0.5") if number % 2 else store.restore(used, "10.0.0.5")
            store.allocate(used)
            other = store.block(f"10.{number}.0.0/24")["id"]
            store.allocate(other)
            store.call("delete_ip_block", tenant_id=TENANT, ip_block_id=other)

    store.restore(used, "10.0.0.4")
    assert check.check(store.db, change) == []
    assert next(addresses, None) is None
