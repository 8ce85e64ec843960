"""Allocations and releases that wait at the same moment, done in one transaction.

Each request gets its own answer and its own error: what can fail fails before anything
is changed in memory, and the rows of those that succeeded are written together, one
statement for each table.  Requests that need rows of their own in the middle (an
interface with a MAC address) raise ``Alone`` and are done one by one instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db import bulk, idempotency
from ipamd.db.database import Transaction
from ipamd.ids import new_id
from ipamd.ipam.addresses import parse_address
from ipamd.operations import allocation, ip_addresses, loading, quarantine, quotas
from ipamd.operations.allocation import BlockAllocation
from ipamd.operations.fields import Fields
from ipamd.operations.interface_states import INTERFACES, InterfaceState, may_use, taken


class Alone(Exception):
    """The request cannot share a transaction; nothing of it was done."""


@dataclass
class Request:
    """One request of a batch, and what became of it in the transaction's present run."""

    context: RequestContext
    keyed: idempotency.Keyed
    given_key: str | None
    tenant_id: str | None
    ip_block_id: str
    may_be_known: bool
    look: bool = False
    answer: Any = None
    error: Exception | None = None
    # Its answer or refusal is kept under its key.
    stored: bool = False

    def reset(self) -> None:
        """Forget what an earlier run of the transaction made of it."""
        self.answer, self.error, self.stored = None, None, False


@dataclass
class Allocation(Request):
    """``allocate_ip_address`` with its body read."""

    chosen: int | None = None
    interface_id: str | None = None
    lessee: str | None = None
    device: str | None = None


@dataclass
class Release(Request):
    """``deallocate_ip_address``; ``address`` None is text that is no address."""

    address: int | None = None


@dataclass
class Loaded:
    """What the batch works on: locked blocks and the interfaces that are named."""

    blocks: dict[str, BlockAllocation]
    interfaces: dict[str, InterfaceState]
    mac_ranges: bool
    new: list[InterfaceState] = field(default_factory=list)


def read_allocation(args: Mapping[str, Any], **common: Any) -> Allocation:
    """Read the arguments of ``allocate_ip_address``.

    Raises: ValidationError, BadRequest; Alone when a MAC address is given
    """
    fields = Fields(args.get("ip_address"), "ip_address")
    chosen = fields.address("address", "address is not a valid address")
    interface_id, lessee, device, mac = ip_addresses.holder(fields)
    if mac is not None:
        raise Alone
    return Allocation(
        tenant_id=args["tenant_id"],
        ip_block_id=args["ip_block_id"],
        chosen=chosen,
        interface_id=interface_id,
        lessee=lessee,
        device=device,
        **common,
    )


def read_release(args: Mapping[str, Any], **common: Any) -> Release:
    """Read the arguments of ``deallocate_ip_address``."""
    try:
        address = parse_address(args["address"])
    except ValueError:
        address = None
    return Release(
        tenant_id=args["tenant_id"], ip_block_id=args["ip_block_id"], address=address, **common
    )


READERS = {"allocate_ip_address": read_allocation, "deallocate_ip_address": read_release}


def run(tx: Transaction, requests: Sequence[Request]) -> None:
    """Do ``requests``; each ends with an answer or an error.

    A single request that fails raises its error, so that nothing is committed.
    """
    for request in requests:
        request.reset()
    open_requests = _without_answered(tx, requests)
    releases = [request for request in open_requests if isinstance(request, Release)]
    allocations = [request for request in open_requests if isinstance(request, Allocation)]
    if len(open_requests) == 1 and allocations:
        loaded = loading.one(tx, allocations[0].ip_block_id, allocations[0].interface_id,
                             allocations[0].chosen)  # fmt: skip
    else:
        ids = {request.interface_id for request in allocations if request.interface_id}
        loaded = loading.many(tx, {request.ip_block_id for request in open_requests}, ids,
                              may_create=bool(allocations))  # fmt: skip
    if releases:
        _release(tx, loaded, releases)
    if tx.quotas is not None:
        quotas.lock(tx, {_holder(loaded, request) for request in allocations})
    for request in allocations:
        _attempt(tx, loaded, request)
    _fail_alone_or_find_answer(tx, requests, open_requests)
    _write(tx, loaded, open_requests)


def _without_answered(tx: Transaction, requests: Sequence[Request]) -> list[Request]:
    """Answer the requests whose keys are known; return the others.

    The first run looks only for keys that may well be known.  A new key that turns out
    to exist collides when it is stored, and the transaction runs again.
    """
    look = [request for request in requests if request.look or tx.attempt > 1]
    if look:
        _answer_stored(tx, look)
    return [r for r in requests if not r.stored]


