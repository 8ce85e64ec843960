"""What a row of Melange is in ipamd, as far as the row alone can tell.

Invariant: a row that is translated satisfies what ipamd demands of a request that would
create it.  ``Refused`` says why one does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from ipamd import errors
from ipamd.ipam.addresses import Cidr, parse_address, parse_cidr
from ipamd.ipam.mac import MAC_LAST, parse_mac_range
from ipamd.operations.fields import text_problem
from ipamd.operations.ip_blocks import TYPES
from ipamd.operations.ip_routes import is_valid
from ipamd.operations.policies import read_octet, read_range

ID_LENGTH = 36

Row = Mapping[str, Any]
Values = dict[str, Any]


class Refused(Exception):
    """The row cannot be taken; the message says why."""


def times(row: Row, now: datetime) -> Values:
    """Read the two timestamps, which Melange left empty at times."""
    created = moment(row, "created_at") or moment(row, "updated_at") or now
    return {"created_at": created, "updated_at": moment(row, "updated_at") or created}


def moment(row: Row, name: str) -> datetime | None:
    """Read a time in UTC, which SQLite keeps as text.

    Raises: Refused
    """
    value = row.get(name)
    if isinstance(value, str) and value:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise Refused(f"{name} is no time: {value!r}") from None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def text(row: Row, name: str, *, required: bool = False) -> str | None:
    """Read a name or another short text; empty is none.

    Raises: Refused
    """
    value = row.get(name)
    if value is None or value == "":
        if required:
            raise Refused(f"it has no {name}")
        return None
    problem = text_problem(value)
    if problem:
        raise Refused(f"{name} {problem}")
    return str(value)


def own_id(row: Row) -> str:
    """Read a row's id, which it keeps.

    Raises: Refused
    """
    value = text(row, "id", required=True)
    if value is None or len(value) > ID_LENGTH or not value.isascii():
        raise Refused(f"its id is no text of at most {ID_LENGTH} ASCII characters")
    return value


def policy(row: Row, now: datetime) -> Values:
    """Translate a row of ``policies``."""
    return {
        "id": own_id(row),
        "tenant_id": text(row, "tenant_id", required=True),
        "name": text(row, "name", required=True),
        "description": text(row, "description"),
        **times(row, now),
    }


def ip_range(row: Row, now: datetime) -> Values:
    """Translate a row of ``ip_ranges``."""
    body = {"offset": row.get("offset"), "length": row.get("length")}
    return {**_rule(row, now), **_checked(read_range, body)}


def ip_octet(row: Row, now: datetime) -> Values:
    """Translate a row of ``ip_octets``."""
    return {**_rule(row, now), **_checked(read_octet, {"octet": row.get("octet")})}


def _rule(row: Row, now: datetime) -> Values:
    policy_id = text(row, "policy_id", required=True)
    return {"id": own_id(row), "policy_id": policy_id, **times(row, now)}


def _checked(read: Any, body: Values) -> Values:
    try:
        found: Values = read(body)
    except errors.ValidationError as error:
        raise Refused("; ".join(chain(*error.fields.values()))) from None
    return found


def ip_block(row: Row, now: datetime) -> tuple[Values, Cidr]:
    """Translate a row of ``ip_blocks``; counters and free space are worked out later."""
    try:
        cidr = parse_cidr(row.get("cidr"))
    except ValueError as error:
        raise Refused(f"cidr is invalid: {error}") from None
    kind = row.get("type")
    if kind not in TYPES:
        raise Refused(f"type should be one among public, private, and is {kind!r}")
    return {
        "id": own_id(row),
        "tenant_id": text(row, "tenant_id", required=True),
        "type": kind,
        "first": cidr.first,
        "last": cidr.last,
        "prefix_length": cidr.prefix_length,
        "network_id": text(row, "network_id"),
        "parent_id": text(row, "parent_id"),
        "policy_id": text(row, "policy_id"),
        "gateway": _gateway(row),
        "dns1": text(row, "dns1"),
        "dns2": text(row, "dns2"),
        "allocation_strategy": "first",
        "cursor": None,
        "subnets": 0,
        "allocated": 0,
        "quarantined": 0,
        **times(row, now),
    }, cidr


def _gateway(row: Row) -> int | None:
    value = text(row, "gateway")
    if value is None:
        return None
    try:
        # Melange let a prefix length pass; the address before it was meant.
        return parse_address(value.partition("/")[0])
    except ValueError:
        raise Refused(f"gateway is no address: {value!r}") from None


def address(row: Row) -> int:
    """Read the address of a row of ``ip_addresses``.

    Raises: Refused
    """
    try:
        return parse_address(row.get("address"))
    except ValueError as error:
        raise Refused(str(error)) from None


def interface(row: Row, now: datetime) -> Values:
    """Translate a row of ``interfaces``.

    What callers know an interface by is ``vif_id_on_device`` (in the first schema
    ``virtual_interface_id``), and the row's id where that is empty.
    """
    name = next(
        (n for n in ("vif_id_on_device", "virtual_interface_id") if row.get(n)), "id"
    )  # fmt: skip
    return {
        "id": text(row, name, required=True),
        "tenant_id": text(row, "tenant_id", required=True),
        "device_id": text(row, "device_id"),
        **times(row, now),
    }


def mac_range(row: Row, now: datetime) -> Values:
    """Translate a row of ``mac_address_ranges``."""
    cidr = text(row, "cidr", required=True)
    try:
        bounds = parse_mac_range(cidr)
    except ValueError as error:
        raise Refused(f"cidr is invalid: {error}") from None
    limits = {"first": bounds.first, "last": bounds.last}
    return {"id": own_id(row), "cidr": cidr, **limits, **times(row, now)}


def mac_address(row: Row, now: datetime) -> Values:
    """Translate a row of ``mac_addresses``; its interface is named by Melange's row."""
    value = row.get("address")
    if not isinstance(value, int) or not 0 <= value <= MAC_LAST:
        raise Refused(f"address is no MAC address: {value!r}")
    return {
        "id": own_id(row),
        "address": value,
        "interface_id": text(row, "interface_id", required=True),
        "mac_address_range_id": text(row, "mac_address_range_id"),
        **times(row, now),
    }


def ip_route(row: Row, now: datetime) -> Values:
    """Translate a row of ``ip_routes``."""
    values: Values = {
        "id": own_id(row),
        "ip_block_id": text(row, "source_block_id", required=True),
        **times(row, now),
    }
    for name in ("destination", "gateway", "netmask"):
        values[name] = text(row, name, required=name != "netmask")
        if values[name] is not None and not is_valid(name, values[name]):
            raise Refused(f"{name} is not a valid address: {values[name]!r}")
    return values
