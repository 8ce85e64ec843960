"""Chosen addresses of any blocks, many in one transaction, each with its own outcome.

What can fail fails before anything is changed in memory, so a refused entry leaves
nothing behind; the rows of all the others are written together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ipamd import errors
from ipamd.db import bulk
from ipamd.db.database import Transaction
from ipamd.ids import new_id
from ipamd.operations import allocation, interface_states, ip_blocks, loading, quotas
from ipamd.operations.allocation import BlockAllocation
from ipamd.operations.common import Resource, Row
from ipamd.operations.fields import Fields
from ipamd.operations.interface_states import INTERFACES, InterfaceState
from ipamd.operations.mac_batches import MacBatch

MAX_ENTRIES = 5000
_KNOWN = {
    "ip_block_id", "address", "interface_id", "tenant_id", "used_by_device", "mac_address",
}  # fmt: skip


@dataclass
class Entry:
    """One address that is asked for; ``refusal`` is set once it is known not to be had."""

    index: int
    text: object
    ip_block_id: str = ""
    address: int = 0
    interface_id: str | None = None
    lessee: str | None = None
    device: str | None = None
    mac: int | None = None
    refusal: errors.IpamError | None = None
    unchanged: bool = False


def allocate_chosen_ip_addresses(
    tx: Transaction,
    tenant_id: str | None,
    ip_addresses: list[Any],
    dry_run: bool | None = None,
) -> Resource:
    """Allocate chosen addresses of any blocks, up to 5000: each is done or refused by itself.

    An entry is ``{ip_block_id, address, interface_id?, tenant_id?, used_by_device?,
    mac_address?}``, as ``allocate_ip_address`` has them.  ``{allocated, unchanged, refused:
    [{index, address, code, message}]}``: two counts, and what was refused, ``index``
    counted from 0.  Unchanged is what is allocated just as the entry says already.  With
    ``dry_run`` the outcome is told, and nothing changed.

    Raises: ValidationError for no entries or too many; no entry's error is raised
    """
    if not 1 <= len(ip_addresses) <= MAX_ENTRIES:
        text = f"ip_addresses should be a list of 1 to {MAX_ENTRIES} entries"
        raise errors.ValidationError(fields={"ip_addresses": [text]})
    entries = [_read(index, body) for index, body in enumerate(ip_addresses)]
    batch = _Batch(tx, tenant_id, [entry for entry in entries if entry.refusal is None])
    batch.run()
    if dry_run:
        tx.events.clear()
    else:
        batch.write()
    refused = [
        _show_refused(entry, entry.refusal) for entry in entries if entry.refusal is not None
    ]
    unchanged = sum(entry.unchanged for entry in entries)
    return {
        "allocated": len(entries) - len(refused) - unchanged,
        "unchanged": unchanged,
        "refused": refused,
    }


class _Batch:
    """The entries that could be read, and what they need."""

    def __init__(self, tx: Transaction, tenant_id: str | None, entries: Sequence[Entry]) -> None:
        self._tx = tx
        self._tenant_id = tenant_id
        self._entries = entries
        rows = ip_blocks.lock_many(tx, {entry.ip_block_id for entry in entries})
        self._blocks = {block_id: BlockAllocation(tx, row) for block_id, row in rows.items()}
        self._interfaces = _interfaces(tx, entries)
        quotas.lock(tx, {self._lessee(entry) for entry in entries})
        self._held = self._preload()
        new = [e for e in entries if e.interface_id not in self._interfaces]
        devices = {entry.device for entry in new if entry.device}
        self._foreign: set[str | None] = {*interface_states.foreign_devices(tx, devices)}
        self._macs = MacBatch(tx, [entry.mac for entry in new])
        self._new: list[InterfaceState] = []

    def run(self) -> None:
        """Allocate what can be had, in memory."""
        for entry in self._entries:
            emitted = len(self._tx.events)
            try:
                self._allocate(entry)
            except errors.IpamError as error:
                entry.refusal = error
                del self._tx.events[emitted:]

    def write(self) -> None:
        """Write what was allocated."""
        rows = [
            {
                "id": new.id,
                "tenant_id": new.tenant_id,
                "device_id": new.device_id,
                "created_at": self._tx.now,
                "updated_at": self._tx.now,
            }
            for new in self._new
        ]
        bulk.insert(self._tx, INTERFACES, rows)
        self._macs.flush()
        allocation.flush(self._tx, list(self._blocks.values()))

    def _preload(self) -> Mapping[tuple[str, int], Row]:
        """Read the free space around the addresses, and the rows of those that are not free."""
        wanted: dict[str, list[int]] = {block_id: [] for block_id in self._blocks}
        for entry in self._entries:
            if entry.ip_block_id in wanted:
                wanted[entry.ip_block_id].append(entry.address)
        taken = [
            (block_id, address)
            for block_id, addresses in wanted.items()
            for address in self._blocks[block_id].space.taken(addresses)
        ]
        return {
            place: row
            for portion in bulk.portions(self._tx, taken)
            for place, row in loading.addresses(self._tx, portion).items()
        }

    def _allocate(self, entry: Entry) -> None:
        block = self._blocks.get(entry.ip_block_id)
        if block is None or self._tenant_id not in (None, block.block.tenant_id):
            raise errors.IpBlockNotFound()
        lessee = self._lessee(entry)
        row = self._held.get((entry.ip_block_id, entry.address))
        if row is not None and _is_as_wanted(row, entry, lessee):
            entry.unchanged = True
            return
        known = self._interfaces.get(entry.interface_id or "")
        if known is not None:
            if not interface_states.may_use(self._tx.context, known, lessee):
                raise interface_states.taken(known.id)
            block.allocate(known, entry.address)
            return
        self._make_interface(entry, block, lessee)

    def _lessee(self, entry: Entry) -> str:
        block = self._blocks.get(entry.ip_block_id)
        return entry.lessee or ("" if block is None else str(block.block.tenant_id))

    def _make_interface(self, entry: Entry, block: BlockAllocation, lessee: str) -> None:
        tx = self._tx
        if entry.device in self._foreign:
            raise interface_states.not_mine(str(entry.device))
        quotas.check(tx, "interfaces", lessee)
        interface_id = entry.interface_id or new_id()
        new = InterfaceState(interface_id, lessee, entry.device, None, False, None)
        mac = self._macs.offer(entry.mac)
        new.mac = None if mac is None else mac.address
        if mac is not None:
            mac.tell(tx, interface_id, lessee)
        tx.emit("interface.create", new.show_new(tx), tenant_id=lessee)
        block.allocate(new, entry.address)
        if mac is not None:
            self._macs.take(mac, interface_id)
        quotas.use(tx, "interfaces", lessee)
        self._interfaces[interface_id] = new
        self._new.append(new)


def _interfaces(tx: Transaction, entries: Sequence[Entry]) -> dict[str, InterfaceState]:
    wanted = sorted({entry.interface_id for entry in entries if entry.interface_id})
    found: dict[str, InterfaceState] = {}
    for portion in bulk.portions(tx, wanted):
        interface_states.lock(tx, portion)
        found |= interface_states.find_many(tx, portion)
    return found


def _read(index: int, body: object) -> Entry:
    """Read an entry; what is wrong with it is its refusal."""
    entry = Entry(index, body.get("address") if isinstance(body, Mapping) else None)
    try:
        fields = Fields(body, "an entry of ip_addresses")
        for name in fields.body:
            if name not in _KNOWN:
                fields.wrong(str(name)[:80], "is not a field of an entry")
        entry.ip_block_id = fields.text("ip_block_id", required=True) or ""
        entry.address = fields.address("address", "address is not a valid address") or 0
        if not fields.body.get("address"):
            fields.wrong("address", "address should be present")
        entry.interface_id = fields.text("interface_id")
        entry.lessee = fields.text("tenant_id")
        entry.device = fields.text("used_by_device")
        entry.mac = fields.mac()
        fields.check()
    except errors.IpamError as error:
        entry.refusal = error
    return entry


def _is_as_wanted(row: Row, entry: Entry, lessee: str) -> bool:
    """Tell whether an address is held just as an entry says; what it does not say is free."""
    return (
        row.deallocated_at is None
        and row.used_by_tenant_id == lessee
        and entry.interface_id in (None, row.interface_id)
        and entry.device in (None, row.used_by_device_id)
    )


def _show_refused(entry: Entry, refusal: errors.IpamError) -> Resource:
    return {
        "index": entry.index,
        "address": entry.text if isinstance(entry.text, str) else None,
        "code": refusal.code,
        "message": refusal.message,
    }
