"""``export``: blocks and addresses as CSV, in the forms that ``import`` reads."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TextIO

from cliff.command import Command

from ipamd.ctl.base import Talking
from ipamd.ctl.exit_status import ExitStatus, Failure
from ipamd.ctl.nouns.kinds import ADDRESS, BLOCK, INTERFACE
from ipamd.ctl.service import Resource, Service

# Values of one filter; the service takes 200.
_CHUNK: Final = 200

Fields = Mapping[str, Callable[[Resource], Any]]


@dataclass(frozen=True)
class Target:
    """A form to export to: its columns, each with what it shows of a block or an address."""

    about: str
    blocks: Fields | None
    addresses: Fields | None
    header: bool = True


def _of(name: str) -> Callable[[Resource], Any]:
    return lambda item: item.get(name)


def _network_of(item: Resource) -> Any:
    return item["block"]["network_id"]


def _length(item: Resource) -> str:
    return f"{item['address']}/{item['block']['cidr'].partition('/')[2]}"


def _always(text: str) -> Callable[[Resource], Any]:
    return lambda _: text


_BLOCK_FIELDS: Final[Fields] = {
    name: _of(name)
    for name in (
        "cidr", "address", "tenant_id", "network_id", "type", "gateway", "dns1", "dns2",
        "allocation_strategy", "interface_id", "used_by_device", "mac_address",
    )
}  # fmt: skip
_OWN_BLOCK_FIELDS: Final[Fields] = {
    # Left out means the default, which is an address.
    **_BLOCK_FIELDS,
    "gateway": lambda block: block["gateway"] or "-",
}
_ADDRESS_FIELDS: Final[Fields] = {
    **dict.fromkeys(_BLOCK_FIELDS, _always("")),
    "cidr": lambda item: item["block"]["cidr"],
    "address": _of("address"),
    "tenant_id": _of("used_by_tenant"),
    "network_id": _network_of,
    "interface_id": _of("interface_id"),
    "used_by_device": _of("used_by_device"),
    "mac_address": _of("mac_address"),
}

TARGETS: Final[Mapping[str, Target]] = {
    "csv": Target("blocks and addresses, ipamctl's own", _OWN_BLOCK_FIELDS, _ADDRESS_FIELDS),
    "netbox-prefixes": Target(
        "blocks for NetBox",
        {
            "prefix": _of("cidr"), "vrf": _of("network_id"), "tenant": _of("tenant_id"),
            "status": lambda block: "container" if block["has_subnets"] else "active",
        },
        None,
    ),
    "netbox-addresses": Target(
        "addresses for NetBox",
        None,
        {
            "address": _length, "vrf": _network_of, "tenant": _of("used_by_tenant"),
            "status": _always("active"), "description": _of("used_by_device"),
        },
    ),
    "phpipam-subnets": Target(
        "blocks for phpIPAM",
        {
            "Section": _of("tenant_id"), "Subnet": _of("cidr"), "Description": _of("id"),
            "VRF": _of("network_id"),
        },
        None,
    ),
    "phpipam-addresses": Target(
        "addresses for phpIPAM",
        None,
        {
            "Section": lambda item: item["block"]["tenant_id"], "IP Address": _of("address"),
            "Hostname": _of("used_by_device"), "Description": _of("interface_id"),
            "VRF": _network_of, "Subnet": lambda item: item["block"]["cidr"],
            "MAC": _of("mac_address"), "Owner": _of("used_by_tenant"),
        },
    ),
    "list": Target("addresses, one a line", None, {"address": _of("address")}, header=False),
}  # fmt: skip


class Export(Talking, Command):
    """Write blocks and held addresses as CSV; policies and routes are not part of it."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the form, and what is to be exported."""
        parser = super().get_parser(prog_name)
        forms = "; ".join(f"{name} ({target.about})" for name, target in TARGETS.items())
        parser.add_argument(
            "--to", dest="form", choices=list(TARGETS), default="csv", metavar="FORM",
            help=f"One of {forms}. Default csv.",
        )  # fmt: skip
        parser.add_argument("--output", metavar="FILE", help="Default: the standard output.")
        parser.add_argument("--tenant", metavar="ID", help="Only blocks that this tenant owns.")
        parser.add_argument("--network", metavar="ID", help="Only blocks of this network.")
        parser.add_argument(
            "--block", metavar="BLOCK", help="Only this block, named by its id or CIDR."
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Write the blocks, those around others first, then the addresses of each."""
        blocks = self._blocks(parsed_args)
        target = TARGETS[parsed_args.form]
        columns = list(target.blocks or target.addresses or {})
        with _output(parsed_args.output, self.app.stdout) as stream:
            writer = csv.writer(stream, lineterminator="\n")
            if target.header:
                writer.writerow(columns)
            if target.blocks is not None:
                writer.writerows(_rows(target.blocks, blocks))
            if target.addresses is not None:
                for block in blocks:
                    writer.writerows(_rows(target.addresses, addresses(self.service, block)))

    def _blocks(self, parsed_args: argparse.Namespace) -> list[Resource]:
        if parsed_args.block:
            found = [self.find(BLOCK, parsed_args.block)]
        else:
            query = {"tenant_id": parsed_args.tenant, "network_id": parsed_args.network}
            given = {name: f"eq:{value}" for name, value in query.items() if value}
            found = list(self.service.each(BLOCK.path, BLOCK.plural, given))
        parents = {block["parent_id"] for block in found}
        for block in found:
            block["has_subnets"] = block["id"] in parents
        return sorted(found, key=lambda block: -block["utilization"]["size"])


def addresses(service: Service, block: Resource) -> Iterator[Resource]:
    """Yield the held addresses of a block, with their MAC addresses and the block itself."""
    query = {"ip_block_id": f"eq:{block['id']}", "status": "allocated", "sort": "address"}
    found = service.each(ADDRESS.path, ADDRESS.plural, query)
    while chunk := list(islice(found, _CHUNK)):
        macs = _macs(service, {each["interface_id"] for each in chunk})
        for each in chunk:
            yield {**each, "block": block, "mac_address": macs.get(each["interface_id"])}


def _macs(service: Service, interface_ids: set[str | None]) -> dict[str, str | None]:
    """Return the MAC addresses of interfaces."""
    wanted = sorted(each for each in interface_ids if each)
    # A comma separates the values of a filter; one id that has one is asked for alone.
    plain = [each for each in wanted if "," not in each]
    filters = [f"in:{','.join(plain)}"] if plain else []
    filters += [f"eq:{each}" for each in wanted if "," in each]
    return {
        each["id"]: each["mac_address"]
        for text in filters
        for each in service.each(INTERFACE.path, INTERFACE.plural, {"id": text})
    }


def _rows(fields: Fields, items: Iterable[Resource]) -> Iterator[Sequence[Any]]:
    for item in items:
        yield [value(item) for value in fields.values()]


@contextmanager
def _output(name: str | None, stdout: TextIO) -> Iterator[TextIO]:
    if name is None:
        yield stdout
        return
    try:
        with open(name, "w", encoding="utf-8", newline="") as stream:
            yield stream
    except OSError as error:
        text = f"{name} cannot be written: {error.strerror}"
        raise Failure(text, ExitStatus.USAGE) from error
