"""``address``: allocated, released, restored, and who held it when."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from cliff.command import Command
from cliff.lister import Lister

from ipamd.ctl.base import (
    ListCommand,
    ShowCommand,
    Talking,
    WriteCommand,
    add_name,
    add_write_options,
    given,
    remove,
)
from ipamd.ctl.exit_status import ExitStatus, Failure
from ipamd.ctl.nouns.blocks import add_block
from ipamd.ctl.nouns.kinds import ADDRESS, BLOCK
from ipamd.ctl.service import Resource, path
from ipamd.ctl.showing import add_list_options, count, table

_HOLDING = ("ip_block_id", "interface_id", "used_by_tenant", "used_by_device", "from", "until")


def _add_address(parser: argparse.ArgumentParser, **more: Any) -> None:
    add_name(parser, ADDRESS, **more)
    parser.add_argument(
        "--block", metavar="BLOCK", help="Id or CIDR of its block, where several have it."
    )


def _find(command: Talking, name: str, block: str | None) -> Resource:
    if block is None:
        return command.find(ADDRESS, name)
    return command.find(ADDRESS, name, ip_block_id=str(command.find(BLOCK, block)["id"]))


class AddressList(ListCommand):
    """List addresses, held and in quarantine."""

    noun = ADDRESS

    def add_filters(self, parser: argparse.ArgumentParser) -> None:
        """Add the block to the filters."""
        super().add_filters(parser)
        parser.add_argument(
            "--block", metavar="BLOCK", help="Only those of this block: id or CIDR."
        )

    def query(self, parsed_args: argparse.Namespace) -> dict[str, Any]:
        """Return the query, the block by its id."""
        block = self.id_of(BLOCK, parsed_args.block)
        return {**super().query(parsed_args), "ip_block_id": block and f"eq:{block}"}


class AddressShow(ShowCommand):
    """Show an address."""

    noun = ADDRESS

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the block."""
        parser = super(ShowCommand, self).get_parser(prog_name)
        _add_address(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        """Show it."""
        found = _find(self, parsed_args.name, parsed_args.block)
        return tuple(found), tuple(found.values())


class AddressAllocate(Talking, Lister):
    """Allocate the next free address of a block, a chosen one, or many at once."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the block and who is to hold the address."""
        parser = super().get_parser(prog_name)
        add_block(parser)
        wanted = parser.add_mutually_exclusive_group()
        wanted.add_argument("--address", metavar="ADDRESS", help="This one.")
        wanted.add_argument(
            "--count", type=count, metavar="N", help="So many, all or none, in a row if possible."
        )
        parser.add_argument(
            "--interface", dest="interface_id", metavar="ID", help="Default: a new one."
        )
        parser.add_argument(
            "--tenant", dest="tenant_id", metavar="ID", help="The lessee; default: the owner."
        )
        parser.add_argument("--device", dest="used_by_device", metavar="ID", help="The instance.")
        parser.add_argument(
            "--mac", dest="mac_address", metavar="MAC", help="MAC address of a new interface."
        )
        parser.add_argument("--long", action="store_true", help="All columns.")
        add_write_options(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """Allocate."""
        names = ("address", "count", "interface_id", "tenant_id", "used_by_device", "mac_address")
        block_id = self.find(BLOCK, parsed_args.block)["id"]
        wanted = {"ip_block_id": block_id, **given(parsed_args, *names)}
        found = self.service.write(
            "POST",
            ADDRESS.path,
            {"ip_address": wanted},
            key=parsed_args.idempotency_key,
            later=parsed_args.later,
        )
        if "request" in found:
            return table(("id", "status"), [found["request"]], parsed_args)
        addresses = found.get("ip_addresses") or [found["ip_address"]]
        return table(ADDRESS.columns, addresses, parsed_args)


class AddressRelease(Talking, Command):
    """Release addresses: they go into quarantine, and can be restored for a while."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the addresses."""
        parser = super().get_parser(prog_name)
        _add_address(parser, nargs="+")
        add_write_options(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Release them."""
        for name in parsed_args.name:
            found = _find(self, name, parsed_args.block)
            if found["status"] != "allocated":
                raise Failure(f"{found['address']} is not allocated", ExitStatus.NOT_FOUND)
            remove(self, parsed_args, ADDRESS.path + path(found["id"]))


class AddressRestore(WriteCommand):
    """Take an address out of quarantine: it goes back to who held it."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the address."""
        _add_address(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Restore it."""
        found = _find(self, parsed_args.name, parsed_args.block)
        body = {"ip_address": {"status": "allocated"}}
        return self.write(parsed_args, "PATCH", ADDRESS.path + path(found["id"]), body)


class AddressHistory(Talking, Lister):
    """List who held an address, in all blocks, oldest first."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the address and the moment."""
        parser = super().get_parser(prog_name)
        parser.add_argument("address", metavar="ADDRESS", help="Such as 10.0.0.7.")
        parser.add_argument("--at", metavar="TIME", help="Who held it then (ISO 8601).")
        parser.add_argument("--tenant", metavar="ID", help="Only what this tenant held.")
        add_list_options(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """List them."""
        where = ADDRESS.path + path(parsed_args.address, "history")
        query = {"at": parsed_args.at, "tenant_id": parsed_args.tenant}
        found = self.service.each(where, "history", query, parsed_args.limit)
        return table(_HOLDING, found, parsed_args)
