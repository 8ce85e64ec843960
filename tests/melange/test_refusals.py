"""What cannot be taken is said, row by row, and then nothing is written unless asked for."""

from __future__ import annotations

import io
from typing import Any

import pytest
import sqlalchemy as sa

from ipamd.db import check
from tests.db.store import Store
from tests.melange.conftest import Run
from tests.melange.schema import MelangeDatabase, add_cloud, ident

# A row behind all others, so that of two alike it is this one that is refused.
LAST = next(name for name in map(str, range(10_000)) if ident(name).startswith("ff"))

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def refusals(out: str) -> dict[str, str]:
    """Return the reasons of refused rows, by table and id."""
    lines = [line.removeprefix("refused ") for line in out.splitlines() if line[:8] == "refused "]
    return {row: reason for row, _, reason in (line.partition(": ") for line in lines)}


@pytest.mark.parametrize(
    ("table", "values", "reason"),
    [
        ("policies", {"name": "nobody's", "tenant_id": None}, "it has no tenant_id"),
        ("ip_ranges", {"offset": 1, "length": 1, "policy_id": None}, "it has no policy_id"),
        (
            "ip_ranges",
            {"offset": 1, "length": -1, "policy_id": "policy"},
            "length should be a positive integer",
        ),
        (
            "ip_octets",
            {"octet": 256, "policy_id": "policy"},
            "octet should be an integer between 0 and 255",
        ),
        (
            "ip_blocks",
            {"cidr": "10.1.0.0", "type": "private", "tenant_id": "acme"},
            "cidr is invalid: '10.1.0.0' is not a network with its prefix length",
        ),
        (
            "ip_blocks",
            {"cidr": "10.1.0.0/24", "type": None, "tenant_id": "acme"},
            "type should be one among public, private, and is None",
        ),
        (
            "ip_blocks",
            {"cidr": "192.0.2.128/25", "type": "public", "tenant_id": "other"},
            f"192.0.2.128/25 overlaps the public block 192.0.2.0/24 ({ident('public')})",
        ),
        (
            "ip_blocks",
            {
                "cidr": "192.0.2.64/27", "type": "public", "tenant_id": "acme",
                "parent_id": "public",
            },
            f"192.0.2.64/27 overlaps the sibling 192.0.2.64/26 ({ident('front')})",
        ),
        (
            "ip_blocks",
            {"cidr": "10.7.0.0/24", "type": "public", "tenant_id": "acme", "network_id": "blue"},
            "network blue has blocks of the other type",
        ),
        (
            "ip_blocks",
            {"cidr": "10.7.0.0/24", "type": "private", "tenant_id": "acme", "gateway": "gw"},
            "gateway is no address: 'gw'",
        ),
        (
            "interfaces",
            {"vif_id_on_device": "vif-1", "tenant_id": "web"},
            "the id vif-1 is there twice",
        ),
        (
            "mac_address_ranges",
            {"cidr": "02-16/99"},
            "cidr is invalid: '02-16' is not a MAC address",
        ),
        ("mac_addresses", {"address": 5, "interface_id": None}, "it has no interface_id"),
        ("mac_addresses", {"address": 1 << 48}, f"address is no MAC address: {1 << 48}"),
        (
            "ip_routes",
            {"destination": "10.1", "gateway": "10.0.0.9", "source_block_id": "blue"},
            "destination is not a valid address: '10.1'",
        ),
        (
            "ip_addresses",
            {"address": "10.0.1.9", "ip_block_id": "blue"},
            "10.0.1.9 is not of its block 10.0.0.0/24",
        ),
        (
            "ip_addresses",
            {"address": "10.0.0.1", "ip_block_id": "blue"},
            "10.0.0.1 is the gateway of its block",
        ),
        (
            "ip_addresses",
            {"address": "10.0.0.255", "ip_block_id": "blue"},
            "10.0.0.255 is never handed out in 10.0.0.0/24",
        ),
        (
            "ip_addresses",
            {"address": "fd00:b1::42", "ip_block_id": "blue6"},
            "fd00:b1::42 is there twice",
        ),
        (
            "ip_addresses",
            {"address": "192.0.2.9", "ip_block_id": "public"},
            "its block 192.0.2.0/24 has subnets",
        ),
        ("ip_addresses", {"address": "", "ip_block_id": "blue"}, "'' is not an IP address"),
        (
            "ip_nats",
            {"inside_local_address_id": "a2", "inside_global_address_id": "a66"},
            "the same is there twice",
        ),
        (
            "allowed_ips",
            {"ip_address_id": "a5", "interface_id": "two"},
            f"ip_addresses {ident('a5')} was refused",
        ),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_taken_is_said_and_nothing_is_written(
    melange: MelangeDatabase,
    run: Run,
    store: Store,
    table: str,
    values: dict[str, Any],
    reason: str,
) -> None:
    add_cloud(melange)
    melange.add(table, LAST, **values)
    status, out, _ = run("import-melange", melange.url)
    assert status == 1
    assert refusals(out) == {f"{table} {ident(LAST)}": reason}
    assert out.endswith("Nothing was written.\n")
    assert store.rows("SELECT id FROM policies") == []
    assert store.rows("SELECT id FROM outbox") == []


def test_the_others_are_taken_when_asked_for(
    melange: MelangeDatabase, run: Run, store: Store
) -> None:
    add_cloud(melange)
    # A policy is refused, hence its block, hence the addresses in it, hence NAT to them.
    melange.execute("UPDATE policies SET tenant_id = NULL")
    # An interface is refused; its address stays held.
    melange.execute(f"UPDATE interfaces SET tenant_id = NULL WHERE id = '{ident('four')}'")
    status, out, _ = run("import-melange", "--skip-refused", melange.url)
    assert status == 1
    found = refusals(out)
    assert found.pop(f"policies {ident('policy')}") == "it has no tenant_id"
    assert found.pop(f"interfaces {ident('four')}") == "it has no tenant_id"
    gone = f"policies {ident('policy')} was refused"
    for row in ("ip_ranges range", "ip_octets octet", "ip_blocks blue"):
        table, name = row.split()
        assert found.pop(f"{table} {ident(name)}") == gone
    gone = f"ip_blocks {ident('blue')} was refused"
    for name in ("a2", "a3", "a4"):
        assert found.pop(f"ip_addresses {ident(name)}") == gone
    assert found.pop(f"ip_routes {ident('route')}") == gone
    assert found.pop(f"ip_nats {ident('nat')}") == f"ip_addresses {ident('a2')} was refused"
    assert (
        found.pop(f"allowed_ips {ident('allowed')}") == f"ip_addresses {ident('a2')} was refused"
    )
    assert found == {}
    gone = f"interfaces {ident('four')} was refused"
    assert f"changed ip_addresses {ident('a0')}: 10.9.0.0 is held without interface: {gone}" in out
    assert check.check(store.db) == []
    held = store.call(
        "get_ip_address", tenant_id="acme", ip_block_id=ident("plain"), address="10.9.0.0"
    )
    assert (held["interface_id"], held["used_by_tenant"]) == (None, "other")


def test_what_is_in_the_way_in_the_store_is_said(
    melange: MelangeDatabase, run: Run, store: Store
) -> None:
    add_cloud(melange)
    public = store.call(
        "create_ip_block",
        tenant_id="acme",
        ip_block={"cidr": "192.0.0.0/16", "type": "public"},
    )
    blue = store.block("10.0.0.128/25", network_id="blue")
    store.call("create_interface", interface={"id": "vif-1", "tenant_id": "other"})
    store.call(
        "create_interface",
        interface={"id": "x", "tenant_id": "acme", "mac_address": "02:aa:00:00:00:01"},
    )
    status, out, _ = run("import-melange", "--skip-refused", melange.url)
    assert status == 1
    assert refusals(out) == {
        "interfaces vif-1": "this store has it as an interface of tenant other",
        f"mac_addresses {ident('mac-2')}": "interface x of this store has 02:AA:00:00:00:01",
        f"ip_blocks {ident('public')}": (
            f"192.0.2.0/24 overlaps public block 192.0.0.0/16 ({public['id']}) of this store"
        ),
        f"ip_blocks {ident('blue')}": (
            f"10.0.0.0/24 overlaps, in its network, 10.0.0.128/25 ({blue['id']}) of this store"
        ),
    }
    assert out.endswith("Nothing was written.\n")
    assert len(store.rows("SELECT id FROM ip_blocks")) == 2


def test_a_mac_address_in_a_range_of_the_store_is_not_handed_out_again(
    melange: MelangeDatabase, run: Run, store: Store
) -> None:
    add_cloud(melange)
    body = {"cidr": "02-AA-00-00-00-00/40"}
    store.call("create_mac_address_range", mac_address_range=body)
    assert run("import-melange", melange.url)[0] == 0
    assert check.check(store.db) == []
    made = [
        store.call("create_interface", interface={"id": name, "tenant_id": "web"})["mac_address"]
        for name in ("m", "n")
    ]
    assert "02:AA:00:00:00:01" not in made


@pytest.mark.usefixtures("store")
def test_blocks_that_are_each_other_s_parent_are_refused(
    melange: MelangeDatabase, run: Run
) -> None:
    for name, parent in (("one", None), ("two", "one")):
        melange.add(
            "ip_blocks", name, cidr="10.0.0.0/24", type="private", tenant_id="acme",
            parent_id=parent,
        )  # fmt: skip
    melange.execute(
        f"UPDATE ip_blocks SET parent_id = '{ident('two')}' WHERE id = '{ident('one')}'"
    )
    status, out, err = run("import-melange", "--dry-run", melange.url)
    assert (status, err) == (1, "")
    assert len(refusals(out)) == 2


def test_the_first_schema_is_understood(melange: MelangeDatabase, run: Run, store: Store) -> None:
    melange.add("ip_blocks", "block", cidr="10.0.0.0/24", type="private", tenant_id="acme")
    for table, column in (
        ("interfaces", "vif_id_on_device"),
        ("ip_addresses", "allocated"),
        ("ip_addresses", "used_by_tenant_id"),
    ):
        melange.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    for table in ("allowed_ips", "ip_nats", "ip_octets", "mac_addresses"):
        melange.execute(f"DROP TABLE {table}")
    melange.execute("ALTER TABLE interfaces ADD COLUMN virtual_interface_id VARCHAR(36)")
    melange.execute("INSERT INTO interfaces (id, virtual_interface_id, tenant_id) "
                    "VALUES ('row', 'vif', 'acme')")  # fmt: skip
    melange.execute("INSERT INTO ip_addresses (id, address, interface_id, ip_block_id) "
                    f"VALUES ('address', '10.0.0.9', 'row', '{ident('block')}')")  # fmt: skip
    assert run("import-melange", melange.url)[0] == 0
    held = store.call(
        "get_ip_address", tenant_id="acme", ip_block_id=ident("block"), address="10.0.0.9"
    )
    assert (held["interface_id"], held["used_by_tenant"]) == ("vif", "acme")


@pytest.mark.parametrize(
    ("url", "status", "sentence"),
    [
        ("sqlite:////nowhere/melange", 3, "there is no file /nowhere/melange"),
        (
            "sqlite:///{folder}/ipamd.sqlite",
            3,
            "this is not a database of Melange: it has no ip_blocks.cidr",
        ),
        ("oracle://x", 3, "the URL of Melange's database is wrong: oracle is not supported"),
        ("nonsense", 3, "the URL of Melange's database is wrong: "),
        ("mysql://127.0.0.1:1/melange", 3, "the database cannot be reached or used: "),
    ],
)
def test_a_database_that_cannot_be_read_is_one_sentence(
    run: Run, store: Store, tmp_path: Any, url: str, status: int, sentence: str
) -> None:
    assert isinstance(store.db.engine, sa.Engine)
    found, out, err = run("import-melange", url.format(folder=tmp_path))
    assert (found, out) == (status, "")
    assert err.startswith(f"ipamd-manage: {sentence}")
    assert err.count("\n") == 1


def test_the_url_may_come_by_standard_input(
    melange: MelangeDatabase, run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_cloud(melange)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{melange.url}\n"))
    assert run("import-melange", "-")[0] == 0
    assert len(store.rows("SELECT id FROM ip_blocks")) == 5
