"""Every command of ``ipamctl``, in one table; the reference is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cliff.command import Command

from ipamd.ctl.exporting import Export
from ipamd.ctl.importing import Import
from ipamd.ctl.nouns import addresses, blocks, interfaces, networks, policies, requests, routes
from ipamd.ctl.watching import Watch

COMMANDS: Mapping[str, type[Command] | Any] = {
    # Blocks
    "block list": blocks.BlockList,
    "block show": blocks.BlockShow,
    "block create": blocks.BlockCreate,
    "block set": blocks.BlockSet,
    "block delete": blocks.BlockDelete,
    "block available": blocks.BlockAvailable,
    "block fit": blocks.BlockFit,
    "subnet list": blocks.SubnetList,
    "subnet create": blocks.SubnetCreate,
    # Addresses
    "address list": addresses.AddressList,
    "address show": addresses.AddressShow,
    "address allocate": addresses.AddressAllocate,
    "address release": addresses.AddressRelease,
    "address restore": addresses.AddressRestore,
    "address history": addresses.AddressHistory,
    # Interfaces and instances
    "interface list": interfaces.InterfaceList,
    "interface show": interfaces.InterfaceShow,
    "interface create": interfaces.InterfaceCreate,
    "interface delete": interfaces.InterfaceDelete,
    "instance show": interfaces.InstanceShow,
    "instance plug": interfaces.InstancePlug,
    "instance replace": interfaces.InstanceReplace,
    "instance virtual-interfaces": interfaces.InstanceVirtualInterfaces,
    # Networks and ports
    "network list": networks.NetworkList,
    "network show": networks.NetworkShow,
    "network create": networks.NetworkCreate,
    "network set": networks.NetworkSet,
    "network delete": networks.NetworkDelete,
    "port list": networks.PortList,
    "port show": networks.PortShow,
    "port create": networks.PortCreate,
    "port set": networks.PortSet,
    "port plug": networks.PortPlug,
    "port unplug": networks.PortUnplug,
    "port delete": networks.PortDelete,
    # Policies
    "policy list": policies.PolicyList,
    "policy show": policies.PolicyShow,
    "policy create": policies.PolicyCreate,
    "policy set": policies.PolicySet,
    "policy delete": policies.PolicyDelete,
    "policy range add": policies.PolicyRangeAdd,
    "policy range remove": policies.PolicyRangeRemove,
    "policy octet add": policies.PolicyOctetAdd,
    "policy octet remove": policies.PolicyOctetRemove,
    # Routes, NAT, MAC addresses
    "route list": routes.RouteList,
    "route show": routes.RouteShow,
    "route create": routes.RouteCreate,
    "route set": routes.RouteSet,
    "route delete": routes.RouteDelete,
    "nat list": routes.NatList,
    "nat show": routes.NatShow,
    "nat create": routes.NatCreate,
    "nat delete": routes.NatDelete,
    "mac-range list": routes.MacRangeList,
    "mac-range show": routes.MacRangeShow,
    "mac-range create": routes.MacRangeCreate,
    "mac-range delete": routes.MacRangeDelete,
    # What happens, and much at once
    "request show": requests.RequestShow,
    "watch": Watch,
    "import": Import,
    "export": Export,
    "version list": requests.VersionList,
}
