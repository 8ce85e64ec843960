"""An import from beginning to end: translate, check, copy, check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from ipamd.context import RequestContext
from ipamd.db import check
from ipamd.db.database import Database, Transaction
from ipamd.db.models import Interface, IpBlock, MacAddress, table_of
from ipamd.melange import source, target
from ipamd.melange.addresses import translate_addresses, work_out_free_space
from ipamd.melange.blocks import translate_blocks
from ipamd.melange.copying import ClashError, Copy
from ipamd.melange.report import Report
from ipamd.melange.scratch import Row, Scratch, scratch_store
from ipamd.melange.translate import Translation

_BLOCKS = table_of(IpBlock)
_INTERFACES = table_of(Interface)
_MACS = table_of(MacAddress)

Look = Callable[[Transaction, Iterable[Row]], Iterator[target.Clash]]


class ImpossibleError(Exception):
    """The import cannot go on; one sentence says why."""


def import_melange(
    db: Database, url: str, report: Report, *, dry_run: bool, skip_refused: bool
) -> bool:
    """Move the Melange database at ``url`` into the store; tell whether that was done.

    Nothing is written with ``dry_run``, nor when rows are refused, unless
    ``skip_refused`` says that the others are wanted all the same, nor when the store has
    something that is in the way.

    Raises: ImpossibleError, source.NotMelangeError; sqlalchemy.exc.SQLAlchemyError when
        one of the databases cannot be used.  What was written stays, and is whole.
    """
    with scratch_store() as scratch:
        with source.opened(url) as melange:
            _translate(Translation(melange, scratch, report, datetime.now(UTC)), db)
        for finding in check.find(scratch.db, report.progress):
            raise ImpossibleError(f"the translation contradicts itself: {finding}")
        clashes = 0
        for table, row_id, reason in _clashes(db, scratch):
            report.refuse(table, row_id, reason)
            clashes += 1
        if dry_run or clashes or (report.refused and not skip_refused):
            return False
        try:
            Copy(db, scratch, report).everything()
        except ClashError as clash:
            raise ImpossibleError(str(clash)) from None
        return True


def _translate(translation: Translation, db: Database) -> None:
    translation.policies()
    translation.mac_address_ranges()
    translation.interfaces()
    translation.mac_addresses()
    translate_blocks(translation, db.conf)
    translate_addresses(translation)
    work_out_free_space(translation)
    translation.ip_routes()
    translation.ip_nats()
    translation.allowed_ips()


def _clashes(db: Database, scratch: Scratch) -> Iterator[target.Clash]:
    """Yield what the store has in the way of rows that it does not have yet."""
    looks: dict[sa.Table, Look] = {
        _INTERFACES: target.interface_clashes,
        _MACS: target.mac_clashes,
        _BLOCKS: lambda tx, rows: target.block_clashes(tx, scratch, rows),
    }
    for table, look in looks.items():
        for page in scratch.chunks(sa.select(table), table.c.id):

            def work(
                tx: Transaction,
                table: sa.Table = table,
                look: Look = look,
                page: Sequence[Row] = page,
            ) -> list[target.Clash]:
                # An interface that is there may be another one's.
                there = target.existing(tx, table, [row.id for row in page])
                fresh = [row for row in page if table is _INTERFACES or row.id not in there]
                return list(look(tx, fresh))

            yield from db.run(RequestContext(), work, read_only=True)
