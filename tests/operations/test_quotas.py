"""Quotas: the last unit goes to one caller, and who has no quota pays nothing for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest

from ipamd import config, errors
from ipamd.context import RequestContext
from ipamd.db import check
from ipamd.db.database import Database
from ipamd.quotas import Quotas
from tests.db.statements import counted
from tests.db.store import TENANT, Store, together

THREADS = 8
REFUSED = "quota_exceeded 403"


@pytest.fixture
def limit(store: Store) -> Iterator[Callable[..., list[Store]]]:
    """Set quotas, and give the store as two worker processes see it."""
    opened = []

    def limit(**quotas: Any) -> list[Store]:
        for name, value in quotas.items():
            store.db.conf.set_override(name, value, group="quota")
        stores = [Store(Database(store.db.conf)) for _ in range(2)]
        opened.extend(stores)
        return stores

    yield limit
    for each in opened:
        each.db.close()


def outcome(work: Callable[[], object]) -> str:
    try:
        work()
    except errors.QuotaExceeded as refusal:
        return f"{refusal.code} {refusal.http_status}"
    return "done"


def race(works: Sequence[Callable[[], object]]) -> tuple[int, int]:
    """Do it all at once; return how many were done, and how many refused."""
    found = together(*[partial(outcome, work) for work in works])
    return found.count("done"), found.count(REFUSED)


def test_one_of_two_gets_the_last_address(limit: Callable[..., list[Store]]) -> None:
    stores = limit(ip_addresses=5)
    blocks = [stores[0].block(f"10.0.{n}.0/24")["id"] for n in range(2)]
    for _ in range(4):
        stores[0].allocate(blocks[0])
    # In the same block and in two, through the same process and through two.
    works = [
        partial(stores[n % 2].allocate, blocks[n // 2 % 2], interface_id=f"vif{n}")
        for n in range(THREADS)
    ]
    assert race(works) == (1, THREADS - 1)
    held = stores[0].rows("SELECT count(*) AS n FROM ip_addresses")[0].n
    assert held == 5
    assert stores[0].rows("SELECT sum(allocated) AS n FROM ip_blocks")[0].n == 5
    # Those who were refused an address left no interface behind.
    assert stores[0].rows("SELECT count(*) AS n FROM interfaces")[0].n == 2
    assert check.check(stores[0].db) == []


def test_one_of_many_gets_the_last_interface(limit: Callable[..., list[Store]]) -> None:
    stores = limit(interfaces=3)
    block = stores[0].block()["id"]
    for number in range(2):
        stores[0].allocate(block, interface_id=f"old{number}")

    def create(store: Store, number: int) -> None:
        body = {"id": f"made{number}", "tenant_id": TENANT}
        store.call("create_interface", interface=body)

    works: list[Callable[[], object]] = []
    for number in range(THREADS // 2):
        works.append(partial(create, stores[number % 2], number))
        works.append(partial(stores[number % 2].allocate, block, interface_id=f"new{number}"))
    assert race(works) == (1, THREADS - 1)
    assert stores[0].rows("SELECT count(*) AS n FROM interfaces")[0].n == 3
    assert check.check(stores[0].db) == []


def test_one_of_many_gets_the_last_block(limit: Callable[..., list[Store]]) -> None:
    stores = limit(ip_blocks=2)
    parent = stores[0].block("10.0.0.0/16")["id"]
    works: list[Callable[[], object]] = []
    for number in range(THREADS // 2):
        works.append(partial(stores[number % 2].block, f"10.{number + 1}.0.0/24"))
        works.append(partial(stores[number % 2].subnet, parent, f"10.0.{number}.0/24"))
    assert race(works) == (1, THREADS - 1)
    assert stores[0].rows("SELECT count(*) AS n FROM ip_blocks")[0].n == 2
    subnets = stores[0].rows("SELECT count(*) AS n FROM ip_blocks WHERE parent_id IS NOT NULL")
    counter = stores[0].rows("SELECT sum(subnets) AS n FROM ip_blocks")[0].n
    assert counter == subnets[0].n
    assert check.check(stores[0].db) == []


def test_in_a_batch_everybody_has_a_quota_of_his_own(limit: Callable[..., list[Store]]) -> None:
    store = limit(ip_addresses=-1, tenant_ip_addresses={"small": 2})[0]
    block = store.block("10.0.0.0/24")["id"]

    def lease(number: int) -> object:
        tenant = "small" if number % 2 else f"other{number}"
        return store.allocate(block, interface_id=f"vif{number}", tenant_id=tenant)

    done, refused = race([partial(lease, number) for number in range(24)])
    assert (done, refused) == (14, 10)
    held = store.rows("SELECT count(*) AS n FROM ip_addresses WHERE used_by_tenant_id = 'small'")[
        0
    ].n
    assert held == 2
    assert check.check(store.db) == []


def test_what_is_given_back_can_be_taken_again(limit: Callable[..., list[Store]]) -> None:
    store = limit(ip_addresses=1)[0]
    block = store.block()["id"]
    first = store.allocate(block)
    assert outcome(partial(store.allocate, block)) == REFUSED
    store.deallocate(block, first)
    second = store.allocate(block)
    # One in quarantine is nobody's: to restore it needs room again.
    assert outcome(partial(store.restore, block, first)) == REFUSED
    store.deallocate(block, second)
    assert outcome(partial(store.restore, block, first)) == "done"


def test_many_at_once_are_all_or_nothing(limit: Callable[..., list[Store]]) -> None:
    store = limit(ip_addresses=10)[0]
    block = store.block()["id"]
    assert outcome(partial(store.bulk, block, 11)) == REFUSED
    assert store.rows("SELECT count(*) AS n FROM ip_addresses")[0].n == 0
    assert len(store.bulk(block, 10)) == 10


def test_addresses_of_a_network_are_all_or_nothing(limit: Callable[..., list[Store]]) -> None:
    store = limit(ip_addresses=1)[0]
    for cidr in ("10.0.0.0/24", "fd00::/64"):
        store.block(cidr, network_id="net")
    names = {"tenant_id": TENANT, "network_id": "net", "interface_id": "vif"}
    both: dict[str, Any] = {**names, "network": {"mac_address": "02:00:00:00:00:01"}}
    assert outcome(partial(store.call, "allocate_network_ips", **both)) == REFUSED
    assert store.rows("SELECT count(*) AS n FROM ip_addresses")[0].n == 0
    assert store.rows("SELECT count(*) AS n FROM interfaces")[0].n == 0


def every_way(store: Store, block: str) -> dict[str, Callable[[], Any]]:
    """Return every way to an interface with an address of the tenant's, by its RPC method."""
    names = {"tenant_id": TENANT, "ip_block_id": block}
    network = {"id": "net", "tenant_id": TENANT}
    made = {"tenant_id": TENANT, "network": network}
    entry = {"ip_block_id": block, "address": "10.0.0.9", "interface_id": "chosen"}

    def chosen() -> None:
        answer = store.call("allocate_chosen_ip_addresses", tenant_id=TENANT, ip_addresses=[entry])
        for refused in answer["refused"]:
            raise errors.from_dict(refused)

    return {
        "allocate_ip_address": lambda: store.allocate(block, interface_id="one"),
        "allocate_ip_addresses": lambda: store.call(
            "allocate_ip_addresses", **names, count=2, ip_address={"interface_id": "many"}
        ),
        "allocate_chosen_ip_addresses": chosen,
        "allocate_network_ips": lambda: store.call(
            "allocate_network_ips", tenant_id=TENANT, network_id="net", interface_id="network"
        ),
        "create_interface": lambda: store.call("create_interface", interface=made),
        "create_instance_interface": lambda: store.call(
            "create_instance_interface", instance_id="i", interface=made
        ),
        "replace_instance_interfaces": lambda: store.call(
            "replace_instance_interfaces",
            instance_id="i",
            instance={"tenant_id": TENANT, "interfaces": [{"network": network}]},
        ),
    }


