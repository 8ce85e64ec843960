"""What a request costs does not depend on how many addresses a block holds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from ipamd.context import RequestContext
from ipamd.db import bulk
from ipamd.db.check.blocks import reserved
from ipamd.db.check.spaces import gaps
from ipamd.db.database import Transaction
from ipamd.db.models import FreeRange, IpAddress, IpBlock, table_of
from ipamd.ids import new_id
from ipamd.ipam.addresses import format_address, parse_address
from ipamd.ipam.intervals import Interval
from tests.db.reads import counted_reads
from tests.db.statements import counted
from tests.db.store import TENANT, Store

HELD = 100_000
SLACK = 10
"""Rows or steps by which taking the last address of a free range differs from another."""
MAC = "02-00-00-00-00-01"
BLOCKS, FREE, ROWS = table_of(IpBlock), table_of(FreeRange), table_of(IpAddress)

Step = Callable[[Store, str, int], Any]


def fill(tx: Transaction, block_id: str, held: int = HELD) -> None:
    """Hold so many addresses: half of them side by side, then every second one."""
    block = tx.execute(sa.select(BLOCKS).where(BLOCKS.c.id == block_id)).one()
    start, half = block.first + 2, held // 2
    addresses = [*range(start, start + half), *range(start + half + 1, start + half * 3 + 1, 2)]
    values = {"ip_block_id": block_id, "interface_id": "vif", "used_by_tenant_id": TENANT,
              "created_at": tx.now, "updated_at": tx.now}  # fmt: skip
    bulk.insert(
        tx, ROWS, [{**values, "id": new_id(), "address": address} for address in addresses]
    )
    tx.execute(sa.delete(FREE).where(FREE.c.ip_block_id == block_id))
    taken = sorted([*addresses, *reserved(block)])
    free = [
        {"ip_block_id": block_id, "first": run.first, "last": run.last}
        for run in gaps(Interval(block.first, block.last), taken)
    ]
    bulk.insert(tx, FREE, free)
    tx.execute(sa.update(BLOCKS).where(BLOCKS.c.id == block_id).values(allocated=held))


def steps(first: int) -> dict[str, Step]:
    """Requests on a block, to be made in this order."""

    def at(offset: int) -> str:
        return format_address(first + offset)

    def arguments(block: str, offset: int) -> dict[str, str]:
        return {"tenant_id": TENANT, "ip_block_id": block, "address": at(offset)}

    far = 1_000_000
    return {
        "allocate next": lambda s, b, _: s.allocate(b, mac_address=MAC),
        "allocate next again": lambda s, b, _: s.allocate(b, mac_address=MAC),
        "allocate chosen": lambda s, b, _: s.allocate(b, at(far), mac_address=MAC),
        "allocate taken": lambda s, b, _: _refused(s, b, at(far)),
        "get": lambda s, b, _: s.call("get_ip_address", **arguments(b, far)),
        "list": lambda s, b, _: s.call(
            "list_ip_addresses", tenant_id=TENANT, ip_block_id=b, limit=1
        ),
        "deallocate": lambda s, b, _: s.deallocate(b, at(far)),
        "restore": lambda s, b, _: s.restore(b, at(far)),
    }


def _refused(store: Store, block: str, address: str) -> None:
    with pytest.raises(Exception, match="already allocated"):
        store.allocate(block, address, mac_address=MAC)


def cost(store: Store, block: str, first: int) -> dict[str, tuple[int, int]]:
    """Return the statements and the rows read by each step."""
    found = {}
    for name, step in steps(first).items():
        with counted(store.db) as statements, counted_reads(store.db) as reads:
            step(store, block, first)
        found[name] = (len(statements), reads.rows)
    return found


def analyze(store: Store) -> None:
    """Tell the planner what the tables hold, as the server does by itself after a while."""
    for name in ("ip_addresses", "free_ranges", "ip_blocks"):
        table = f"TABLE {name}" if store.db.dialect in ("mysql", "mariadb") else name
        with store.db.engine.begin() as connection:
            connection.exec_driver_sql(f"ANALYZE {table}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cidr", "empty_cidr"),
    [("10.0.0.0/8", "11.0.0.0/8"), ("2001:db8::/64", "2001:db8:0:1::/64")],
    ids=["IPv4", "IPv6"],
)
def test_a_block_of_100_000_addresses_costs_what_an_empty_one_does(
    store: Store, cidr: str, empty_cidr: str
) -> None:
    blocks = {name: store.block(text) for name, text in
              (("other", "192.168.0.0/16"), ("empty", empty_cidr), ("used", cidr))}  # fmt: skip
    # Interface and MAC address are there already, in a block that is not measured.
    store.allocate(blocks["other"]["id"], mac_address=MAC)
    store.db.run(RequestContext(), partial(fill, block_id=blocks["used"]["id"]))
    analyze(store)
    found = {
        name: cost(store, blocks[name]["id"], parse_address(blocks[name]["cidr"].split("/")[0]))
        for name in ("empty", "used")
    }
    for step, (statements, rows) in found["used"].items():
        expected_statements, expected_rows = found["empty"][step]
        assert statements == expected_statements, step
        assert abs(rows - expected_rows) <= SLACK, (step, rows, expected_rows)


def test_a_page_reads_no_rows_but_its_own(store: Store) -> None:
    """Also of the block that was filled last, which has most rows of the table before it."""
    blocks = [store.block(f"{n}.0.0.0/8")["id"] for n in (10, 11)]
    store.allocate(blocks[0])
    store.write(sa.delete(ROWS))
    for block in blocks:
        store.db.run(RequestContext(), partial(fill, block_id=block, held=5000))
    analyze(store)
    arguments = {"tenant_id": TENANT, "ip_block_id": blocks[1]}
    seen: list[str] = []
    marker = None
    for _ in range(3):
        with counted_reads(store.db) as reads:
            found = store.call("list_ip_addresses", limit=10, marker=marker, **arguments)
        assert reads.rows < (1000 if store.db.dialect == "sqlite" else 40)
        seen += [address["id"] for address in found["ip_addresses"]]
        marker = found["next_marker"]
    marker = store.rows(
        "SELECT id FROM ip_addresses WHERE ip_block_id = :block ORDER BY id LIMIT 1 OFFSET 4000",
        block=blocks[1],
    )[0].id
    with counted_reads(store.db) as reads:
        store.call("list_ip_addresses", limit=10, marker=marker, **arguments)
    assert reads.rows < (1000 if store.db.dialect == "sqlite" else 40)
    ids = "SELECT id FROM ip_addresses WHERE ip_block_id = :block ORDER BY id LIMIT 30"
    assert seen == [row.id for row in store.rows(ids, block=blocks[1])]
