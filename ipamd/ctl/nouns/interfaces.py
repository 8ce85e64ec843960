"""``interface`` and ``instance``: what addresses are plugged into."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from typing import Any

from cliff.lister import Lister

from ipamd.ctl.base import (
    DeleteCommand,
    ListCommand,
    ShowCommand,
    Talking,
    WriteCommand,
    add_write_options,
    given,
)
from ipamd.ctl.exit_status import ExitStatus, Failure
from ipamd.ctl.nouns.kinds import INTERFACE
from ipamd.ctl.service import Resource, path
from ipamd.ctl.showing import add_list_options, table


def _add_interface(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tenant", metavar="ID", required=True, help="Whose it is.")
    parser.add_argument("--id", metavar="ID", help="Id to give it; default: a new one.")
    parser.add_argument(
        "--mac", dest="mac_address", metavar="MAC", help="Default: the next one of the ranges."
    )
    parser.add_argument(
        "--network", metavar="ID", help="Network to take addresses from, one of each family."
    )
    parser.add_argument(
        "--network-tenant", metavar="ID", help="Who owns the network; default: --tenant."
    )
    parser.add_argument(
        "--address", metavar="ADDRESS", action="append", default=[],
        help="Take this address of the network. May be repeated.",
    )  # fmt: skip


def _interface(parsed_args: argparse.Namespace) -> Resource:
    found = given(parsed_args, "id", "mac_address")
    if parsed_args.network:
        owner = parsed_args.network_tenant or parsed_args.tenant
        found["network"] = {"id": parsed_args.network, "tenant_id": owner}
        if parsed_args.address:
            found["network"]["addresses"] = parsed_args.address
    elif parsed_args.address:
        raise Failure("--address needs --network", ExitStatus.USAGE)
    return {"tenant_id": parsed_args.tenant, **found}


class InterfaceList(ListCommand):
    """List interfaces."""

    noun = INTERFACE


class InterfaceShow(ShowCommand):
    """Show an interface with its addresses."""

    noun = INTERFACE


class InterfaceCreate(WriteCommand):
    """Create an interface, with addresses of a network if one is named."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what an interface has."""
        _add_interface(parser)
        parser.add_argument("--device", dest="device_id", metavar="ID", help="Its instance.")

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Create it."""
        body = {**_interface(parsed_args), **given(parsed_args, "device_id")}
        return self.write(parsed_args, "POST", INTERFACE.path, {"interface": body})


class InterfaceDelete(DeleteCommand):
    """Delete interfaces; their addresses go into quarantine."""

    noun = INTERFACE


class InstanceShow(Talking, Lister):
    """List the interfaces of an instance with their addresses."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the instance."""
        parser = super().get_parser(prog_name)
        parser.add_argument("instance", metavar="INSTANCE", help="The instance's id.")
        add_list_options(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """List them."""
        where = path("instances", parsed_args.instance, "interfaces")
        found = self.service.each(where, "interfaces", {}, parsed_args.limit)
        columns = ("id", "tenant_id", "mac_address", "addresses")
        return table(columns, map(_with_addresses, found), parsed_args)


def _with_addresses(interface: Resource) -> Resource:
    addresses = ", ".join(each["address"] for each in interface["ip_addresses"])
    return {**interface, "addresses": addresses}


class InstancePlug(WriteCommand):
    """Create an interface of an instance."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the instance and what an interface has."""
        parser.add_argument("instance", metavar="INSTANCE", help="The instance's id.")
        _add_interface(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Create it."""
        where = path("instances", parsed_args.instance, "interfaces")
        return self.write(parsed_args, "POST", where, {"interface": _interface(parsed_args)})


class InstanceReplace(Talking, Lister):
    """Replace all interfaces of an instance in one step; none are left of before."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the instance and its new interfaces."""
        parser = super().get_parser(prog_name)
        parser.add_argument("instance", metavar="INSTANCE", help="The instance's id.")
        parser.add_argument("--tenant", metavar="ID", required=True, help="Whose it is.")
        parser.add_argument(
            "--interface", metavar="JSON", action="append", default=[], type=_json_object,
            help='Such as {"id": "vif-1", "network": {"id": "blue", "tenant_id": "t1"}}. May be '
            "repeated; without any the instance has none.",
        )  # fmt: skip
        parser.add_argument("--long", action="store_true", help="All columns.")
        add_write_options(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """Replace them."""
        body = {"tenant_id": parsed_args.tenant, "interfaces": parsed_args.interface}
        where = path("instances", parsed_args.instance, "interfaces")
        found = self.service.write(
            "PUT", where, body, key=parsed_args.idempotency_key, later=parsed_args.later
        )
        if "request" in found:
            return table(("id", "status"), [found["request"]], parsed_args)
        columns = ("id", "tenant_id", "mac_address", "addresses")
        return table(columns, map(_with_addresses, found["interfaces"]), parsed_args)


def _json_object(text: str) -> Resource:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f"{text} is no JSON object")
    return found


class InstanceVirtualInterfaces(Talking, Lister):
    """List the virtual interfaces of an instance, as Nova shows them."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the instance."""
        parser = super().get_parser(prog_name)
        parser.add_argument("instance", metavar="INSTANCE", help="The instance's id.")
        add_list_options(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """List them."""
        where = path("instances", parsed_args.instance, "virtual-interfaces")
        found = self.service.each(where, "virtual_interfaces", {}, parsed_args.limit)
        return table(("id", "mac_address", "net_id"), found, parsed_args)
