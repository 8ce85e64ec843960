"""NAT: one association, made, listed and removed from either end."""

from __future__ import annotations

from typing import Any

import pytest

from ipamd import errors
from ipamd.operations.purge import purge
from tests.db.store import TENANT, Store, together
from tests.operations.events import told, types

LOCAL, GLOBAL = "10.0.0.2", "192.0.2.2"


class Ends:
    """A private and a public block, and the associations of their addresses."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.local = store.block()["id"]
        self.public = store.block("192.0.2.0/24", type="public")["id"]
        store.allocate(self.local, LOCAL, interface_id="vif")
        store.allocate(self.public, GLOBAL, interface_id="router")

    def call(self, method: str, block: str, address: str, **more: Any) -> Any:
        return self.store.call(method, ip_block_id=block, address=address, **more)

    def add_globals(self, *addresses: str) -> None:
        entries = [{"ip_block_id": self.public, "ip_address": text} for text in addresses]
        self.call("add_inside_globals", self.local, LOCAL, ip_addresses=entries)

    def globals(self, address: str = LOCAL) -> list[str]:
        found = self.call("list_inside_globals", self.local, address)["ip_addresses"]
        return [entry["address"] for entry in found]

    def locals(self, address: str = GLOBAL) -> list[str]:
        found = self.call("list_inside_locals", self.public, address)["ip_addresses"]
        return [entry["address"] for entry in found]


@pytest.fixture
def ends(store: Store) -> Ends:
    """An address at either end, not associated yet."""
    return Ends(store)


def test_an_association_is_the_same_from_either_end(ends: Ends) -> None:
    ends.add_globals(GLOBAL)
    assert (ends.globals(), ends.locals()) == ([GLOBAL], [LOCAL])
    entry = [{"ip_block_id": ends.local, "ip_address": LOCAL}]
    ends.call("add_inside_locals", ends.public, GLOBAL, ip_addresses=entry * 2)
    assert (ends.globals(), ends.locals()) == ([GLOBAL], [LOCAL])
    ends.call("remove_inside_locals", ends.public, GLOBAL, inside_address=LOCAL)
    assert (ends.globals(), ends.locals()) == ([], [])
    events = told(ends.store, "ip_nat")
    assert [kind for kind, _ in events] == ["ip_nat.create", "ip_nat.delete"]
    for _, payload in events:
        assert payload["inside_local"]["address"] == LOCAL
        assert payload["inside_global"]["address"] == GLOBAL


def test_an_address_shows_itself_as_everywhere(ends: Ends) -> None:
    ends.add_globals(GLOBAL)
    (shown,) = ends.call("list_inside_globals", ends.local, LOCAL)["ip_addresses"]
    where = {"tenant_id": TENANT, "ip_block_id": ends.public, "address": GLOBAL}
    assert shown == ends.store.call("get_ip_address", **where)


def test_one_is_removed_or_all(ends: Ends) -> None:
    more = [ends.store.allocate(ends.public, interface_id="router") for _ in range(2)]
    ends.add_globals(GLOBAL, *more)
    ends.call("remove_inside_globals", ends.local, LOCAL, inside_address=more[0])
    assert ends.globals() == [GLOBAL, more[1]]
    for unknown in (more[0], "192.0.2.99", "garbage", "fd00::1"):
        ends.call("remove_inside_globals", ends.local, LOCAL, inside_address=unknown)
    assert ends.globals() == [GLOBAL, more[1]]
    ends.call("remove_inside_globals", ends.local, LOCAL)
    assert ends.globals() == []
    ends.call("remove_inside_globals", ends.local, LOCAL)
    assert types(ends.store, "ip_nat") == ["ip_nat.create"] * 3 + ["ip_nat.delete"] * 3


def test_the_tenant_is_optional_and_has_to_be_right(ends: Ends) -> None:
    ends.add_globals(GLOBAL)
    mine = ends.call("list_inside_globals", ends.local, LOCAL, tenant_id=TENANT)
    assert len(mine["ip_addresses"]) == 1
    entry = [{"ip_block_id": ends.public, "ip_address": GLOBAL}]
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("list_inside_globals", ends.local, {}),
        ("add_inside_globals", ends.local, {"ip_addresses": entry}),
        ("remove_inside_globals", ends.local, {}),
        ("list_inside_locals", ends.public, {}),
        ("add_inside_locals", ends.public, {"ip_addresses": entry}),
        ("remove_inside_locals", ends.public, {}),
    ]
    for method, block, more in calls:
        address = LOCAL if block == ends.local else GLOBAL
        with pytest.raises(errors.IpBlockNotFound):
            ends.call(method, block, address, tenant_id="other", **more)
        with pytest.raises(errors.IpBlockNotFound):
            ends.call(method, "none", address, **more)
        for unknown in ("10.0.0.99", "192.0.2.99", "garbage"):
            with pytest.raises(errors.IpAddressNotFound):
                ends.call(method, block, unknown, **more)
    assert ends.globals() == [GLOBAL]


def test_an_association_with_what_is_not_there_fails_as_a_whole(ends: Ends) -> None:
    good = {"ip_block_id": ends.public, "ip_address": GLOBAL}
    theirs = ends.store.call(
        "create_ip_block",
        tenant_id="other",
        ip_block={"cidr": "198.51.100.0/24", "type": "public"},
    )["id"]
    their_address = ends.store.call("allocate_ip_address", tenant_id="other", ip_block_id=theirs)[
        "address"
    ]
    cases: list[tuple[Any, type[errors.IpamError]]] = [
        ({"ip_block_id": ends.public, "ip_address": "192.0.2.99"}, errors.IpAddressNotFound),
        ({"ip_block_id": ends.public, "ip_address": "garbage"}, errors.IpAddressNotFound),
        ({"ip_block_id": "none", "ip_address": GLOBAL}, errors.IpBlockNotFound),
        ({"ip_block_id": theirs, "ip_address": their_address}, errors.IpBlockNotFound),
        ({"ip_block_id": ends.public}, errors.MissingParameters),
        ({"ip_address": GLOBAL}, errors.MissingParameters),
        ({"ip_block_id": 5, "ip_address": GLOBAL}, errors.ValidationError),
        (None, errors.BadRequest),
        ("192.0.2.2", errors.BadRequest),
        ([], errors.BadRequest),
    ]
    for bad, expected in cases:
        with pytest.raises(expected):
            ends.call(
                "add_inside_globals",
                ends.local,
                LOCAL,
                tenant_id=TENANT,
                ip_addresses=[good, bad],
            )
    wrong: list[Any] = [None, {}, "x"]
    for missing in wrong:
        with pytest.raises(errors.BadRequest):
            ends.call("add_inside_globals", ends.local, LOCAL, ip_addresses=missing)
    ends.call("add_inside_globals", ends.local, LOCAL, ip_addresses=[])
    assert ends.globals() == []
    assert types(ends.store, "ip_nat") == []


def test_an_address_in_quarantine_is_locked(ends: Ends) -> None:
    gone = ends.store.allocate(ends.public, interface_id="router")
    ends.store.deallocate(ends.public, gone)
    with pytest.raises(errors.AddressLocked, match="^Address is locked$"):
        ends.add_globals(GLOBAL, gone)
    ends.store.deallocate(ends.local, LOCAL)
    with pytest.raises(errors.AddressLocked):
        ends.add_globals(GLOBAL)
    ends.store.restore(ends.local, LOCAL)
    ends.add_globals(GLOBAL)
    assert ends.globals() == [GLOBAL]


def test_an_association_goes_with_its_block(ends: Ends) -> None:
    ends.add_globals(GLOBAL)
    ends.store.call("delete_ip_block", tenant_id=TENANT, ip_block_id=ends.public)
    assert ends.globals() == []


def test_an_association_goes_with_its_address_and_has_no_event_of_its_own(ends: Ends) -> None:
    ends.add_globals(GLOBAL)
    ends.store.deallocate(ends.public, GLOBAL)
    assert ends.globals() == [GLOBAL]  # it may come back
    ends.store.db.conf.set_override("keep_deallocated_ips_for_days", 0, group="ipam")
    purge(ends.store.db)
    assert ends.globals() == []
    assert types(ends.store, "ip_nat") == ["ip_nat.create"]
    assert types(ends.store, "ip_address")[-1] == "ip_address.delete"


def test_what_many_do_is_told_of_once(ends: Ends) -> None:
    entry = [{"ip_block_id": ends.local, "ip_address": LOCAL}]

    def add() -> None:
        ends.add_globals(GLOBAL)

    def add_from_there() -> None:
        ends.call("add_inside_locals", ends.public, GLOBAL, ip_addresses=entry)

    def remove() -> None:
        ends.call("remove_inside_globals", ends.local, LOCAL)

    def remove_from_there() -> None:
        ends.call("remove_inside_locals", ends.public, GLOBAL, inside_address=LOCAL)

    for _ in range(3):
        together(add, add_from_there, add)
        assert ends.globals() == [GLOBAL]
        together(remove, remove_from_there, remove)
        assert ends.globals() == []
    assert types(ends.store, "ip_nat") == ["ip_nat.create", "ip_nat.delete"] * 3
