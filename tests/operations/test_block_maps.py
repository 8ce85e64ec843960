"""A block from above: address by address, in cells, its subnets; and its used ranges."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db.models import FreeRange, IpBlock, table_of
from ipamd.ipam.addresses import format_address, parse_address
from ipamd.operations import block_maps
from tests.db.reads import counted_reads
from tests.db.statements import counted
from tests.db.store import TENANT, Store
from tests.db.test_cost import analyze, fill

FREE, BLOCKS = table_of(FreeRange), table_of(IpBlock)


def block_map(store: Store, block: str, **args: Any) -> Any:
    return store.call("get_ip_block_map", tenant_id=TENANT, ip_block_id=block, **args)


def used(store: Store, block: str, **args: Any) -> Any:
    return store.call("list_used_ranges", tenant_id=TENANT, ip_block_id=block, **args)


def with_policy(store: Store, cidr: str) -> str:
    """Create a block that excludes the octets 7 and 8, and its last three addresses."""
    rules = {
        "name": "p",
        "unusable_ip_octets": [7, 8],
        "unusable_ip_ranges": [{"offset": -3, "length": 3}],
    }
    policy = store.call("create_policy", tenant_id=TENANT, policy=rules)
    return str(store.block(cidr, policy_id=policy["id"])["id"])


def test_a_small_block_is_shown_address_by_address(store: Store) -> None:
    block = with_policy(store, "10.0.0.0/24")
    held, released = store.allocate(block, used_by_device="vm-1"), store.allocate(block)
    store.deallocate(block, released)
    found = block_map(store, block)
    assert (found["scale"], found["cidr"]) == ("addresses", "10.0.0.0/24")
    assert [(a["address"], a["status"]) for a in found["addresses"]] == [
        (held, "allocated"),
        (released, "quarantined"),
    ]
    assert found["addresses"][0]["used_by_device"] == "vm-1"
    assert found["reserved"] == ["10.0.0.0", "10.0.0.1", "10.0.0.255"]
    assert found["excluded"] == [
        {"first": "10.0.0.7", "last": "10.0.0.8"},
        {"first": "10.0.0.253", "last": "10.0.0.255"},
    ]


def test_a_part_of_a_block_can_be_shown(store: Store) -> None:
    block = with_policy(store, "10.0.0.0/16")
    store.allocate(block, "10.0.4.9")
    store.allocate(block, "10.0.3.255")
    found = block_map(store, block, cidr="10.0.4.0/22")
    assert [a["address"] for a in found["addresses"]] == ["10.0.4.9"]
    assert found["reserved"] == []
    assert [run["first"] for run in found["excluded"]] == [f"10.0.{n}.7" for n in range(4, 8)]
    for wrong in ("10.0.0.0/8", "10.1.0.0/24", "x"):
        with pytest.raises(errors.ValidationError, match="cidr"):
            block_map(store, block, cidr=wrong)
        with pytest.raises(errors.ValidationError, match="cidr"):
            used(store, block, cidr=wrong)


def test_a_wide_block_is_shown_in_cells(store: Store) -> None:
    block = store.block("10.0.0.0/16")["id"]
    for address in ("10.0.0.2", "10.0.0.70", "10.0.0.71", "10.0.255.254"):
        store.allocate(block, address)
    store.deallocate(block, "10.0.0.71")
    found = block_map(store, block)
    assert (found["scale"], found["exact"], len(found["cells"])) == ("cells", True, 1024)
    # 64 addresses each: network address and gateway are reserved in the first one.
    assert found["cells"][0] == {"free": 61, "used": 1, "quarantined": 0}
    assert found["cells"][1] == {"free": 62, "used": 2, "quarantined": 1}
    assert found["cells"][2] == {"free": 64, "used": 0, "quarantined": 0}
    assert found["cells"][-1] == {"free": 62, "used": 1, "quarantined": 0}
    inner = block_map(store, block, cidr="10.0.0.0/21")
    assert [cell["used"] for cell in inner["cells"]][:2] == [0, 1]
    assert sum(cell["used"] for cell in inner["cells"]) == 3


def test_cells_of_an_ipv6_block_are_exact_beyond_64_bits(store: Store) -> None:
    block = store.block("2001:db8::/48")["id"]
    store.allocate(block, "2001:db8:0:ffff::7", mac_address="02-00-00-00-00-01")
    found = block_map(store, block)["cells"]
    size = 2**70
    assert found[0] == {"free": size - 2, "used": 0, "quarantined": 0}
    assert sum(cell["used"] for cell in found) == 1
    assert sum(cell["free"] for cell in found) == 2**80 - 3


def test_a_block_with_subnets_shows_them(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    block = store.block("10.0.0.0/16")["id"]
    first = store.subnet(block, "10.0.0.0/24")["id"]
    store.subnet(block, "10.0.9.0/24")
    store.allocate(first)
    found = block_map(store, block)
    assert (found["scale"], found["complete"]) == ("subnets", True)
    assert [s["cidr"] for s in found["subnets"]] == ["10.0.0.0/24", "10.0.9.0/24"]
    assert found["subnets"][0]["utilization"]["allocated"] == 1
    (inside,) = block_map(store, block, cidr="10.0.8.0/22")["subnets"]
    assert inside["cidr"] == "10.0.9.0/24"
    monkeypatch.setattr(block_maps, "SUBNETS_SHOWN", 1)
    cut = block_map(store, block)
    assert (len(cut["subnets"]), cut["complete"]) == (1, False)


def test_the_map_of_100_000_addresses_is_exact_where_their_space_is_in_few_pieces(
    store: Store,
) -> None:
    block = store.block("10.0.0.0/8")["id"]
    store.allocate(store.block("192.168.0.0/24")["id"])
    store.db.run(RequestContext(), partial(fill, block_id=block, held=20_000))
    found = block_map(store, block)
    assert found["exact"]
    # 10,000 addresses side by side, then every second one up to 30,000.
    assert found["cells"][0]["used"] == 10_000 + (16_384 - 10_003 + 1) // 2
    assert sum(cell["used"] for cell in found["cells"]) == 20_000


def test_what_is_in_too_many_pieces_is_estimated_at_a_bounded_cost(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = store.block("10.0.0.0/8")["id"]
    store.allocate(store.block("192.168.0.0/24")["id"])
    store.db.run(RequestContext(), partial(fill, block_id=block, held=20_000))
    analyze(store)
    exact = block_map(store, block, cidr="10.0.0.0/17")
    monkeypatch.setattr(block_maps, "BUDGET", 2000)
    with counted(store.db) as statements, counted_reads(store.db) as reads:
        found = block_map(store, block, cidr="10.0.0.0/17")
    assert not found["exact"]
    assert len(found["cells"]) == 256
    wrong = []
    for number, cell in enumerate(found["cells"]):
        four = sum(part["used"] for part in exact["cells"][4 * number : 4 * number + 4])
        if abs(cell["used"] - four) > 8:
            wrong.append(number)
    # Nothing but the two cells in which the pattern changes is not as its beginning is.
    assert wrong == [(10_002 * 256) >> 15, (30_002 * 256) >> 15]
    # The block, a look at its free ranges, four for the samples, what is in quarantine.
    assert len([text for text in statements if text.startswith("SELECT cell_0")]) == 4
    assert len(statements) <= 9  # with two that look at what was read
    if store.db.dialect != "sqlite":  # there it is not rows that are counted
        assert reads.rows <= 2 * (2001 + 256 * (block_maps.SAMPLES + 1)) + 200


def test_more_quarantined_addresses_than_the_budget_are_not_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = store.block("10.0.0.0/16")["id"]
    for address in store.bulk(block, 3):
        store.deallocate(block, address)
    monkeypatch.setattr(block_maps, "BUDGET", 2)
    cells = block_map(store, block)["cells"]
    assert cells[0]["used"] == 3
    assert {cell["quarantined"] for cell in cells} == {None}


def test_a_map_is_shown_to_its_tenant_only(store: Store) -> None:
    block = store.block()["id"]
    for method in ("get_ip_block_map", "list_used_ranges"):
        with pytest.raises(errors.IpBlockNotFound):
            store.call(method, tenant_id="another", ip_block_id=block)
        assert store.call(method, tenant_id=None, ip_block_id=block)


# --- used ranges ----------------------------------------------------------------------


def test_used_ranges_are_runs_of_one_holder(store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    store.bulk(block, 3)
    store.allocate(block, interface_id="other")
    store.allocate(block, interface_id="other")
    store.allocate(block, "10.0.0.100", interface_id="other")
    store.deallocate(block, "10.0.0.6")
    found = used(store, block)
    assert found["next_marker"] is None
    shown = [(r["first"], r["last"], r["size"], r["status"], r["interface_id"])
             for r in found["used_ranges"]]  # fmt: skip
    assert shown == [
        ("10.0.0.2", "10.0.0.4", 3, "allocated", "vif"),
        ("10.0.0.5", "10.0.0.5", 1, "allocated", "other"),
        ("10.0.0.6", "10.0.0.6", 1, "quarantined", None),
        ("10.0.0.100", "10.0.0.100", 1, "allocated", "other"),
    ]
    assert re.fullmatch(r"20\d\d-.*Z", found["used_ranges"][0]["since"])


def test_pages_of_used_ranges_go_by_address_and_hold_every_one_once(store: Store) -> None:
    block = store.block("2001:db8::/64")["id"]
    wanted = [f"2001:db8::{n:x}" for n in (0xF000, 2, 0x10, 3, 0xFFFF)]
    for address in wanted:
        store.allocate(block, address, mac_address="02-00-00-00-00-01")
    seen: list[str] = []
    marker = None
    while True:
        found = used(store, block, limit=2, marker=marker)
        for run in found["used_ranges"]:
            first = parse_address(run["first"])
            seen += [format_address(first + n) for n in range(run["size"])]
        marker = found["next_marker"]
        if marker is None:
            break
    assert seen == [format_address(parse_address(address)) for address in sorted(
        wanted, key=parse_address)]  # fmt: skip
    part = used(store, block, cidr="2001:db8::f000/116")["used_ranges"]
    assert [run["first"] for run in part] == [seen[3], seen[4]]
    with pytest.raises(errors.ValidationError, match="marker"):
        used(store, block, marker="x")


def test_a_page_of_used_ranges_reads_no_rows_but_its_own(store: Store) -> None:
    blocks = [store.block(f"{n}.0.0.0/8")["id"] for n in (10, 11)]
    store.allocate(blocks[0])
    store.write(sa.text("DELETE FROM ip_addresses"))
    for block in blocks:
        store.db.run(RequestContext(), partial(fill, block_id=block, held=5000))
    analyze(store)
    with counted_reads(store.db) as reads:
        found = used(store, blocks[1], limit=10, marker="11.0.20.0")
    assert len(found["used_ranges"]) == 10
    assert reads.rows < (1500 if store.db.dialect == "sqlite" else 40)
