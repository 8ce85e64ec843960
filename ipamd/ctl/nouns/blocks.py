"""``block`` and ``subnet``: CIDRs, what lies below them, and what is free in them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from cliff.lister import Lister
from cliff.show import ShowOne

from ipamd.ctl.base import DeleteCommand, ListCommand, ShowCommand, Talking, WriteCommand, given
from ipamd.ctl.nouns.kinds import BLOCK, POLICY
from ipamd.ctl.service import Resource, path
from ipamd.ctl.showing import add_list_options, count, fields, table

SETTINGS = ("gateway", "dns1", "dns2", "allocation_strategy")


def add_block(parser: argparse.ArgumentParser, name: str = "block", **more: Any) -> None:
    """Add the argument that names a block."""
    parser.add_argument(name, metavar="BLOCK", help="The block's id or CIDR.", **more)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the settings of a block."""
    parser.add_argument("--gateway", metavar="ADDRESS", help="'' for none.")
    parser.add_argument("--dns1", metavar="ADDRESS", help="'' for none.")
    parser.add_argument("--dns2", metavar="ADDRESS", help="'' for none.")
    parser.add_argument(
        "--policy", metavar="POLICY", help="Id or name of a policy to keep; '' for none."
    )
    parser.add_argument(
        "--strategy",
        dest="allocation_strategy",
        choices=["first", "cyclic", "random"],
        help="Which address comes next: the lowest free one, the one after the last given, any.",
    )


def settings(command: Talking, parsed_args: argparse.Namespace) -> Resource:
    """Return the settings that were given."""
    found = given(parsed_args, *SETTINGS)
    if parsed_args.policy is not None:
        found["policy_id"] = command.id_of(POLICY, parsed_args.policy or None)
    return found


class BlockList(ListCommand):
    """List blocks."""

    noun = BLOCK


class BlockShow(ShowCommand):
    """Show a block."""

    noun = BLOCK


class BlockCreate(WriteCommand):
    """Create a block."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what a block has."""
        parser.add_argument("cidr", metavar="CIDR", help="Such as 10.0.0.0/24.")
        parser.add_argument("--tenant", metavar="ID", required=True, help="Who owns it.")
        parser.add_argument(
            "--type",
            choices=["private", "public"],
            default="private",
            help="Public blocks do not overlap; default private.",
        )
        parser.add_argument("--network", metavar="ID", help="Network that it belongs to.")
        add_settings(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Create it."""
        block = {"cidr": parsed_args.cidr, "tenant_id": parsed_args.tenant,
                 "type": parsed_args.type, **settings(self, parsed_args)}  # fmt: skip
        if parsed_args.network:
            block["network_id"] = parsed_args.network
        return self.write(parsed_args, "POST", BLOCK.path, {"ip_block": block})


class BlockSet(WriteCommand):
    """Change a block."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what can be changed."""
        add_block(parser)
        parser.add_argument("--network", metavar="ID", help="Another network; '' for none.")
        add_settings(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Change it."""
        block = settings(self, parsed_args)
        if parsed_args.network is not None:
            block["network_id"] = parsed_args.network or None
        where = BLOCK.path + path(self.find(BLOCK, parsed_args.block)["id"])
        return self.write(parsed_args, "PATCH", where, {"ip_block": block})


class BlockDelete(DeleteCommand):
    """Delete blocks with their subnets and addresses."""

    noun = BLOCK


class BlockAvailable(Talking, Lister):
    """List the free ranges of a block."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the block."""
        parser = super().get_parser(prog_name)
        add_block(parser)
        add_list_options(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """List them."""
        where = BLOCK.path + path(self.find(BLOCK, parsed_args.block)["id"], "available")
        found = self.service.each(where, "available", {}, parsed_args.limit)
        return table(("first", "last", "size"), found, parsed_args)


class BlockFit(Talking, ShowOne):
    """Tell whether so many addresses, or a prefix of a length, would fit into a block."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the block and what is to fit."""
        parser = super().get_parser(prog_name)
        add_block(parser)
        wanted = parser.add_mutually_exclusive_group(required=True)
        wanted.add_argument("--count", type=count, metavar="N", help="So many addresses in a row.")
        wanted.add_argument("--prefix-length", type=int, metavar="BITS", help="A free prefix.")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        """Ask."""
        where = BLOCK.path + path(self.find(BLOCK, parsed_args.block)["id"], "available")
        wanted = {"count": parsed_args.count, "prefix_length": parsed_args.prefix_length}
        return fields(self.service.get(where, wanted)["fit"])


class SubnetList(ListCommand):
    """List the subnets right below a block."""

    noun = replace(BLOCK, filters=tuple(name for name in BLOCK.filters if name != "parent_id"))

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the block."""
        parser = super().get_parser(prog_name)
        add_block(parser, "parent")
        return parser

    def items(self, parsed_args: argparse.Namespace) -> Iterable[Resource]:
        """Return the subnets."""
        where = BLOCK.path + path(self.find(BLOCK, parsed_args.parent)["id"], "subnets")
        return self.service.each(where, "ip_blocks", self.query(parsed_args), parsed_args.limit)


class SubnetCreate(WriteCommand):
    """Create a subnet: of a CIDR, or the next free prefix of a length."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what a subnet has."""
        add_block(parser)
        wanted = parser.add_mutually_exclusive_group(required=True)
        wanted.add_argument("cidr", metavar="CIDR", nargs="?", help="Such as 10.0.0.0/26.")
        wanted.add_argument("--prefix-length", type=int, metavar="BITS", help="Such as 26.")
        parser.add_argument("--tenant", metavar="ID", help="Who owns it; default: the block's.")
        add_settings(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Create it."""
        subnet = {**given(parsed_args, "cidr", "prefix_length"), **settings(self, parsed_args)}
        if parsed_args.tenant:
            subnet["tenant_id"] = parsed_args.tenant
        where = BLOCK.path + path(self.find(BLOCK, parsed_args.block)["id"], "subnets")
        return self.write(parsed_args, "POST", where, {"subnet": subnet})
