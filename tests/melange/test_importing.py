"""A cloud of Melange, imported, is read and goes on being used over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from ipamd.api.app import create_app
from ipamd.db import check
from ipamd.db.database import Database
from ipamd.rpc.client import DirectCaller
from ipamd.rpc.manager import Manager
from tests.db.store import Store
from tests.melange.conftest import Run
from tests.melange.schema import CREATED, MelangeDatabase, add_cloud, ident

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

IPAM = "/v0.1/ipam"
NET = f"{IPAM}/tenants/acme"


def client_of(db: Database) -> FlaskClient:
    """Return a client of the REST facade on a store."""
    return create_app(db.conf, DirectCaller(Manager(db))).test_client()


def get(client: FlaskClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json


def addresses(found: Any) -> list[str]:
    return sorted(each["address"] for each in found["ip_addresses"])


def test_a_cloud_is_read_over_the_api_as_melange_showed_it(
    melange_of_each_kind: MelangeDatabase, run: Run, db: Database
) -> None:
    melange = melange_of_each_kind
    add_cloud(melange)
    status, out, err = run("import-melange", melange.url)
    assert (status, err) == (0, "")
    assert out.endswith("Free space, addresses and events agree.\n")
    assert check.check(db) == []
    client = client_of(db)

    block = get(client, f"{NET}/ip_blocks/{ident('blue')}")["ip_block"]
    assert (block["cidr"], block["gateway"], block["dns1"]) == (
        "10.0.0.0/24",
        "10.0.0.1",
        "8.8.8.8",
    )
    assert (block["network_id"], block["policy_id"]) == ("blue", ident("policy"))
    assert block["created_at"].startswith("2012-05-21T18:00:41")
    (subnet,) = get(client, f"{NET}/ip_blocks/{ident('public')}/subnets")["subnets"]
    assert (subnet["id"], subnet["gateway"]) == (ident("front"), "192.0.2.65")

    held = get(client, f"{NET}/ip_blocks/{ident('blue')}/ip_addresses/10.0.0.2")["ip_address"]
    assert held["id"] == ident("a2")
    assert (held["interface_id"], held["used_by_tenant"]) == ("vif-1", "web")
    assert held["used_by_device"] == "vm-1"

    path = f"{NET}/networks/blue/interfaces/vif-1/ip_allocations"
    allocations = get(client, path)
    assert addresses(allocations) == ["10.0.0.2", "fd00:00b1:0000:0000:0000:0000:0000:0042"]
    (with_routes,) = [a for a in allocations["ip_addresses"] if a["version"] == 4]
    assert [r["destination"] for r in with_routes["ip_block"]["ip_routes"]] == ["10.20.0.0"]

    (one, three) = get(client, f"{IPAM}/instances/vm-1/interfaces")["instance"]["interfaces"]
    assert {one["id"], three["id"]} == {"vif-1", "vif-3"}
    assert {one["mac_address"], three["mac_address"]} == {"02:16:3E:00:00:00", None}
    (two,) = get(client, f"{IPAM}/instances/vm-2/interfaces")["instance"]["interfaces"]
    assert (two["id"], two["mac_address"]) == (ident("two"), "02:AA:00:00:00:01")

    path = f"{IPAM}/tenants/web/interfaces/{ident('two')}/allowed_ips"
    assert addresses(get(client, path)) == ["10.0.0.2", "10.0.0.4"]
    path = f"{NET}/ip_blocks/{ident('blue')}/ip_addresses/10.0.0.2/inside_globals"
    assert addresses(get(client, path)) == ["192.0.2.66"]

    policy = f"{NET}/policies/{ident('policy')}"
    assert get(client, policy)["policy"]["description"] == "no servers there"
    (excluded,) = get(client, f"{policy}/unusable_ip_ranges")["ip_ranges"]
    assert (excluded["id"], excluded["offset"], excluded["length"]) == (ident("range"), 10, 5)
    (octet,) = get(client, f"{policy}/unusable_ip_octets")["ip_octets"]
    assert (octet["id"], octet["octet"]) == (ident("octet"), 7)
    (macs,) = get(client, f"{IPAM}/mac_address_ranges")["mac_address_ranges"]
    assert (macs["id"], macs["cidr"]) == (ident("macs"), "02-16-3E-00-00-00/24")


def test_allocation_goes_on_where_melange_stopped(
    melange: MelangeDatabase, run: Run, store: Store
) -> None:
    add_cloud(melange)
    assert run("import-melange", melange.url)[0] == 0
    # .1 is the gateway, .2 and .4 are held, .3 is in quarantine, .7 and .10 to .14 excluded.
    made = store.call("create_interface", interface={"id": "new", "tenant_id": "web"})
    assert made["mac_address"] == "02:16:3E:00:00:01"
    taken = [store.allocate(ident("blue")) for _ in range(5)]
    assert taken == [f"10.0.0.{n}" for n in (5, 6, 8, 9, 15)]
    assert store.allocate(ident("plain"), interface_id="vif-9") == "10.9.0.1"
    store.restore(ident("blue"), "10.0.0.3")
    store.deallocate(ident("front"), "192.0.2.66")
    assert check.check(store.db) == []


@on_sqlite
def test_quarantine_goes_on(melange: MelangeDatabase, run: Run, store: Store) -> None:
    add_cloud(melange)
    melange.execute("UPDATE ip_addresses SET deallocated_at = '2012-05-21 18:00:41.5' "
                    "WHERE marked_for_deallocation")  # fmt: skip
    assert run("import-melange", melange.url)[0] == 0
    assert run("purge")[1].startswith("ip_addresses 1\n")
    assert store.allocate(ident("blue")) == "10.0.0.3"
    assert check.check(store.db) == []


@on_sqlite
def test_every_change_is_told_of(melange: MelangeDatabase, run: Run, store: Store) -> None:
    add_cloud(melange)
    assert run("import-melange", melange.url)[0] == 0
    rows = store.rows("SELECT event_type, COUNT(*) AS n FROM outbox GROUP BY event_type")
    assert {row.event_type: row.n for row in rows} == {
        "policy.create": 1,
        "interface.create": 4,
        "mac_address.create": 2,
        "ip_block.create": 5,
        "ip_address.create": 5,
        "ip_address.deallocate": 1,
        "ip_route.create": 1,
        "ip_nat.create": 1,
        "allowed_ip.create": 1,
    }
    unsent = store.rows("SELECT COUNT(*) AS n FROM outbox WHERE sent_at IS NULL")
    assert unsent[0].n == 0  # no broker is configured: nobody would send them
    found = store.call("list_ip_address_history", address="10.0.0.2")["history"]
    assert [(h["interface_id"], h["until"]) for h in found] == [("vif-1", None)]


@on_sqlite
def test_one_connection_to_a_database_is_enough(
    melange: MelangeDatabase, run: Run, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_DATABASE__POOL_SIZE", "1")
    monkeypatch.setenv("OS_DATABASE__POOL_TIMEOUT", "1")
    add_cloud(melange)
    status, out, err = run("import-melange", melange.url)
    assert (status, err) == (0, "")
    assert out.endswith("Free space, addresses and events agree.\n")
    assert check.check(db) == []


@on_sqlite
def test_a_dry_run_writes_nothing(melange: MelangeDatabase, run: Run, store: Store) -> None:
    add_cloud(melange)
    status, out, _ = run("import-melange", "--dry-run", melange.url)
    assert status == 0
    assert "ip_addresses" in out
    assert store.rows("SELECT id FROM ip_blocks") == []
    assert store.rows("SELECT id FROM interfaces") == []


def test_an_interrupted_import_is_finished_by_another_run(
    melange: MelangeDatabase, run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_cloud(melange)
    done = Database.run
    transactions = 0

    def dies(self: Database, *args: Any, **kwargs: Any) -> Any:
        nonlocal transactions
        transactions += not kwargs.get("read_only")
        if transactions == 6:
            raise KeyboardInterrupt
        return done(self, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(Database, "run", dies)
        with pytest.raises(KeyboardInterrupt):
            run("import-melange", melange.url)
    assert 0 < len(store.rows("SELECT id FROM ip_blocks")) < 5
    assert check.check(store.db) == []
    assert run("import-melange", melange.url)[0] == 0
    assert len(store.rows("SELECT id FROM ip_blocks")) == 5
    assert len(store.rows("SELECT id FROM ip_addresses")) == 6
    journal = "SELECT event_type, address FROM outbox ORDER BY id"
    whole = [tuple(row) for row in store.rows(journal)]
    status, out, _ = run("import-melange", melange.url)
    assert status == 0
    assert [tuple(row) for row in store.rows(journal)] == whole
    line = next(line for line in out.splitlines() if line.startswith("ip_blocks"))
    assert line.split() == ["ip_blocks", "5", "0", "0", "0", "5"]


@on_sqlite
def test_the_blocks_of_a_network_are_tried_oldest_first(
    melange: MelangeDatabase, run: Run, store: Store
) -> None:
    for number, name in enumerate(sorted(("a", "b", "c"), key=ident, reverse=True)):
        melange.add(
            "ip_blocks", name, cidr=f"10.0.{number}.0/24", type="private", tenant_id="acme",
            network_id="blue", created_at=CREATED + timedelta(days=number),
        )  # fmt: skip
    assert run("import-melange", melange.url)[0] == 0
    found = store.call(
        "allocate_network_ips",
        tenant_id="acme",
        network_id="blue",
        interface_id="vif",
        network={},
    )
    assert addresses(found) == ["10.0.0.1"]
