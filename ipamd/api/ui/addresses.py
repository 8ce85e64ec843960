"""One address: who holds it, who held it, and what may be done with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from ipamd import errors
from ipamd.api.ui.blocks import find, parents
from ipamd.api.ui.site import PREFIX, Site, marker, page, secure
from ipamd.ipam.addresses import compact_address, parse_address, parse_cidr

_HOLDINGS: Final = 100
FIELDS: Final = ("address", "interface_id", "tenant_id", "used_by_device", "mac_address")

Resource = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """Something that is done with an address after a question."""

    method: str
    verb: str
    done: str
    status: str
    """The state an address has to be in."""


RELEASE: Final = Change("deallocate_ip_address", "Release", "released", "allocated")
RESTORE: Final = Change("restore_ip_address", "Restore", "restored", "quarantined")
_DONE: Final = {"allocated", RELEASE.done, RESTORE.done}


@dataclass(frozen=True)
class Place:
    """An address and what it is; its block is None where a lessee may not see that."""

    ip_block_id: str
    block: Resource | None
    address: str
    state: str
    held: Resource | None


def show_address(site: Site, ip_block_id: str, address: str) -> Response:
    """Show an address of a block and its history."""
    place = locate(site, ip_block_id, address)
    history = site.read(
        "list_ip_address_history",
        address=place.address, limit=_HOLDINGS, **site.mine, **marker(),
    )  # fmt: skip
    done = request.args.get("done")
    return page(
        "address.html", place=place,
        parents=parents(site, place.block) if place.block else [],
        holdings=history["history"][::-1], next_marker=history["next_marker"],
        done=done if done in _DONE else None, may=site.may,
    )  # fmt: skip


def locate(site: Site, ip_block_id: str, address: str) -> Place:
    """Find an address: in a block that may be seen, or leased from one that may not.

    Raises: IpBlockNotFound, IpAddressNotFound
    """
    try:
        value = parse_address(address)
    except ValueError:
        raise errors.IpAddressNotFound() from None
    text = compact_address(value)
    try:
        block = find(site, ip_block_id)
    except errors.IpBlockNotFound:
        filters = {"ip_block_id": f"eq:{ip_block_id}", "address": f"eq:{text}"}
        found = site.read("query_resources", kind="ip_addresses", filters=filters, **site.mine)
        if not found["ip_addresses"]:
            raise
        held: Resource = found["ip_addresses"][0]
        return Place(ip_block_id, None, text, held["status"], held)
    if not parse_cidr(block["cidr"]).contains(value):
        raise errors.IpAddressNotFound()
    return Place(ip_block_id, block, text, *look(site, block, text))


def look(site: Site, block: Resource, address: str) -> tuple[str, Resource | None]:
    """Look up an address: its state, and its row where somebody has it."""
    bits = 32 if block_version(block) == 4 else 128
    found = site.read(
        "get_ip_block_map",
        tenant_id=site.tenant, ip_block_id=block["id"], cidr=f"{address}/{bits}",
    )  # fmt: skip
    if found["scale"] == "subnets":
        return "subnetted", None
    if found["addresses"]:
        held: Resource = found["addresses"][0]
        return held["status"], held
    if found["reserved"]:
        return "reserved", None
    return ("excluded" if found["excluded"] else "free"), None


def block_version(block: Resource) -> int:
    """Return the IP version of a block."""
    return parse_cidr(block["cidr"]).version


# --- release, restore ---------------------------------------------------------------


def release_address(site: Site, ip_block_id: str, address: str) -> Response | BaseResponse:
    """Ask before an address is released; do it when the answer is sent."""
    return _change(site, ip_block_id, address, RELEASE)


def restore_address(site: Site, ip_block_id: str, address: str) -> Response | BaseResponse:
    """Ask before an address is restored; do it when the answer is sent."""
    return _change(site, ip_block_id, address, RESTORE)


def _change(site: Site, ip_block_id: str, address: str, change: Change) -> Response | BaseResponse:
    place = locate(site, ip_block_id, address)
    text = place.address
    error = None
    if request.method == "POST":
        # Whose it has to be, the manager decides: the block's owner's, or the lessee's.
        where = {"tenant_id": None, "ip_block_id": ip_block_id, "address": text}
        try:
            site.do(change.method, **where)
            return done(ip_block_id, text, change.done)
        except (errors.Conflict, errors.NotFound, errors.Unprocessable) as refusal:
            error = refusal
            place = locate(site, ip_block_id, address)
    if place.held is None or (place.state != change.status and error is None):
        raise errors.Conflict(f"{text} can not be {change.done}: its state has changed")
    return page(
        "change.html", status=error.http_status if error else 200, place=place,
        change=change, error=error, token=site.token(request.path),
    )  # fmt: skip


# --- allocate -----------------------------------------------------------------------


def allocate_address(site: Site, ip_block_id: str) -> Response | BaseResponse:
    """Ask what to allocate, show it again to confirm it, and do it when that is sent."""
    block = find(site, ip_block_id)
    given = request.form if request.method == "POST" else request.args
    wanted = {name: given.get(name, "").strip() for name in FIELDS}
    error = None
    if request.method == "POST":
        body = {name: value for name, value in wanted.items() if value}
        try:
            made = site.do(
                "allocate_ip_address",
                tenant_id=site.tenant, ip_block_id=block["id"], ip_address=body,
            )  # fmt: skip
            return done(ip_block_id, made["address"], "allocated")
        except (errors.BadRequest, errors.Conflict, errors.Unprocessable) as refusal:
            error = refusal
    confirming = error is None and "confirm" in request.args
    return page(
        "allocate.html", status=error.http_status if error else 200, block=block,
        wanted=wanted, error=error, confirming=confirming,
        token=site.token(request.path) if confirming else None,
        needs_mac=block_version(block) == 6,
    )  # fmt: skip


def done(ip_block_id: str, address: str, what: str) -> BaseResponse:
    """Lead to an address's page, which says what was done."""
    text = compact_address(parse_address(address))
    return secure(redirect(f"{PREFIX}/blocks/{ip_block_id}/{text}?done={what}", code=303))
