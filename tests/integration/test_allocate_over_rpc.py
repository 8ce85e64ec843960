"""The main job on real servers: allocate over RPC, from a bare oslo.messaging client."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ipamd import errors
from tests.integration.bare_client import BareClient
from tests.integration.conftest import StartWorkers, database_at

SERVERS = pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)


@SERVERS
def test_three_workers_give_the_lowest_addresses_once_each(
    start_workers: StartWorkers, bare_client: BareClient, upgraded: str
) -> None:
    workers = start_workers(3)
    block = bare_client.call(
        "create_ip_block",
        tenant_id="t1",
        ip_block={"cidr": "10.0.0.0/23", "type": "private"},
    )
    with ThreadPoolExecutor(8) as pool:
        allocate = lambda number: bare_client.call(  # noqa: E731
            "allocate_ip_address",
            tenant_id="t1",
            ip_block_id=block["id"],
            ip_address={"interface_id": f"vif-{number % 50}"},
        )
        answers = list(pool.map(allocate, range(300)))
    # .0 is the network's own address, .1 the gateway.
    lowest = [f"10.0.{n // 256}.{n % 256}" for n in range(2, 302)]
    assert sorted(answer["address"] for answer in answers) == sorted(lowest)
    assert [worker.stop() for worker in workers] == [0, 0, 0]
    db = database_at(upgraded)
    with db.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT count(*) FROM ip_addresses").scalar_one()
    db.close()
    assert rows == 300


@SERVERS
def test_the_254th_address_of_a_24_is_a_typed_error(
    start_workers: StartWorkers, bare_client: BareClient
) -> None:
    start_workers(1)
    block = bare_client.call(
        "create_ip_block", tenant_id="t1", ip_block={"cidr": "10.0.0.0/24", "type": "private"}
    )
    found = bare_client.call(
        "allocate_ip_addresses", tenant_id="t1", ip_block_id=block["id"], count=253
    )
    assert len(found["ip_addresses"]) == 253
    with pytest.raises(errors.NoMoreAddressesError) as caught:
        bare_client.call("allocate_ip_address", tenant_id="t1", ip_block_id=block["id"])
    assert caught.value.http_status == 422
    assert caught.value.code == "no_more_addresses"


@SERVERS
def test_an_idempotency_key_gives_the_first_answer_again(
    start_workers: StartWorkers, bare_client: BareClient
) -> None:
    start_workers(2)
    block = bare_client.call(
        "create_ip_block", tenant_id="t1", ip_block={"cidr": "10.0.0.0/24", "type": "private"}
    )
    again = {"tenant_id": "t1", "ip_block_id": block["id"], "idempotency_key": "boot-17"}
    answers = [bare_client.call("allocate_ip_address", **again) for _ in range(4)]
    assert answers.count(answers[0]) == 4
    listed = bare_client.call("list_ip_addresses", tenant_id="t1", ip_block_id=block["id"])
    assert [address["address"] for address in listed["ip_addresses"]] == ["10.0.0.2"]
    with pytest.raises(errors.IdempotencyKeyReused) as caught:
        bare_client.call("allocate_ip_address", ip_address={"address": "10.0.0.9"}, **again)
    assert caught.value.http_status == 422


@SERVERS
def test_an_interface_gets_a_mac_and_addresses_of_both_families(
    start_workers: StartWorkers, bare_client: BareClient
) -> None:
    start_workers(1)
    for cidr in ("10.0.0.0/24", "fd00:aaaa:bbbb:1::/64"):
        bare_client.call(
            "create_ip_block",
            tenant_id="t1",
            ip_block={"cidr": cidr, "type": "private", "network_id": "net-1"},
        )
    bare_client.call("create_mac_address_range", mac_address_range={"cidr": "BC-AD-CE-0-0-0/24"})
    interface = bare_client.call(
        "create_interface",
        interface={
            "id": "vif-1",
            "tenant_id": "1111",
            "device_id": "vm-1",
            "network": {"id": "net-1", "tenant_id": "t1"},
        },
    )
    assert interface["mac_address"] == "BC:AD:CE:00:00:00"
    assert [address["address"] for address in interface["ip_addresses"]] == [
        "10.0.0.2",
        "fd00:aaaa:bbbb:0001:011c:945f:ff00:0000",
    ]
    bare_client.call("delete_interface", interface_id="vif-1")
    with pytest.raises(errors.InterfaceNotFound):
        bare_client.call("get_interface", interface_id="vif-1")
