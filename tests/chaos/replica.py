"""The store rebuilt from nothing but its events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ipamd.db.models import Interface, IpAddress, IpBlock, MacAddress, table_of
from ipamd.ipam.addresses import format_address
from ipamd.ipam.mac import format_mac

_BLOCKS = table_of(IpBlock)
_ADDRESSES = table_of(IpAddress)
_INTERFACES = table_of(Interface)
_MACS = table_of(MacAddress)

HELD, QUARANTINED = "held", "in quarantine"


@dataclass(frozen=True)
class Address:
    """An address row: where it is, its state, and who holds it if it is held."""

    block_id: str
    address: str
    state: str
    interface_id: str | None


class Replica:
    """Applies events; whatever does not follow from what was heard before is a problem."""

    def __init__(self) -> None:
        self.blocks: set[str] = set()
        self.interfaces: set[str] = set()
        self.macs: dict[str, str] = {}
        self.addresses: dict[str, Address] = {}
        self.problems: list[str] = []
        self._taken: dict[tuple[str, str], str] = {}
        self._sequences: dict[str, int] = {}
        self._apply: dict[str, Callable[[Mapping[str, Any]], bool]] = {
            "ip_block.create": lambda event: _added(self.blocks, event["id"]),
            "ip_block.delete": self._delete_block,
            "interface.create": lambda event: _added(self.interfaces, event["id"]),
            "interface.delete": lambda event: _removed(self.interfaces, event["id"]),
            "mac_address.create": self._create_mac,
            "mac_address.delete": lambda event: self.macs.pop(event["id"], None) is not None,
            "ip_address.create": self._create_address,
            "ip_address.deallocate": self._deallocate_address,
            "ip_address.restore": self._restore_address,
            "ip_address.delete": self._delete_address,
        }

    def replay(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Apply events in the order in which they came."""
        for event in events:
            kind = event["event_type"]
            self._check_order(event)
            apply = self._apply.get(kind)
            if apply is not None and not apply(event):
                name = event.get("address") or event["id"]
                self.problems.append(f"{kind} of {name} ({event['sequence']}) does not follow")

    def _check_order(self, event: Mapping[str, Any]) -> None:
        # Failed casts have a queue of their own, and no place in the order.
        block = event.get("ip_block_id")
        if block is None or event["event_type"].endswith(".error"):
            return
        before = self._sequences.get(block, 0)
        if event["sequence"] <= before:
            self.problems.append(f"block {block}: {event['sequence']} came after {before}")
        self._sequences[block] = event["sequence"]

    def _delete_block(self, event: Mapping[str, Any]) -> bool:
        inside = [key for key, row in self.addresses.items() if row.block_id == event["id"]]
        for key in inside:
            row = self.addresses.pop(key)
            del self._taken[row.block_id, row.address]
        return _removed(self.blocks, event["id"])

    def _create_mac(self, event: Mapping[str, Any]) -> bool:
        fresh = event["address"] not in self.macs.values()
        self.macs[event["id"]] = event["address"]
        return fresh

    def _create_address(self, event: Mapping[str, Any]) -> bool:
        place = (event["ip_block_id"], event["address"])
        fresh = place not in self._taken and event["ip_block_id"] in self.blocks
        self._taken[place] = event["id"]
        self.addresses[event["id"]] = Address(*place, HELD, event["interface_id"])
        return fresh

    def _deallocate_address(self, event: Mapping[str, Any]) -> bool:
        return self._change(event, HELD, QUARANTINED)

    def _restore_address(self, event: Mapping[str, Any]) -> bool:
        return self._change(event, QUARANTINED, HELD)

    def _change(self, event: Mapping[str, Any], before: str, after: str) -> bool:
        row = self.addresses.get(event["id"])
        if row is None or row.state != before:
            return False
        holder = event["interface_id"] if after == HELD else None
        self.addresses[event["id"]] = Address(row.block_id, row.address, after, holder)
        return True

    def _delete_address(self, event: Mapping[str, Any]) -> bool:
        row = self.addresses.pop(event["id"], None)
        if row is None:
            return False
        holder: str | None = self._taken.pop((row.block_id, row.address), None)
        return holder is not None and holder == event["id"]


@dataclass(frozen=True)
class Contents:
    """What the store holds, in the replica's terms."""

    blocks: set[str]
    interfaces: set[str]
    macs: dict[str, str]
    addresses: dict[str, Address]


def read(engine: sa.Engine) -> Contents:
    """Read the store."""
    with engine.connect() as connection:
        addresses = {}
        for row in connection.execute(sa.select(_ADDRESSES)):
            held = row.deallocated_at is None
            addresses[row.id] = Address(
                row.ip_block_id,
                format_address(row.address),
                HELD if held else QUARANTINED,
                row.interface_id if held else None,
            )
        macs = connection.execute(sa.select(_MACS.c.id, _MACS.c.address))
        return Contents(
            set(connection.scalars(sa.select(_BLOCKS.c.id))),
            set(connection.scalars(sa.select(_INTERFACES.c.id))),
            {row.id: format_mac(row.address) for row in macs},
            addresses,
        )


def differences(replica: Replica, store: Contents) -> list[str]:
    """Say in what the events and the store contradict each other."""
    found = list(replica.problems)
    for name in ("blocks", "interfaces", "macs", "addresses"):
        heard, held = _items(getattr(replica, name)), _items(getattr(store, name))
        found += [f"only events tell of {name}: {item}" for item in sorted(heard - held, key=str)]
        found += [f"no event tells of {name}: {item}" for item in sorted(held - heard, key=str)]
    return found


def _items(values: set[Any] | dict[Any, Any]) -> set[Any]:
    return set(values.items()) if isinstance(values, dict) else set(values)


def _added(known: set[str], name: str) -> bool:
    fresh = name not in known
    known.add(name)
    return fresh


def _removed(known: set[str], name: str) -> bool:
    was_known = name in known
    known.discard(name)
    return was_known
