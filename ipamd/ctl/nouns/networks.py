"""``network`` and ``port``: Quantum's networks, and what is plugged into them."""

from __future__ import annotations

import argparse
from typing import Any

from ipamd.ctl.base import DeleteCommand, ListCommand, ShowCommand, WriteCommand, add_name, given
from ipamd.ctl.nouns.kinds import NETWORK, PORT
from ipamd.ctl.service import path

_STATES = ["ACTIVE", "DOWN"]


class NetworkList(ListCommand):
    """List networks."""

    noun = NETWORK


class NetworkShow(ShowCommand):
    """Show a network."""

    noun = NETWORK


class NetworkCreate(WriteCommand):
    """Create a network."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what a network has."""
        parser.add_argument("new_name", metavar="NAME", help="What people call it.")
        parser.add_argument("--tenant", metavar="ID", required=True, help="Who owns it.")

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Create it."""
        body = {"tenant_id": parsed_args.tenant, "name": parsed_args.new_name}
        return self.write(parsed_args, "POST", NETWORK.path, {"network": body})


class NetworkSet(WriteCommand):
    """Rename a network."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the network and its new name."""
        add_name(parser, NETWORK)
        parser.add_argument(
            "--name", dest="new_name", metavar="NAME", required=True, help="Its new name."
        )

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Rename it."""
        where = NETWORK.path + path(self.find(NETWORK, parsed_args.name)["id"])
        return self.write(parsed_args, "PATCH", where, {"network": {"name": parsed_args.new_name}})


class NetworkDelete(DeleteCommand):
    """Delete networks with their ports."""

    noun = NETWORK


class PortList(ListCommand):
    """List ports."""

    noun = PORT


class PortShow(ShowCommand):
    """Show a port."""

    noun = PORT


class PortCreate(WriteCommand):
    """Create a port of a network."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what a port has."""
        parser.add_argument("network", metavar="NETWORK", help="The network's id or name.")
        parser.add_argument("--state", choices=_STATES, help="Default DOWN.")

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Create it."""
        network_id = self.find(NETWORK, parsed_args.network)["id"]
        body = {"network_id": network_id, **given(parsed_args, "state")}
        return self.write(parsed_args, "POST", PORT.path, {"port": body})


class _PortChange(WriteCommand):
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the port."""
        add_name(parser, PORT)

    def change(self, parsed_args: argparse.Namespace, **body: Any) -> Any:
        """Change the port."""
        where = PORT.path + path(parsed_args.name)
        return self.write(parsed_args, "PATCH", where, {"port": body})


class PortSet(_PortChange):
    """Change the state of a port."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the state."""
        super().add_arguments(parser)
        parser.add_argument("--state", choices=_STATES, required=True, help="Its new state.")

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Change it."""
        return self.change(parsed_args, state=parsed_args.state)


class PortPlug(_PortChange):
    """Plug an interface into a port."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the interface."""
        super().add_arguments(parser)
        parser.add_argument("interface", metavar="INTERFACE", help="The interface's id.")

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Plug it in."""
        return self.change(parsed_args, attachment_id=parsed_args.interface)


class PortUnplug(_PortChange):
    """Unplug what is plugged into a port."""

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Unplug it."""
        return self.change(parsed_args, attachment_id=None)


class PortDelete(DeleteCommand):
    """Delete ports that nothing is plugged into."""

    noun = PORT
