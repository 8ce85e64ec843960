"""The RPC methods: one table, from which the manager dispatches and the docs are made.

A method is an operation; its arguments are the operation's parameters after ``tx``, and
``idempotency_key`` where it changes something.  Those that are not of version 1.0 of the
API stand in ``transport.NEW_METHODS``.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ipamd import errors
from ipamd.operations import (
    allowed_ips,
    availability,
    block_maps,
    block_trees,
    deleting_blocks,
    events,
    health,
    history,
    instances,
    interfaces,
    ip_address_batches,
    ip_addresses,
    ip_blocks,
    ip_routes,
    mac_address_ranges,
    nat,
    networks,
    policies,
    ports,
    quantum_networks,
    query,
    requests,
    search,
    subnets,
    unusable_ip_octets,
    unusable_ip_ranges,
    used_ranges,
    utilization,
    virtual_interfaces,
)
from ipamd.operations.fields import text_problem

MAX_INTEGER = 2**63 - 1
MAX_DEPTH = 32
"""Levels of objects and lists in arguments; json gives up at an unforeseeable number."""


@dataclass(frozen=True)
class Parameter:
    """One argument of a method: its JSON type, and whether it may be left out or null."""

    name: str
    kind: type
    required: bool
    nullable: bool

    def check(self, value: object) -> None:
        """Raise ValidationError, naming the argument, when ``value`` has another shape."""
        if value is None and self.nullable:
            return
        problem = None
        if self.kind is str:
            problem = text_problem(value)
        elif self.kind is int:
            if isinstance(value, bool) or not isinstance(value, int):
                problem = "should be an integer"
            elif not -MAX_INTEGER <= value <= MAX_INTEGER:
                problem = "is out of range"
        elif self.kind is bool and not isinstance(value, bool):
            problem = "should be true or false"
        elif self.kind is dict and not isinstance(value, dict):
            problem = "should be an object"
        elif self.kind is list and not isinstance(value, list):
            problem = "should be a list"
        if problem:
            raise errors.ValidationError(fields={self.name: [f"{self.name} {problem}"]})


@dataclass(frozen=True)
class Method:
    """An RPC method: the operation behind it, and whether it changes anything.

    ``of_worker``: it is about the worker, whose database it gets, and no transaction.
    """

    operation: Callable[..., Any]
    mutating: bool
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    of_worker: bool = False

    @property
    def name(self) -> str:
        """The method's name, which is its operation's."""
        return self.operation.__name__

    def check(self, args: Mapping[str, Any]) -> None:
        """Check names, JSON types and depth of the arguments.

        Raises: BadRequest, MissingParameters, ValidationError
        """
        if is_too_deep(args):
            raise errors.BadRequest(f"The arguments are nested deeper than {MAX_DEPTH} levels")
        unknown = sorted(set(args) - set(self.parameters))
        if unknown:
            raise errors.BadRequest(f"{self.name} takes no argument {', '.join(unknown)}"[:200])
        missing = [p.name for p in self.parameters.values() if p.required and p.name not in args]
        if missing:
            raise errors.MissingParameters(names=missing)
        for name, value in args.items():
            self.parameters[name].check(value)


def is_too_deep(value: Mapping[str, Any] | list[Any], levels: int = MAX_DEPTH) -> bool:
    """Tell whether objects and lists are nested deeper than ``levels``."""
    if levels == 0:
        return True
    for inner in value if isinstance(value, list) else value.values():
        if isinstance(inner, (dict, list)) and is_too_deep(inner, levels - 1):
            return True
    return False


def _method(operation: Callable[..., Any], *, mutating: bool) -> Method:
    hints = typing.get_type_hints(operation)
    found = {}
    for parameter in list(inspect.signature(operation).parameters.values())[1:]:
        kind, nullable = _json_type(hints[parameter.name])
        required = parameter.default is inspect.Parameter.empty
        found[parameter.name] = Parameter(parameter.name, kind, required, nullable)
    return Method(operation, mutating, found)


def _json_type(hint: Any) -> tuple[type, bool]:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    kinds = [typing.get_origin(option) or option for option in options]
    return next(kind for kind in kinds if kind is not type(None)), type(None) in kinds


def reads(*operations: Callable[..., Any]) -> list[Method]:
    """Make methods of operations that change nothing."""
    return [_method(operation, mutating=False) for operation in operations]


def writes(*operations: Callable[..., Any]) -> list[Method]:
    """Make methods of operations that take an idempotency key."""
    return [_method(operation, mutating=True) for operation in operations]


def of_worker(*operations: Callable[..., Any]) -> list[Method]:
    """Make methods of operations that are about the worker which is asked."""
    return [replace(method, of_worker=True) for method in reads(*operations)]


ALL: list[Method] = [
    *reads(health.get_health),
    *of_worker(health.get_worker_status),
    # IP blocks and subnets
    *reads(
        ip_blocks.list_ip_blocks,
        ip_blocks.get_ip_block,
        utilization.get_ip_block_utilization,
    ),
    *writes(ip_blocks.create_ip_block, ip_blocks.update_ip_block, deleting_blocks.delete_ip_block),
    *reads(subnets.list_subnets),
    *writes(subnets.create_subnet),
    *reads(availability.list_available, availability.fit_in_ip_block),
    # What people look at
    *reads(
        block_trees.list_ip_block_tree,
        block_maps.get_ip_block_map,
        used_ranges.list_used_ranges,
        search.search_resources,
    ),
    # What happened
    *reads(
        history.list_ip_address_history,
        requests.get_request,
        query.query_resources,
        events.list_events,
    ),
    # IP addresses
    *reads(
        ip_addresses.list_ip_addresses,
        ip_addresses.get_ip_address,
        ip_addresses.list_allocated_ip_addresses,
    ),
    *writes(
        ip_addresses.allocate_ip_address,
        ip_addresses.allocate_ip_addresses,
        ip_address_batches.allocate_chosen_ip_addresses,
        ip_addresses.deallocate_ip_address,
        ip_addresses.restore_ip_address,
    ),
    # Allocation in networks
    *reads(networks.list_network_ip_blocks, networks.list_network_ips),
    *writes(networks.allocate_network_ips, networks.deallocate_network_ips),
    # Interfaces
    *writes(interfaces.create_interface, interfaces.delete_interface),
    *reads(interfaces.get_interface),
    *reads(virtual_interfaces.list_virtual_interfaces),
    # Quantum's networks and ports
    *reads(quantum_networks.list_networks, quantum_networks.get_network),
    *writes(
        quantum_networks.create_network,
        quantum_networks.update_network,
        quantum_networks.delete_network,
    ),
    *reads(ports.list_ports, ports.get_port, ports.get_port_attachment),
    *writes(
        ports.create_port,
        ports.update_port,
        ports.delete_port,
        ports.set_port_attachment,
        ports.delete_port_attachment,
    ),
    *reads(
        instances.list_instance_interfaces,
        instances.get_instance_interface,
        instances.list_interface_ip_addresses,
        instances.list_instance_ip_addresses,
    ),
    *writes(
        instances.create_instance_interface,
        instances.replace_instance_interfaces,
        instances.delete_instance_interface,
        instances.delete_instance_interfaces,
        instances.add_interface_ip_addresses,
        instances.remove_interface_ip_address,
    ),
    # Allowed IPs and NAT
    *reads(allowed_ips.list_allowed_ips, allowed_ips.get_allowed_ip),
    *writes(allowed_ips.add_allowed_ip, allowed_ips.remove_allowed_ip),
    *reads(nat.list_inside_globals, nat.list_inside_locals),
    *writes(
        nat.add_inside_globals,
        nat.remove_inside_globals,
        nat.add_inside_locals,
        nat.remove_inside_locals,
    ),
    # Policies
    *reads(policies.list_policies, policies.get_policy),
    *writes(policies.create_policy, policies.update_policy, policies.delete_policy),
    *reads(unusable_ip_ranges.list_unusable_ip_ranges, unusable_ip_ranges.get_unusable_ip_range),
    *writes(
        unusable_ip_ranges.create_unusable_ip_range,
        unusable_ip_ranges.update_unusable_ip_range,
        unusable_ip_ranges.delete_unusable_ip_range,
    ),
    *reads(unusable_ip_octets.list_unusable_ip_octets, unusable_ip_octets.get_unusable_ip_octet),
    *writes(
        unusable_ip_octets.create_unusable_ip_octet,
        unusable_ip_octets.update_unusable_ip_octet,
        unusable_ip_octets.delete_unusable_ip_octet,
    ),
    # Static routes
    *reads(ip_routes.list_ip_routes, ip_routes.get_ip_route),
    *writes(ip_routes.create_ip_route, ip_routes.update_ip_route, ip_routes.delete_ip_route),
    # MAC address ranges
    *reads(mac_address_ranges.list_mac_address_ranges, mac_address_ranges.get_mac_address_range),
    *writes(
        mac_address_ranges.create_mac_address_range,
        mac_address_ranges.delete_mac_address_range,
    ),
]
METHODS: Mapping[str, Method] = {method.name: method for method in ALL}
