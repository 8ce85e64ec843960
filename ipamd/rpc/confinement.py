"""What a request that is confined to its tenant may be about: one table over all methods.

A request reaches what its tenant owns or leases.  Where an argument names the tenant that
matters, it is compared, or set, here, before anything is read; where only a row tells whose
it is, the operation looks at it (``Transaction.context.confined_to``).  Which of the two a
method needs stands in ``CONFINEMENT``; a method that is not there is refused.

What another tenant has is not found.  What names another tenant outright is forbidden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ipamd import errors
from ipamd.context import RequestContext

# (tenant, arguments) → arguments
Confine = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


def own(tenant: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep ``tenant_id``, whose absence means everybody, to the tenant."""
    rows(tenant, args)
    return {**args, "tenant_id": tenant}


def rows(tenant: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Compare ``tenant_id`` if it is given; the operation looks at the rows.

    Raises: Forbidden
    """
    _compare(tenant, args.get("tenant_id"))
    return args


def anything(_tenant: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Change nothing: there is nothing of another tenant in the answer."""
    return args


def nothing(_tenant: str, _args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse what serves all tenants, and is nobody's.

    Raises: Forbidden
    """
    raise errors.Forbidden()


def described(name: str, then: Confine = rows) -> Confine:
    """Compare the tenant of the resource that the argument ``name`` describes."""

    def confine(tenant: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        body = args.get(name)
        if isinstance(body, Mapping):
            _compare(tenant, body.get("tenant_id"))
        return then(tenant, args)

    return confine


def resources(tenant: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep a list of any kind to the tenant; a kind that no tenant owns is refused."""
    return (nothing if args.get("kind") == "mac_address_ranges" else own)(tenant, args)


def _compare(tenant: str, named: object) -> None:
    if named is not None and named != tenant:
        raise errors.Forbidden()


def _all(confine: Confine, names: str) -> dict[str, Confine]:
    return dict.fromkeys(names.split(), confine)


CONFINEMENT: Final[Mapping[str, Confine]] = {
    **_all(own, """
        list_ip_blocks get_ip_block get_ip_block_utilization
        create_ip_block update_ip_block delete_ip_block
        list_subnets list_available fit_in_ip_block
        list_ip_addresses list_allocated_ip_addresses allocate_ip_address allocate_ip_addresses
        allocate_chosen_ip_addresses
        list_network_ip_blocks list_network_ips allocate_network_ips deallocate_network_ips
        get_interface delete_interface list_virtual_interfaces
        list_networks get_network create_network update_network delete_network
        list_ports get_port get_port_attachment
        create_port update_port delete_port set_port_attachment delete_port_attachment
        list_instance_interfaces get_instance_interface
        delete_instance_interface delete_instance_interfaces
        list_allowed_ips get_allowed_ip add_allowed_ip remove_allowed_ip
        list_policies get_policy create_policy update_policy delete_policy
        list_unusable_ip_ranges get_unusable_ip_range
        create_unusable_ip_range update_unusable_ip_range delete_unusable_ip_range
        list_unusable_ip_octets get_unusable_ip_octet
        create_unusable_ip_octet update_unusable_ip_octet delete_unusable_ip_octet
        list_ip_routes get_ip_route create_ip_route update_ip_route delete_ip_route
        list_events
        list_ip_block_tree get_ip_block_map list_used_ranges search_resources
    """),
    "create_subnet": described("subnet", own),
    "query_resources": resources,
    # A lessee has no block: an address is found by its row.
    **_all(rows, """
        get_ip_address deallocate_ip_address restore_ip_address list_ip_address_history
        list_inside_globals add_inside_globals remove_inside_globals
        list_inside_locals add_inside_locals remove_inside_locals
    """),
    # The instance is nobody's, its interfaces are somebody's.
    **_all(rows, """
        list_interface_ip_addresses list_instance_ip_addresses
        add_interface_ip_addresses remove_interface_ip_address
    """),
    **_all(described("interface"), "create_interface create_instance_interface"),
    "replace_instance_interfaces": described("instance"),
    **_all(nothing, """
        get_worker_status
        list_mac_address_ranges get_mac_address_range
        create_mac_address_range delete_mac_address_range
    """),
    # Kept under the tenant of who asks, or told of the service alone.
    **_all(anything, "get_request get_health"),
}  # fmt: skip


def enforce(context: RequestContext) -> None:
    """Confine a context, unless it says that it is an admin's."""
    context.confined = context.confined or not context.is_admin


def confine(context: RequestContext, method: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments with which a request reaches its own tenant's alone.

    Nothing happens to a context that is not ``confined``.

    Raises: Forbidden
    """
    if not context.confined:
        return args
    how = CONFINEMENT.get(method, nothing)
    if not context.tenant and how is not anything:
        raise errors.Forbidden()
    return how(context.tenant, args)