@pytest.mark.parametrize("kind", ["ip_addresses", "interfaces"])
def test_there_is_no_way_past_a_quota(limit: Callable[..., list[Store]], kind: str) -> None:
    store = limit(**{kind: 0})[0]
    block = store.block(network_id="net")["id"]
    for method, work in every_way(store, block).items():
        assert outcome(work) == REFUSED, method
    for table in ("ip_addresses", "interfaces"):
        assert store.rows(f"SELECT count(*) AS n FROM {table}")[0].n == 0
    assert check.check(store.db) == []


def test_every_way_is_open_below_the_quota(limit: Callable[..., list[Store]]) -> None:
    store = limit(ip_addresses=100, interfaces=100)[0]
    block = store.block(network_id="net")["id"]
    for method, work in every_way(store, block).items():
        assert outcome(work) == "done", method
    # Those of create_instance_interface went when the instance's were replaced.
    assert store.rows("SELECT count(*) AS n FROM interfaces")[0].n == 6
    assert check.check(store.db) == []


def test_the_lessee_pays_and_not_the_owner(limit: Callable[..., list[Store]]) -> None:
    store = limit(ip_addresses=1)[0]
    block = store.block()["id"]
    assert store.allocate(block, interface_id="a", tenant_id="lessee")
    assert store.allocate(block, interface_id="b")
    again = partial(store.allocate, block, interface_id="a", tenant_id="lessee")
    assert outcome(again) == REFUSED


