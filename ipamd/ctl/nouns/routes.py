"""``route``, ``nat`` and ``mac-range``: what goes along with blocks and addresses."""

from __future__ import annotations

import argparse
from typing import Any

from ipamd.ctl.base import DeleteCommand, ListCommand, ShowCommand, WriteCommand, add_name, given
from ipamd.ctl.nouns.blocks import add_block
from ipamd.ctl.nouns.kinds import ADDRESS, BLOCK, MAC_RANGE, NAT, ROUTE
from ipamd.ctl.service import Resource, path


class RouteList(ListCommand):
    """List static routes."""

    noun = ROUTE


class RouteShow(ShowCommand):
    """Show a static route."""

    noun = ROUTE


class RouteCreate(WriteCommand):
    """Add a static route to a block."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what a route has."""
        add_block(parser)
        parser.add_argument("destination", metavar="CIDR", help="Where it leads.")
        parser.add_argument("gateway", metavar="GATEWAY", help="Address of the next hop.")
        parser.add_argument("--netmask", metavar="MASK", help="Of a destination without a length.")

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Create it."""
        block_id = self.find(BLOCK, parsed_args.block)["id"]
        route = given(parsed_args, "destination", "gateway", "netmask")
        body = {"ip_route": {"ip_block_id": block_id, **route}}
        return self.write(parsed_args, "POST", ROUTE.path, body)


class RouteSet(WriteCommand):
    """Change a static route."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what can be changed."""
        add_name(parser, ROUTE)
        parser.add_argument("--destination", metavar="CIDR", help="Where it leads.")
        parser.add_argument("--gateway", metavar="ADDRESS", help="The next hop.")
        parser.add_argument("--netmask", metavar="MASK", help="'' for none.")

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Change it."""
        body = {"ip_route": given(parsed_args, "destination", "gateway", "netmask")}
        return self.write(parsed_args, "PATCH", ROUTE.path + path(parsed_args.name), body)


class RouteDelete(DeleteCommand):
    """Remove static routes."""

    noun = ROUTE


class NatList(ListCommand):
    """List NAT associations."""

    noun = NAT


class NatShow(ShowCommand):
    """Show a NAT association."""

    noun = NAT


class NatCreate(WriteCommand):
    """Associate an inside local address with an inside global one."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the two addresses."""
        parser.add_argument("local", metavar="LOCAL", help="Address or its id.")
        parser.add_argument("global_", metavar="GLOBAL", help="Address or its id.")
        parser.add_argument("--local-block", metavar="BLOCK", help="Where several have it.")
        parser.add_argument("--global-block", metavar="BLOCK", help="Where several have it.")

    def _end(self, address: str, block: str | None) -> Resource:
        also = {} if block is None else {"ip_block_id": str(self.find(BLOCK, block)["id"])}
        found = self.find(ADDRESS, address, **also)
        return {"ip_block_id": found["ip_block_id"], "address": found["address"]}

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Create it."""
        local = self._end(parsed_args.local, parsed_args.local_block)
        body = {
            "inside_local": local,
            "inside_global": self._end(parsed_args.global_, parsed_args.global_block),
        }
        return self.write(parsed_args, "POST", NAT.path, {"nat": body})


class NatDelete(DeleteCommand):
    """Remove NAT associations."""

    noun = NAT


class MacRangeList(ListCommand):
    """List ranges of MAC addresses."""

    noun = MAC_RANGE


class MacRangeShow(ShowCommand):
    """Show a range of MAC addresses."""

    noun = MAC_RANGE


class MacRangeCreate(WriteCommand):
    """Create a range of MAC addresses, which interfaces get theirs from."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the range."""
        parser.add_argument("cidr", metavar="CIDR", help="Such as BC-76-4E-00-00-00/24.")

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Create it."""
        body = {"mac_address_range": {"cidr": parsed_args.cidr}}
        return self.write(parsed_args, "POST", MAC_RANGE.path, body)


class MacRangeDelete(DeleteCommand):
    """Delete ranges of MAC addresses; interfaces keep what they have of them."""

    noun = MAC_RANGE
