"""Blocks into the scratch store: parents before children, each by the rules of ipamd.

A block whose parent or policy is refused is refused as well: without its policy it would
hand out what is excluded.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from oslo_config import cfg

from ipamd.db.models import IpBlock, Policy, table_of
from ipamd.ipam.addresses import Cidr
from ipamd.melange import rows
from ipamd.melange.rows import Refused, Values
from ipamd.melange.scratch import Row
from ipamd.melange.translate import Translation
from ipamd.operations.ip_blocks import cidr_of, overlapping

TABLE = "ip_blocks"
_BLOCKS = table_of(IpBlock)
_POLICIES = table_of(Policy)
# Columns of later Melanges that ipamd has no word for.
_FOREIGN = ("omg_do_not_use", "max_allocation")


def translate_blocks(translation: Translation, conf: cfg.ConfigOpts) -> None:
    """Translate ``ip_blocks``: in each pass those whose parents the one before has taken."""
    for page in translation.pages(TABLE):
        _take_page(translation, conf, page, roots=True)
    while sum(
        _take_page(translation, conf, page, roots=False)
        for page in translation.source.pages(TABLE)
    ):
        continue
    for page in translation.source.pages(TABLE):
        for row in _waiting(translation, page):
            missing = translation.missing(TABLE, row["parent_id"])
            translation.refuse(TABLE, row, f"its parent {missing}")
    translation.scratch.commit()


def _take_page(
    translation: Translation, conf: cfg.ConfigOpts, page: list[dict[str, Any]], *, roots: bool
) -> int:
    """Take or refuse the blocks of a page that are due; return how many were."""
    above = {row["parent_id"] for row in page if row["parent_id"]}
    parents = {} if roots else translation.scratch.by_key(_BLOCKS, _BLOCKS.c.id, above)
    done = 0
    for row in page if roots else _waiting(translation, page):
        if (row["parent_id"] or None) in ({None} if roots else parents):
            _take(translation, conf, row, parents.get(row["parent_id"]))
            done += 1
    return done


def _waiting(translation: Translation, page: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the blocks of a page that were neither taken nor refused."""
    taken = translation.scratch.by_key(_BLOCKS, _BLOCKS.c.id, [row["id"] for row in page])
    return [
        row
        for row in page
        if row["id"] not in taken and not translation.scratch.was_refused(TABLE, row["id"])
    ]


def _take(
    translation: Translation, conf: cfg.ConfigOpts, row: dict[str, Any], parent: Row | None
) -> None:
    try:
        values, cidr = rows.ip_block(row, translation.now)
        _check_place(translation, values, cidr, parent)
        if values["policy_id"] is not None:
            policies = translation.scratch.by_key(_POLICIES, _POLICIES.c.id, [values["policy_id"]])
            translation.refer("policies", values["policy_id"], policies)
    except Refused as refused:
        translation.refuse(TABLE, row, str(refused))
        return
    values["reserve_network_address"] = conf.ipam.reserve_network_address
    translation.scratch.insert(_BLOCKS, [values])
    for name in _FOREIGN:
        if row.get(name):
            translation.report.note(TABLE, row["id"], f"{name} = {row[name]} is lost")
    if parent is not None:
        counted = sa.update(_BLOCKS).where(_BLOCKS.c.id == parent.id)
        translation.scratch.connection.execute(counted.values(subnets=_BLOCKS.c.subnets + 1))


def _check_place(translation: Translation, values: Values, cidr: Cidr, parent: Row | None) -> None:
    """Check that no block is in the way, and that the block agrees with those around it.

    Raises: Refused
    """
    if parent is not None:
        if not cidr_of(parent).contains(cidr):
            raise Refused(f"{cidr} lies outside its parent {cidr_of(parent)}")
        if parent.type != values["type"]:
            raise Refused(f"it is {values['type']} and its parent {parent.type}")
        if parent.network_id not in (None, values["network_id"]):
            raise Refused(f"its parent is in another network, {parent.network_id}")
        siblings = _BLOCKS.c.parent_id == parent.id
        _nothing_at(translation, cidr, siblings, "sibling")
    elif values["type"] == "public":
        roots = sa.and_(_BLOCKS.c.type == "public", _BLOCKS.c.parent_id.is_(None))
        _nothing_at(translation, cidr, roots, "public block")
    network_id = values["network_id"]
    if network_id is None:
        return
    others = _BLOCKS.c.network_id == network_id
    foreign = sa.select(_BLOCKS.c.id).where(others, _BLOCKS.c.type != values["type"]).limit(1)
    if translation.scratch.connection.execute(foreign).first() is not None:
        raise Refused(f"network {network_id} has blocks of the other type")
    if parent is None or parent.network_id != network_id:
        _nothing_at(translation, cidr, others, f"block of network {network_id}")


def _nothing_at(
    translation: Translation, cidr: Cidr, among: sa.ColumnElement[bool], what: str
) -> None:
    clash = translation.scratch.connection.execute(
        sa.select(_BLOCKS).where(among, overlapping(cidr)).order_by(_BLOCKS.c.id).limit(1)
    ).first()
    if clash is not None:
        raise Refused(f"{cidr} overlaps the {what} {cidr_of(clash)} ({clash.id})")