def test_without_a_quota_nothing_is_counted(store: Store) -> None:
    assert store.db.quotas is None
    block = store.block()["id"]
    store.allocate(block)
    with counted(store.db) as statements:
        store.allocate(block)
    assert len(statements) <= 6
    assert not any("count(" in str(statement).lower() for statement in statements)
    assert store.rows("SELECT name FROM scopes WHERE name LIKE 'quota:%'") == []


def test_the_refusal_names_what_and_how_many(limit: Callable[..., list[Store]]) -> None:
    store = limit(ip_blocks=0)[0]
    with pytest.raises(errors.QuotaExceeded, match="quota of 0 ip blocks") as caught:
        store.block()
    assert caught.value.kwargs == {"resource": "ip_blocks", "limit": 0}


def test_single_tenants_have_limits_of_their_own() -> None:
    conf = config.load([])
    assert Quotas.from_conf(conf) is None
    conf.set_override("ip_blocks", 3, group="quota")
    conf.set_override("tenant_ip_blocks", {"large": 30, "free": -1}, group="quota")
    quotas = Quotas.from_conf(conf)
    assert quotas is not None
    found = [quotas.of("ip_blocks", tenant) for tenant in ("any", "large", "free")]
    assert found == [3, 30, None]
    assert quotas.of("interfaces", "any") is None


@pytest.mark.parametrize(
    "quotas", [{"ip_addresses": 3, "interfaces": 3}, {"tenant_ip_addresses": {"victim": 3}},
               {"tenant_interfaces": {TENANT: 3}}],
)  # fmt: skip
def test_nobody_spends_anothers_quota_or_passes_their_own_by_leasing(
    limit: Callable[..., list[Store]], quotas: dict[str, Any]
) -> None:
    store = limit(**quotas)[0]
    block = store.block(network_id="net")["id"]
    confined = RequestContext(project_id=TENANT, confined=True, overwrite=False)

    def ask(method: str, **args: Any) -> Any:
        return store.manager.call(confined, method, {"tenant_id": TENANT, **args})

    lease = {"tenant_id": "victim"}
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("allocate_ip_address", {"ip_block_id": block, "ip_address": lease}),
        ("allocate_ip_addresses", {"ip_block_id": block, "count": 2, "ip_address": lease}),
        ("allocate_network_ips",
         {"network_id": "net", "interface_id": "vif", "network": lease}),
    ]  # fmt: skip
    for method, args in attempts:
        with pytest.raises(errors.Forbidden, match="only an admin leases"):
            ask(method, **args)
    entries = [{"ip_block_id": block, "address": "10.0.0.9", **lease}]
    found = ask("allocate_chosen_ip_addresses", ip_addresses=entries)
    assert [refused["code"] for refused in found["refused"]] == ["forbidden"]
    assert store.rows("SELECT count(*) AS n FROM interfaces")[0].n == 0
    assert ask("allocate_ip_address", ip_block_id=block)["used_by_tenant"] == TENANT
    # An admin's lease is a lease, which the owner of the block ends and restores.
    address = store.allocate(block, **lease)
    ask("deallocate_ip_address", ip_block_id=block, address=address)
    back = ask("restore_ip_address", ip_block_id=block, address=address)
    assert back["used_by_tenant"] == "victim"
    assert check.check(store.db) == []
