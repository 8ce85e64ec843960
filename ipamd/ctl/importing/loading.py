"""Entries into the service: blocks one by one, addresses in batches, several at a time.

A batch is sent under an idempotency key of its own, so one whose answer was lost is sent
again and done once.  What is there already is left as it is, which is why an import that
was interrupted is gone on with by starting it again.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from ipamd.ctl.exit_status import ExitStatus, Failure
from ipamd.ctl.importing.entries import Address, Entry, LeftOut, Prefix, Refused
from ipamd.ctl.importing.places import Block, NoPlaceError, Places
from ipamd.ctl.service import Resource, Service, path
from ipamd.ipam.addresses import Cidr, parse_address, parse_cidr

BATCH: Final = 2000
# Bytes of a batch's entries, well below what a server takes by default.
_BYTES: Final = 600_000
# Each time after twice as long as before: some two minutes for a server that starts again.
_AGAIN: Final = 8
# What an entry needs beside its values.
_FRAME: Final = 160


@dataclass
class Tally:
    """What became of the lines so far."""

    blocks_created: int = 0
    blocks_unchanged: int = 0
    allocated: int = 0
    unchanged: int = 0
    refused: int = 0
    left_out: int = 0


@dataclass
class Defaults:
    """What is to be taken where a line does not say."""

    tenant: str | None
    network: str | None
    block: Cidr | None
    type: str


@dataclass
class _Batch:
    entries: list[Resource] = field(default_factory=list)
    lines: list[Address] = field(default_factory=list)
    size: int = 0


class Loader:
    """Loads entries into a service.

    ``refuse`` is told of each line that was refused or left out, ``advance`` of how many
    lines are done.
    """

    def __init__(
        self,
        service: Service,
        defaults: Defaults,
        *,
        dry_run: bool,
        refuse: Callable[[Refused | LeftOut], None],
        advance: Callable[[int], object],
    ) -> None:
        self._service = service
        self._defaults = defaults
        self._dry_run = dry_run
        self._refuse = refuse
        self._advance = advance
        self._seen: set[tuple[int, int]] = set()
        self.tally = Tally()
        query = {"network_id": f"eq:{defaults.network}"} if defaults.network else {}
        self._places = Places(service.each("/ip-blocks", "ip_blocks", query))

    def load_prefixes(self, prefixes: Iterable[Prefix]) -> None:
        """Create the blocks that are not there, those around others first.

        Raises: Failure when the service cannot be reached
        """
        read = []
        for entry in prefixes:
            try:
                read.append((entry, parse_cidr(entry.cidr)))
            except ValueError as error:
                self._refused(entry.line, entry.cidr, str(error))
        for entry, cidr in sorted(read, key=lambda pair: pair[1].size, reverse=True):
            try:
                self._load_prefix(entry, cidr)
            except (NoPlaceError, Failure) as error:
                _raise_unless_refused(error)
                self._refused(entry.line, entry.cidr, str(error))
            else:
                self._advance(1)

    def _load_prefix(self, entry: Prefix, cidr: Cidr) -> None:
        tenant = entry.tenant or self._defaults.tenant
        network = entry.network or self._defaults.network
        if self._places.exact(cidr, network, tenant) is not None:
            self.tally.blocks_unchanged += 1
            return
        parent = self._places.around(cidr, network, tenant)
        owner = tenant or (parent.tenant if parent else None)
        if owner is None:
            raise NoPlaceError("nothing says who owns it: give --tenant")
        settings = {name: value for name, value in entry.settings.items() if value is not None}
        body: Resource = {"cidr": str(cidr), **settings, "tenant_id": owner}
        block_id = None
        if parent is not None:
            body.pop("type", None)
            where, body = path("ip-blocks", parent.id or "", "subnets"), {"subnet": body}
        else:
            body = {"type": self._defaults.type, **body}
            body |= {"network_id": network} if network else {}
            where, body = "/ip-blocks", {"ip_block": body}
        if not self._dry_run:
            block_id = self._service.write("POST", where, body)["ip_block"]["id"]
            if len(settings) < len(entry.settings):
                # What is left out of a new block has its default; none has to be said later.
                none = {name: None for name in entry.settings if name not in settings}
                self._service.write("PATCH", path("ip-blocks", block_id), {"ip_block": none})
        self._places.add(Block(cidr, block_id, owner, network))
        self.tally.blocks_created += 1

    def load_addresses(self, entries: Iterable[Entry], parallel: int) -> None:
        """Allocate addresses, ``parallel`` batches at a time; report the lines that are none.

        Raises: Failure when the service cannot be reached
        """
        running: deque[tuple[_Batch, Future[Resource]]] = deque()
        with ThreadPoolExecutor(parallel) as pool:
            try:
                for batch in self._batches(entries):
                    running.append((batch, pool.submit(self._send, batch)))
                    if len(running) > parallel:
                        self._settle(*running.popleft())
                while running:
                    self._settle(*running.popleft())
            except BaseException:
                for _, future in running:
                    future.cancel()
                raise

    def _batches(self, entries: Iterable[Entry]) -> Iterator[_Batch]:
        batch = _Batch()
        for entry in entries:
            if isinstance(entry, Prefix):
                continue
            if not isinstance(entry, Address):
                self._tell(entry)
                continue
            try:
                body = self._placed(entry)
            except (NoPlaceError, ValueError) as error:
                self._refused(entry.line, entry.address, str(error))
                continue
            if body is None:
                self.tally.allocated += 1
                self._advance(1)
                continue
            batch.entries.append(body)
            batch.lines.append(entry)
            batch.size += _FRAME + sum(map(len, body.values()))
            if len(batch.entries) >= BATCH or batch.size > _BYTES:
                yield batch
                batch = _Batch()
        if batch.entries:
            yield batch

    def _placed(self, entry: Address) -> Resource | None:
        """Return an entry of a batch; None where its block is still to be created.

        Raises: NoPlaceError, ValueError
        """
        address = parse_address(entry.address)
        cidr = parse_cidr(entry.cidr) if entry.cidr else self._defaults.block
        network = entry.network or self._defaults.network
        tenant = entry.tenant or self._defaults.tenant
        block = self._places.of(address, network, tenant, cidr)
        if self._dry_run:
            place = id(block), address
            if place in self._seen:
                raise NoPlaceError("it stands in the file before")
            self._seen.add(place)
        if block.id is None:
            return None
        more = {
            "interface_id": entry.interface,
            "tenant_id": tenant,
            "used_by_device": entry.device,
            "mac_address": entry.mac,
        }
        given = {name: value for name, value in more.items() if value}
        return {"ip_block_id": block.id, "address": entry.address, **given}

    def _send(self, batch: _Batch) -> Resource:
        body: Resource = {"ip_addresses": batch.entries}
        if self._dry_run:
            body["dry_run"] = True
        key = f"import-{uuid.uuid4()}"
        outcome: Resource = self._service.write(
            "POST", "/ip-address-batches", body, key=key, again=_AGAIN
        )
        return outcome

    def _settle(self, batch: _Batch, future: Future[Resource]) -> None:
        try:
            outcome = future.result()["outcome"]
        except Failure as failure:
            _raise_unless_refused(failure)
            # The batch as a whole: then it is the answer for each of its lines.
            for entry in batch.lines:
                self._refused(entry.line, entry.address, str(failure))
            return
        self.tally.allocated += outcome["allocated"]
        self.tally.unchanged += outcome["unchanged"]
        for each in outcome["refused"]:
            entry = batch.lines[each["index"]]
            self._refused(entry.line, entry.address, f"{each['message']} ({each['code']})")
        self._advance(len(batch.lines) - len(outcome["refused"]))

    def _refused(self, line: int, text: str, reason: str) -> None:
        self._tell(Refused(line, text, reason))

    def _tell(self, entry: Refused | LeftOut) -> None:
        if isinstance(entry, Refused):
            self.tally.refused += 1
        else:
            self.tally.left_out += 1
        self._refuse(entry)
        self._advance(1)


def _raise_unless_refused(error: Exception) -> None:
    """Go on only where the line itself was refused."""
    if isinstance(error, Failure) and error.status in (
        ExitStatus.UNAVAILABLE, ExitStatus.NOT_ALLOWED, ExitStatus.USAGE,
    ):  # fmt: skip
        raise error
