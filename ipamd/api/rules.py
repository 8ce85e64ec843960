"""Who may do what: one rule for each operation of each mount, and oslo.policy to judge.

A rule's name is ``<mount>:<operation>``.  The defaults know three roles: *reader*, who may
look at what is the tenant's, *member*, who may also change it, and *admin*, who may do
everything with everybody's.  An administrator changes rules in ``policy.yaml``.

A rule says who may ask at all.  What the answer is about is then kept to the caller's
tenant by the manager (``ipamd.rpc.confinement``), unless ``any_tenant`` allows more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import yaml
from oslo_config import cfg
from oslo_log import log as logging
from oslo_policy import policy

from ipamd import errors
from ipamd.api.callers import Caller

LOG = logging.getLogger(__name__)

READER: Final = "rule:tenant_reader"
MEMBER: Final = "rule:tenant_member"
ADMIN: Final = "rule:context_is_admin"
IS_ADMIN: Final = "context_is_admin"
ANY_TENANT: Final = "any_tenant"


@dataclass(frozen=True)
class Rule:
    """A rule: its name, what it is by default, and what it is about."""

    name: str
    check: str
    about: str


BASE: Final[tuple[Rule, ...]] = (
    Rule(IS_ADMIN, "role:admin", "Who is an admin, and may see how the service itself is doing"),
    Rule(
        ANY_TENANT,
        ADMIN,
        "Who reaches the resources of every tenant; all others reach what their own tenant "
        "owns or leases, whatever the other rules say",
    ),
    Rule("owner", "tenant_id:%(tenant_id)s", "Who asks about their own tenant"),
    Rule(
        "tenant_reader",
        f"{ADMIN} or (rule:owner and (role:reader or role:member))",
        "Who may look at what is the tenant's",
    ),
    Rule(
        "tenant_member",
        f"{ADMIN} or (rule:owner and role:member)",
        "Who may change what is the tenant's",
    ),
)


def _rules(mount: str, check: str, names: str) -> Iterator[Rule]:
    for name in names.split():
        words = name.replace("_", " ").replace("ip ", "IP ").replace("mac ", "MAC ")
        yield Rule(f"{mount}:{name}", check, words[:1].upper() + words[1:])


RULES: Final[tuple[Rule, ...]] = (
    # ipamd's own API
    *_rules("v2", READER, """
        list_ip_blocks get_ip_block list_subnets list_available
        list_ip_addresses get_ip_address list_history
        list_interfaces get_interface list_instance_interfaces list_virtual_interfaces
        list_networks get_network list_ports get_port
        list_policies get_policy list_ip_routes get_ip_route list_nat get_nat
        get_request list_events
    """),
    *_rules("v2", MEMBER, """
        create_ip_block update_ip_block delete_ip_block create_subnet
        create_ip_address update_ip_address delete_ip_address allocate_chosen_ip_addresses
        create_interface delete_interface
        create_instance_interface replace_instance_interfaces
        create_network update_network delete_network create_port update_port delete_port
        create_policy update_policy delete_policy
        create_ip_route update_ip_route delete_ip_route create_nat delete_nat
    """),
    *_rules("v2", ADMIN, """
        list_mac_address_ranges get_mac_address_range
        create_mac_address_range delete_mac_address_range
    """),
    # The pages below /ui
    *_rules("ui", READER, """
        list_ip_blocks get_ip_block get_ip_address list_networks get_network
        search_resources list_events
    """),
    *_rules("ui", MEMBER, "allocate_ip_address deallocate_ip_address restore_ip_address"),
    # Melange v0.1 and v1.0
    *_rules("melange", READER, """
        list_ip_blocks get_ip_block list_subnets
        list_ip_addresses get_ip_address list_allocated_ip_addresses
        list_ip_routes get_ip_route list_inside_globals list_inside_locals
        list_policies get_policy list_unusable_ip_ranges get_unusable_ip_range
        list_unusable_ip_octets get_unusable_ip_octet
        list_network_ip_blocks list_network_ips get_interface
        list_allowed_ips get_allowed_ip
        list_instance_interfaces get_instance_interface
        list_instance_ip_addresses list_interface_ip_addresses
        no_action
    """),
    *_rules("melange", MEMBER, """
        create_ip_block update_ip_block delete_ip_block create_subnet
        allocate_ip_address deallocate_ip_address restore_ip_address
        create_ip_route update_ip_route delete_ip_route
        add_inside_globals remove_inside_globals add_inside_locals remove_inside_locals
        create_policy update_policy delete_policy
        create_unusable_ip_range update_unusable_ip_range delete_unusable_ip_range
        create_unusable_ip_octet update_unusable_ip_octet delete_unusable_ip_octet
        allocate_network_ips deallocate_network_ips create_interface delete_interface
        add_allowed_ip remove_allowed_ip
        create_instance_interface replace_instance_interfaces
        delete_instance_interface delete_instance_interfaces
        add_interface_ip_addresses remove_interface_ip_address
    """),
    *_rules("melange", ADMIN, """
        list_all_allocated_ip_addresses
        list_mac_address_ranges get_mac_address_range
        create_mac_address_range delete_mac_address_range
    """),
    # Quantum v1.0 and v1.1
    *_rules("quantum", READER, """
        list_networks get_network list_ports get_port get_port_attachment
    """),
    *_rules("quantum", MEMBER, """
        create_network update_network delete_network create_port update_port delete_port
        set_port_attachment delete_port_attachment
    """),
    # Nova's virtual interfaces
    *_rules("compute", READER, "list_virtual_interfaces"),
)  # fmt: skip


class Policy:
    """The rules as they are in force: the defaults, and what ``policy.yaml`` says instead."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._enforcer = policy.Enforcer(conf)
        self._enforcer.suppress_default_change_warnings = True
        self._enforcer.register_defaults(
            [policy.RuleDefault(rule.name, rule.check, rule.about) for rule in (*BASE, *RULES)]
        )
        try:
            self._enforcer.load_rules()
            self._enforcer.check_rules(raise_on_violation=True)
        except (policy.InvalidDefinitionError, ValueError, yaml.YAMLError, OSError) as error:
            raise cfg.Error(f"[oslo_policy] policy_file: {error}") from error

    def judge(self, caller: Caller) -> Caller:
        """Find out what ``caller`` is by the rules that look at no resource."""
        credentials = caller.credentials()
        return replace(
            caller,
            is_admin=self._holds(IS_ADMIN, {}, credentials),
            reaches_all=self._holds(ANY_TENANT, {}, credentials),
        )

    def allows(self, caller: Caller, rule: str, tenant_id: str | None) -> bool:
        """Tell whether ``rule`` lets ``caller`` act on what is ``tenant_id``'s."""
        target = {"tenant_id": tenant_id, "project_id": tenant_id}
        return self._holds(rule, target, caller.credentials())

    def _holds(self, rule: str, target: dict[str, Any], credentials: dict[str, Any]) -> bool:
        try:
            return bool(self._enforcer.authorize(rule, target, credentials))
        except (ValueError, yaml.YAMLError, OSError) as error:
            LOG.error("the policy file cannot be read again: %s", error)
            raise errors.Unavailable("The policy cannot be read at the moment") from error