def _answer_stored(tx: Transaction, requests: Sequence[Request]) -> None:
    found = idempotency.find(tx, [request.keyed for request in requests])
    for request in requests:
        stored = found.get(request.keyed.scoped_key)
        if stored is None:
            continue
        request.stored, request.error = True, None
        try:
            request.answer = stored.answer_to(request.keyed)
        except errors.IpamError as error:
            request.error = error


def _attempt(tx: Transaction, loaded: Loaded, request: Allocation) -> None:
    tx.context, tx.request_key = request.context, request.given_key
    emitted = len(tx.events)
    try:
        block = _block(loaded, request)
        interface, is_new = _interface(tx, loaded, request, block)
        if is_new:
            tx.emit("interface.create", interface.show_new(tx), tenant_id=interface.tenant_id)
        request.answer = block.allocate(interface, request.chosen)
    except (errors.IpamError, Alone) as error:
        request.error = error
        del tx.events[emitted:]
        return
    if is_new:
        quotas.use(tx, "interfaces", interface.tenant_id)
        loaded.interfaces[interface.id] = interface
        loaded.new.append(interface)


def _block(loaded: Loaded, request: Request) -> BlockAllocation:
    block = loaded.blocks.get(request.ip_block_id)
    if block is None or request.tenant_id not in (None, block.block.tenant_id):
        raise errors.IpBlockNotFound()
    return block


def _interface(
    tx: Transaction, loaded: Loaded, request: Allocation, block: BlockAllocation
) -> tuple[InterfaceState, bool]:
    tenant_id = request.lessee or block.block.tenant_id
    if request.interface_id is not None:
        known = loaded.interfaces.get(request.interface_id)
        if known is not None:
            if not may_use(request.context, known, tenant_id):
                raise taken(request.interface_id)
            return known, False
    if loaded.mac_ranges or (request.context.confined and request.device is not None):
        raise Alone
    quotas.check(tx, "interfaces", tenant_id)
    new = request.interface_id or new_id()
    return InterfaceState(new, tenant_id, request.device, None, False, None), True


def _holder(loaded: Loaded, request: Allocation) -> str:
    block = loaded.blocks.get(request.ip_block_id)
    return request.lessee or ("" if block is None else str(block.block.tenant_id))


def _release(tx: Transaction, loaded: Loaded, requests: Sequence[Release]) -> None:
    wanted = [(request.ip_block_id, request.address) for request in requests]
    rows = loading.addresses(tx, [(b, a) for b, a in wanted if a is not None])
    released = []
    for request in requests:
        tx.context, tx.request_key = request.context, request.given_key
        try:
            block = _block(loaded, request)
            row = rows.get((request.ip_block_id, request.address or 0))
            tenant = request.context.confined_to
            if tenant not in (None, block.block.tenant_id):
                # A lessee reaches its address, and nothing else of the block.
                if row is None or row.used_by_tenant_id != tenant:
                    raise errors.IpBlockNotFound()
            elif row is None:
                raise errors.IpAddressNotFound()
        except errors.IpamError as error:
            request.error = error
            continue
        if row.deallocated_at is None and row.id not in released:
            released.append(row.id)
            quarantine.tell_released(tx, row)
            block.released(1)
    if released:
        quarantine.mark_released(tx, released)


def _fail_alone_or_find_answer(
    tx: Transaction, requests: Sequence[Request], open_requests: Sequence[Request]
) -> None:
    """Look whether failed requests failed because they had been done before."""
    failed = [r for r in open_requests if r.error is not None and r.may_be_known and not r.look]
    if failed and tx.attempt == 1:
        _answer_stored(tx, failed)
    if len(requests) == 1 and requests[0].error is not None:
        raise requests[0].error


def _write(tx: Transaction, loaded: Loaded, requests: Sequence[Request]) -> None:
    bulk.insert(
        tx,
        INTERFACES,
        [
            {
                "id": new.id,
                "tenant_id": new.tenant_id,
                "device_id": new.device_id,
                "created_at": tx.now,
                "updated_at": tx.now,
            }
            for new in loaded.new
        ],
    )
    allocation.flush(tx, list(loaded.blocks.values()))
    idempotency.store(tx, list(_new_answers(requests)))


def _new_answers(requests: Sequence[Request]) -> Iterator[tuple[idempotency.Keyed, Any]]:
    """Yield what is to be stored: answers, and the refusals of requests that may come again."""
    for request in requests:
        if request.stored:
            continue
        if request.error is None:
            yield request.keyed, request.answer
        elif request.may_be_known and idempotency.is_final(request.error):
            request.stored = True
            yield request.keyed, request.error
