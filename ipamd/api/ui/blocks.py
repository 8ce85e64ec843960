"""Blocks: the tree of them, and one with its map and what is in use in it."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, request

from ipamd import errors
from ipamd.api.ui import maps
from ipamd.api.ui.figures import bar_of
from ipamd.api.ui.site import PAGE_SIZE, Site, marker, page

# Blocks whose subnets a page shows at once: each is one more call.
MAX_OPEN: Final = 20
_DEEPEST: Final = 8
_RANGES: Final = 100

Block = dict[str, Any]


def show_tree(site: Site) -> Response:
    """Show the blocks at the top, and below them those that were opened."""
    opened = list(dict.fromkeys(filter(None, request.args.get("open", "").split(","))))[:MAX_OPEN]
    found = site.read("list_ip_block_tree", limit=PAGE_SIZE, **site.mine, **marker())
    nodes: list[Block] = []
    _add(site, nodes, found, opened, depth=0)
    return page("tree.html", nodes=nodes, next_marker=found["next_marker"], opened=opened)


def _add(site: Site, nodes: list[Block], found: Block, opened: list[str], depth: int) -> None:
    for block in found["ip_blocks"]:
        is_open = block["id"] in opened and depth < MAX_OPEN
        others = [each for each in opened if each != block["id"]]
        toggled = others if is_open else [*opened, block["id"]][-MAX_OPEN:]
        nodes.append(
            {"block": block, "bar": bar_of(block), "depth": depth, "is_open": is_open,
             "toggle": ",".join(toggled)}
        )  # fmt: skip
        if not is_open or not block["subnets"]:
            continue
        inner = site.read(
            "list_ip_block_tree", parent_id=block["id"], limit=PAGE_SIZE, **site.mine
        )
        _add(site, nodes, inner, opened, depth + 1)
        if inner["next_marker"]:
            nodes.append({"more": block, "depth": depth + 1})


def show_block(site: Site, ip_block_id: str) -> Response:
    """Show a block: its figures, its map, its subnets or what is in use in it."""
    block = find(site, ip_block_id)
    part = request.args.get("cidr")
    where = {"tenant_id": site.tenant, "ip_block_id": block["id"]}
    within = {"cidr": part} if part else {}
    seen = site.read("get_ip_block_map", **where, **within)
    drawn = maps.draw(seen, block["cidr"])
    values: dict[str, Any] = {}
    if drawn.kind == "subnets":
        found = site.read(
            "list_ip_block_tree", parent_id=block["id"], limit=PAGE_SIZE, **site.mine, **marker()
        )
        nodes = [{"block": each, "bar": bar_of(each)} for each in found["ip_blocks"]]
        values = {"nodes": nodes}
    else:
        found = site.read("list_used_ranges", **where, **within, **marker(), limit=_RANGES)
        values = {"ranges": found["used_ranges"]}
    return page(
        "block.html", block=block, bar=bar_of({**block, "below": seen.get("below")}),
        map=drawn, part=part, parents=parents(site, block), next_marker=found["next_marker"],
        may_allocate=site.may("allocate_ip_address"), **values,
    )  # fmt: skip


def find(site: Site, ip_block_id: str) -> Block:
    """Look a block up.

    Raises: IpBlockNotFound
    """
    return site.one("ip_blocks", ip_block_id, errors.IpBlockNotFound)


def parents(site: Site, block: Block) -> list[Block]:
    """Return the blocks around one, the outermost first, as far as they may be seen."""
    found: list[Block] = []
    parent_id = block["parent_id"]
    while parent_id is not None and len(found) < _DEEPEST:
        try:
            parent = find(site, parent_id)
        except errors.IpBlockNotFound:
            break  # another tenant's
        found.insert(0, parent)
        parent_id = parent["parent_id"]
    return found
