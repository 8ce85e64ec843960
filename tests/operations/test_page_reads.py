"""No list reads more than its page, be it the first one or the last, whoever has the rest.

Beside the rows of one owner, in the order of ids, stand as many of another.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ipamd.db import models
from ipamd.db.models import Base, table_of
from tests.db.reads import counted_reads
from tests.db.store import Store

# Fewer rows PostgreSQL would rather read as a whole, and be right.
COUNT = 3000
PAGE = 10
# What a page of ten may read: rows with their index entries, blocks and MAC addresses shown
# with them; on SQLite steps of its machine.  A list read to its end reads 3,000 rows, which
# are 30,000 steps at least.
MOST = {"postgresql": 100, "mysql": 150, "sqlite": 1500}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = {"created_at": NOW, "updated_at": NOW}
V4 = 0xFFFF << 32

Rows = list[dict[str, Any]]


def uuid(kind: int, number: int) -> str:
    return f"{number:08d}-0000-7000-8000-{kind:012d}"


OWNERS = ["mine" if number % 2 else "other" for number in range(2 * COUNT)]
# What the lists are of: one block, policy, network, interface for each owner.
BLOCK, PUBLIC, POLICY, NETWORK = (
    {"mine": uuid(kind, 1), "other": uuid(kind, 0)} for kind in (1, 2, 3, 4)
)


def block(id: str, owner: str, number: int, parent: str | None = None) -> dict[str, Any]:
    first = V4 + 256 * number
    return {
        "id": id, "tenant_id": owner, "type": "private", "first": first, "last": first + 255,
        "prefix_length": 24, "network_id": f"net {owner}", "parent_id": parent,
        "policy_id": None, "gateway": None, "reserve_network_address": True,
        "allocation_strategy": "first", "cursor": None, "subnets": 0, "allocated": 0,
        "quarantined": 0, **TIMES,
    }  # fmt: skip


def address(id: str, block_id: str, number: int, owner: str | None) -> dict[str, Any]:
    return {
        "id": id, "ip_block_id": block_id, "address": V4 + number,
        "interface_id": owner and f"vif {owner}", "used_by_tenant_id": owner or "nobody",
        "used_by_device_id": owner and f"vm {owner}", "deallocated_at": None, **TIMES,
    }  # fmt: skip


def everything() -> Iterator[tuple[type[Base], Rows]]:
    """Yield what to insert, by table."""
    numbered = list(enumerate(OWNERS))
    both = ("other", "mine")
    yield models.IpBlock, [block(BLOCK[o], o, 0) for o in both]
    yield models.IpBlock, [block(PUBLIC[o], o, 0) for o in both]
    yield models.IpBlock, [block(uuid(5, n), o, n, BLOCK[o]) for n, o in numbered]
    yield (
        models.Interface,
        [{"id": f"vif {o}", "tenant_id": o, "device_id": f"vm {o}", **TIMES} for o in both],
    )
    yield (
        models.Interface,
        [
            {"id": uuid(6, n), "tenant_id": o, "device_id": f"host {o}", **TIMES}
            for n, o in numbered
        ],
    )
    yield models.IpAddress, [address(uuid(7, n), BLOCK[o], n, o) for n, o in numbered]
    yield models.IpAddress, [address(uuid(8, n), PUBLIC[o], 7, None) for n, o in enumerate(both)]
    outer = {o: uuid(8, n) for n, o in enumerate(both)}
    for local, inside_global in (("local", "global"), ("global", "local")):
        yield (
            models.IpNat,
            [
                {
                    "id": uuid(9 if local == "local" else 10, n),
                    f"inside_{local}_address_id": outer[o],
                    f"inside_{inside_global}_address_id": uuid(7, n),
                    "created_at": NOW,
                }
                for n, o in numbered
            ],
        )
    yield (
        models.AllowedIp,
        [
            {
                "id": uuid(11, n),
                "interface_id": uuid(6, 1 if o == "mine" else 0),
                "ip_address_id": uuid(7, n),
                "created_at": NOW,
            }
            for n, o in numbered
        ],
    )
    policies = [
        {"id": uuid(12, n), "tenant_id": o, "name": "p", "description": None, **TIMES}
        for n, o in numbered
    ]
    more = [{**policies[n], "id": POLICY[o]} for n, o in enumerate(both)]
    yield models.Policy, policies + more
    of_policy = [{"policy_id": POLICY[o], **TIMES} for _, o in numbered]
    yield (
        models.IpRange,
        [{**of, "id": uuid(13, n), "offset": n, "length": 1} for n, of in enumerate(of_policy)],
    )
    yield (
        models.IpOctet,
        [{**of, "id": uuid(14, n), "octet": 1} for n, of in enumerate(of_policy)],
    )
    route = {"destination": "0.0.0.0/0", "netmask": "0.0.0.0", "gateway": "10.0.0.1", **TIMES}
    yield (
        models.IpRoute,
        [{**route, "id": uuid(15, n), "ip_block_id": PUBLIC[o]} for n, o in numbered],
    )
    yield (
        models.MacAddressRange,
        [{"id": uuid(16, n), "cidr": "x", "first": n, "last": n, **TIMES} for n, _ in numbered],
    )
    network = {"name": "n", "op_status": "UP", "extra": "{}", **TIMES}
    yield models.Network, [{**network, "id": NETWORK[o], "tenant_id": o} for o in both]
    yield models.Network, [{**network, "id": uuid(17, n), "tenant_id": o} for n, o in numbered]
    port = {"state": "DOWN", "op_status": "UP", "attachment_id": None, "extra": "{}", **TIMES}
    yield (
        models.Port,
        [{**port, "id": uuid(18, n), "network_id": NETWORK[o]} for n, o in numbered],
    )
    yield (
        models.FreeRange,
        [
            {"ip_block_id": BLOCK[o], "first": V4 + 4 * n, "last": V4 + 4 * n + 1}
            for n, o in numbered
        ],
    )


TENANT = {"tenant_id": "mine"}
OF_BLOCK = {**TENANT, "ip_block_id": BLOCK["mine"]}
OF_POLICY = {**TENANT, "policy_id": POLICY["mine"]}
OUTER = {"ip_block_id": PUBLIC["mine"], "address": "0.0.0.7"}
IN_NETWORK = {**TENANT, "network_id": "net mine"}
LISTS: list[tuple[str, dict[str, Any]]] = [
    ("list_ip_blocks", TENANT),
    ("list_ip_blocks", {**TENANT, "type": "private"}),
    ("list_subnets", OF_BLOCK),
    ("list_ip_addresses", OF_BLOCK),
    ("list_available", OF_BLOCK),
    ("list_allocated_ip_addresses", {}),
    ("list_allocated_ip_addresses", TENANT),
    ("list_allocated_ip_addresses", {"used_by_device": "vm mine"}),
    ("list_allocated_ip_addresses", {**TENANT, "used_by_device": "vm mine"}),
    ("list_network_ip_blocks", IN_NETWORK),
    # Not list_network_ips: Melange's order, by the age of the blocks, sorts what the one
    # interface has.
    ("list_instance_interfaces", {"instance_id": "host mine"}),
    ("list_instance_interfaces", {"instance_id": "host mine", **TENANT}),
    ("list_virtual_interfaces", {"instance_id": "host mine"}),
    ("list_interface_ip_addresses", {"instance_id": "vm mine", "interface_id": "vif mine"}),
    ("list_instance_ip_addresses", {"instance_id": "vm mine"}),
    ("list_allowed_ips", {**TENANT, "interface_id": "vif mine"}),
    ("list_allowed_ips", {**TENANT, "interface_id": uuid(6, 1)}),
    ("list_inside_globals", OUTER),
    ("list_inside_locals", OUTER),
    ("list_policies", TENANT),
    ("list_unusable_ip_ranges", OF_POLICY),
    ("list_unusable_ip_octets", OF_POLICY),
    ("list_ip_routes", {**TENANT, "ip_block_id": PUBLIC["mine"]}),
    ("list_mac_address_ranges", {}),
    ("list_networks", TENANT),
    ("list_ports", {**TENANT, "network_id": NETWORK["mine"]}),
]


def fill(store: Store) -> None:
    for model, rows in everything():
        store.write(sa.insert(table_of(model)), rows)
    # What the servers do by themselves, after a while; SQLite knows nothing of its rows.
    analyze = {"postgresql": "ANALYZE", "mysql": "ANALYZE TABLE"}.get(store.db.dialect)
    for table in Base.metadata.sorted_tables if analyze else ():
        store.write(sa.text(f"{analyze} {table.name}"))


def last_marker(store: Store, method: str, arguments: dict[str, Any]) -> str:
    """Return the marker behind which one page is left."""
    (root,) = set(store.call(method, limit=1, **arguments)) - {"next_marker"}
    found, marker = 0, None
    while True:
        page = store.call(method, limit=900, marker=marker, **arguments)
        found += len(page[root])
        if page["next_marker"] is None:
            break
        marker = page["next_marker"]
    assert found >= COUNT, (method, found)
    left = len(page[root]) - PAGE
    behind = store.call(method, limit=left, marker=marker, **arguments)["next_marker"]
    assert isinstance(behind, str)
    return behind


def test_a_page_reads_no_more_than_itself(store: Store) -> None:
    fill(store)
    most = MOST[store.db.dialect]
    too_many = {}
    for method, arguments in LISTS:
        for marker in (None, last_marker(store, method, arguments)):
            with counted_reads(store.db) as reads:
                store.call(method, limit=PAGE, marker=marker, **arguments)
            assert reads.rows >= 2
            if reads.rows > most:
                too_many[method, *arguments, marker] = reads.rows
    assert too_many == {}
