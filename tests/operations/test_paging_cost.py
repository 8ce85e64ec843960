"""Lists cost what their page costs, not what lies before it."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.db.reads import counted_reads
from tests.db.store import TENANT, Store

COUNT = 400_000
PAGE = 200
# What a page reads: its rows and its block; on SQLite steps of its machine, 15 for a row,
# and some more where a row is compared with the marker.
MOST = {"sqlite": 25 * PAGE, "postgresql": PAGE + 5}
FEW = {"cidr": "192.168.0.0/24", "type": "private"}
# 400,000 rows made by the server itself: numbers from 1 on.
NUMBERS = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count})",
    "postgresql": "WITH s(n) AS (SELECT generate_series(1, {count}))",
}
ADDRESS = {
    "sqlite": "unhex('00000000000000000000ffff' || printf('%08x', 167772160 + n))",
    "postgresql": "decode(lpad('ffff' || lpad(to_hex(167772160 + n), 8, '0'), 32, '0'), 'hex')",
}
ID = {
    "sqlite": "printf('%036d', n)",
    "postgresql": "lpad(n::text, 36, '0')",
}


def fill(store: Store, block_id: str) -> None:
    """Insert address rows by SQL alone; the block's free space is left as it is."""
    with store.db.engine.begin() as connection:
        kind = connection.dialect.name
        if kind == "sqlite":  # which has this function of its own from 3.41 on
            raw: Any = connection.connection.driver_connection
            raw.create_function("unhex", 1, bytes.fromhex)
        address = ADDRESS[kind]
        now = "'2026-01-01 00:00:00'"
        moment = f"timestamp {now}" if kind == "postgresql" else now
        connection.execute(
            sa.text(
                f"INSERT INTO ip_addresses (id, ip_block_id, address, created_at, updated_at) "
                f"{NUMBERS[kind].format(count=COUNT)} "
                f"SELECT {ID[kind]}, :block, {address}, {moment}, {moment} FROM s"
            ),
            {"block": block_id},
        )


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_page_2000_costs_what_page_1_costs(store: Store) -> None:
    block_id = store.block("10.0.0.0/8")["id"]
    fill(store, block_id)
    if store.db.dialect == "postgresql":
        # It does so by itself, within a minute; until then it may sort a block.
        store.write(sa.text("ANALYZE ip_addresses"))
    where = {"tenant_id": TENANT, "ip_block_id": block_id, "limit": PAGE}

    def page(marker: str | None) -> tuple[int, Any]:
        with counted_reads(store.db) as reads:
            found = store.call("list_ip_addresses", marker=marker, **where)
        assert len(found["ip_addresses"]) == PAGE
        return reads.rows, found

    first, _ = page(None)
    last, found = page(f"{COUNT - PAGE:036d}")
    assert found["next_marker"] is None
    assert PAGE <= first <= MOST[store.db.dialect]
    assert PAGE <= last <= MOST[store.db.dialect]
    # Whose addresses they are does not matter to who owns and leases few, or none.
    ask: dict[str, Any] = {"kind": "ip_addresses", "limit": PAGE}
    few = store.call("create_ip_block", tenant_id="few", ip_block=FEW)["id"]
    store.call("allocate_ip_address", tenant_id="few", ip_block_id=few)
    for tenant, count in (("few", 1), ("none", 0)):
        with counted_reads(store.db) as reads:
            listed = store.call("query_resources", tenant_id=tenant, **ask)
        assert len(listed["ip_addresses"]) == count
        assert reads.rows <= first, tenant
