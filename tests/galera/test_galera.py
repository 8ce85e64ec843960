"""Two nodes of a Galera cluster, written to at the same time.

A row lock is known to its own node only.  What two nodes do to the same row is found out
at commit: one of them is told that it lost, and its transaction runs again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db import check, schema
from ipamd.db.database import Database
from ipamd.rpc.client import IpamClient
from ipamd.rpc.manager import Manager
from tests.integration.conftest import database_at
from tests.integration.programs import Program
from tests.services.databases import fresh_database
from tests.services.galera import GaleraCluster
from tests.services.waiting import wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.services("mariadb")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[GaleraCluster]:
    """A cluster of three nodes: two are a majority when the third dies."""
    with GaleraCluster(3) as cluster:
        yield cluster


@pytest.fixture
def urls(cluster: GaleraCluster) -> Iterator[list[str]]:
    """URLs of one migrated database, through two of the nodes."""
    first, second, _ = cluster.nodes
    with fresh_database(first.url) as url:
        db = database_at(url)
        schema.upgrade(db)
        db.close()
        other = url.replace(f":{first.port}/", f":{second.port}/")
        wait_until(lambda: _is_migrated(other))
        yield [url, other]


def _is_migrated(url: str) -> bool:
    db = database_at(url)
    try:
        return schema.current(db) == schema.head()
    except Exception:  # noqa: BLE001 - the database has not come to this node yet
        return False
    finally:
        db.close()


@pytest.fixture
def databases(urls: list[str]) -> Iterator[list[Database]]:
    """The database through each of two nodes."""
    found = [database_at(url) for url in urls]
    yield found
    for db in found:
        db.close()


def call(db: Database, method: str, **args: Any) -> Any:
    return Manager(db).call(RequestContext(project_id="acme"), method, args)


def block(db: Database, cidr: str = "10.0.0.0/22", **values: Any) -> str:
    body = {"cidr": cidr, "type": "private", **values}
    made = call(db, "create_ip_block", tenant_id="acme", ip_block=body)
    return str(made["id"])


def settled(databases: list[Database]) -> None:
    """Check the store through both nodes once each has applied what the other wrote."""
    for db in databases:
        wait_until(lambda db=db: check.check(db) == [], timeout=10)  # type: ignore[misc]


def test_no_address_is_given_twice_by_two_nodes(
    cluster: GaleraCluster, databases: list[Database]
) -> None:
    hot = block(databases[0])
    wait_until(lambda: call(databases[1], "list_ip_blocks", tenant_id="acme")["ip_blocks"])
    before = cluster.conflicts()
    managers = [Manager(db) for db in databases]

    def allocate(number: int) -> list[str]:
        manager, taken = managers[number % 2], []
        for each in range(25):
            args = {
                "tenant_id": "acme",
                "ip_block_id": hot,
                "ip_address": {"interface_id": f"vif-{number}"},
                "idempotency_key": f"key-{number}-{each}",
            }
            while True:
                try:
                    context = RequestContext(project_id="acme")
                    taken.append(manager.call(context, "allocate_ip_address", args)["address"])
                    break
                except errors.Busy:
                    continue  # ten times another node was faster: it is for the caller to say
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [address for mine in pool.map(allocate, range(8)) for address in mine]
    assert len(taken) == len(set(taken)) == 200
    # Otherwise nothing was tested.
    assert cluster.conflicts() > before
    settled(databases)
    assert (
        call(databases[0], "get_ip_block_utilization", tenant_id="acme", ip_block_id=hot)[
            "allocated"
        ]
        == 200
    )


def test_a_key_is_done_once_though_both_nodes_are_asked(
    databases: list[Database],
) -> None:
    hot = block(databases[0])
    wait_until(lambda: call(databases[1], "list_ip_blocks", tenant_id="acme")["ip_blocks"])

    def allocate(number: int, key: str) -> str:
        while True:
            try:
                found = call(
                    databases[number],
                    "allocate_ip_address",
                    tenant_id="acme",
                    ip_block_id=hot,
                    ip_address={"interface_id": "vif"},
                    idempotency_key=key,
                )
                return str(found["address"])
            except (errors.Busy, errors.RequestInProgress):
                continue

    with ThreadPoolExecutor(2) as pool:
        for round_number in range(15):
            key = f"key-{round_number}"
            one, two = pool.map(allocate, (0, 1), (key, key))
            assert one == two
    settled(databases)


@pytest.mark.parametrize("kind", ["private", "public"])
def test_overlapping_blocks_are_not_made_by_two_nodes(
    databases: list[Database], kind: str
) -> None:
    def create(number: int, cidr: str) -> bool:
        start.wait()
        try:
            block(databases[number], cidr, network_id="blue", type=kind)
        except errors.ValidationError:
            return False
        return True

    block(databases[0], "10.255.0.0/24", network_id="blue", type=kind)
    wait_until(lambda: call(databases[1], "list_ip_blocks", tenant_id="acme")["ip_blocks"])
    start = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        made = [list(pool.map(create, (0, 1), [f"10.{n}.0.0/16"] * 2)) for n in range(10)]
    assert [sorted(pair) for pair in made] == [[False, True]] * 10
    settled(databases)


def test_mac_addresses_are_given_once_by_two_nodes(databases: list[Database]) -> None:
    body = {"cidr": "02-00-00-00-00-00/40"}
    call(databases[0], "create_mac_address_range", mac_address_range=body)
    wait_until(lambda: call(databases[1], "list_mac_address_ranges")["mac_address_ranges"])

    def create(number: int) -> str:
        interface = {"id": f"vif-{number}", "tenant_id": "acme"}
        while True:
            try:
                made = call(databases[number % 2], "create_interface", interface=interface)
                return str(made["mac_address"])
            except errors.Busy:
                continue

    with ThreadPoolExecutor(6) as pool:
        macs = list(pool.map(create, range(60)))
    assert len(set(macs)) == 60
    settled(databases)


def test_a_worker_goes_on_when_the_node_of_the_other_dies(
    cluster: GaleraCluster, urls: list[str], transport_url: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        workers = [
            Program(
                "worker",
                tmp_path,
                {"DEFAULT": {"transport_url": transport_url}, "database": {"connection": url}},
                f"worker-{number}",
            )
            for number, url in enumerate(urls)
        ]
        for worker in workers:
            stack.callback(worker.kill)
        for worker in workers:
            worker.wait_for("takes requests")
        ipam = IpamClient(transport_url, tenant_id="acme", timeout=60)
        made = ipam.create_ip_block("acme", {"cidr": "10.0.0.0/16", "type": "private"})
        taken: list[str] = []
        stop = threading.Event()

        def allocate(number: int) -> None:
            client = IpamClient(transport_url, tenant_id="acme", timeout=60)
            while not stop.is_set():
                try:
                    body = {"interface_id": f"vif-{number}"}
                    taken.append(client.allocate_ip_address("acme", made["id"], body)["address"])
                except errors.Busy:
                    continue
            client.close()

        threads = [threading.Thread(target=allocate, args=[n]) for n in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(taken) > 50, timeout=40)
        cluster.nodes[1].kill()
        workers[1].kill()
        done = len(taken)
        wait_until(lambda: len(taken) > done + 50, timeout=60)
        stop.set()
        for thread in threads:
            thread.join()
        ipam.close()
        assert len(taken) == len(set(taken))
        db = database_at(urls[0])
        assert check.check(db) == []
        found = call(db, "get_ip_block_utilization", tenant_id="acme", ip_block_id=made["id"])
        assert found["allocated"] == len(taken)
        db.close()
        assert "Traceback" not in workers[0].text()
    cluster.nodes[1].start()


def test_a_node_without_a_majority_refuses_in_one_sentence(
    cluster: GaleraCluster,
) -> None:
    # Not of the fixture: without a majority nobody drops it.
    url = cluster.nodes[0].url
    db = database_at(url)
    schema.upgrade(db)
    hot = block(db)
    # The last test of the cluster: it does not recover by itself from this.
    for node in cluster.nodes[1:]:
        node.kill()

    def allocate() -> bool:
        try:
            call(
                db,
                "allocate_ip_address",
                tenant_id="acme",
                ip_block_id=hot,
                ip_address={"interface_id": "vif"},
            )
        except (errors.Busy, errors.Unavailable):
            return False
        return True

    wait_until(lambda: not allocate(), timeout=30)
    for _ in range(5):
        assert not allocate()
    db.close()
