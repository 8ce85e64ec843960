"""Every route of the facade with the rule that guards it: for the docs, samples and tests.

Made of the mounts' own tables; each view asks for the same rule (see ``auth.require``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from oslo_policy import policy

from ipamd.api import rules
from ipamd.api.compute import mount as compute
from ipamd.api.melange import routes as melange
from ipamd.api.quantum import api as quantum_versions
from ipamd.api.quantum import routes as quantum
from ipamd.api.ui import mount as ui
from ipamd.api.ui import site as ui_site
from ipamd.api.v2 import routes as v2
from ipamd.api.v2.discovery import DISCOVERY
from ipamd.api.v2.nouns import PREFIX

CALLERS: Final = ("nobody", "another tenant", "reader", "member", "admin")
# What is everybody's: versions, descriptions, signs of life; /metrics is everybody's who
# asks from a network of [api] metrics_allow.
OPEN: Final = (
    "/", "/.atom", "/healthcheck", "/healthcheck/live", "/healthcheck/ready", "/metrics",
    "/extensions", "/v0.1/extensions", "/v1.0/extensions", "/v1.1/extensions",
    "/compute", "/compute/", "/compute/v2", "/compute/v2/", "/compute/v2.1", "/compute/v2.1/",
    "/compute/{rest}", "/ui", "/ui/static/{filename}",
)  # fmt: skip
_LEADS_ON: Final = {"/compute/{rest}": 300, "/ui": 302}
# What was cast is known to the tenant that cast it; to all others, admins included, any id
# is that of a request which may be on its way.
_OF_THE_SENDER: Final = "v2:get_request"
# Rules of operations that find nothing of another tenant's, and say so with an empty answer.
FINDS_NOTHING: Final = frozenset(
    {
        "melange:list_instance_interfaces", "melange:list_instance_ip_addresses",
        "melange:delete_instance_interfaces",
        "v2:list_ip_blocks", "v2:list_ip_addresses", "v2:list_interfaces", "v2:list_networks",
        "v2:list_ports", "v2:list_policies", "v2:list_ip_routes", "v2:list_nat",
        "v2:list_events", "ui:list_ip_blocks", "ui:list_networks", "ui:search_resources",
        "ui:list_events", _OF_THE_SENDER, "v2:list_history", "v2:list_instance_interfaces",
    }
)  # fmt: skip
# Operations whose body says which tenant is meant, and those whose body names a resource.
_NAMES_TENANT: Final = frozenset(
    {
        "melange:create_interface", "melange:create_instance_interface",
        "melange:replace_instance_interfaces",
        "v2:create_ip_block", "v2:create_interface", "v2:create_instance_interface",
        "v2:replace_instance_interfaces", "v2:create_network", "v2:create_policy",
    }
)  # fmt: skip
_REFERS: Final = frozenset(
    {"v2:create_ip_address", "v2:create_port", "v2:create_ip_route", "v2:create_nat"}
)
# Each entry of a batch is refused by itself.
_REFUSES_ENTRIES: Final = "v2:allocate_chosen_ip_addresses"


@dataclass(frozen=True)
class Guarded:
    """A route, and the name of its rule; None where there is none and everybody may use it."""

    verb: str
    path: str
    rule: str | None
    status: int

    @property
    def names_tenant(self) -> bool:
        """Tell whether path or body name the tenant that the request is about."""
        in_path = re.search(r"\{(tenant_id|project_id)\}", self.path) is not None
        return in_path or self.rule in _NAMES_TENANT

    def answers(self) -> tuple[str, ...]:
        """Return what ``CALLERS`` are answered by default, asking about a tenant's resource.

        A status; "empty" is success in which there is nothing of it.
        """
        done = str(self.status)
        if self.rule is None:
            return (done,) * len(CALLERS)
        check = next(rule.check for rule in rules.RULES if rule.name == self.rule)
        if check == rules.ADMIN:
            return ("401", "403", "403", "403", done)
        reader = done if check == rules.READER else "403"
        admin = "empty" if self.rule == _OF_THE_SENDER else done
        return ("401", self._of_another(), reader, done, admin)

    def _of_another(self) -> str:
        if self.names_tenant:
            return "403"
        if self.rule in FINDS_NOTHING or self.rule == _REFUSES_ENTRIES:
            return "empty"
        return "400" if self.rule in _REFERS else "404"


def guarded() -> Iterator[Guarded]:
    """Yield every route, mount by mount."""
    for path in OPEN:
        yield Guarded("GET", path, None, _LEADS_ON.get(path, 200))
    for path, _, operation, verbs in ui.PAGES:
        template = ui_site.PREFIX + re.sub(r"<(\w+)>", r"{\1}", path)
        for verb in verbs:
            status = 303 if verb == "POST" else 200
            yield Guarded(verb, template, ui_site.rule_of(operation), status)
    for own in DISCOVERY:
        yield Guarded(own.verb, PREFIX + own.path, None, own.status)
    for own in v2.ROUTES:
        if own.until is None:
            yield Guarded(own.verb, PREFIX + own.path, own.rule, own.status)
    for version in melange.BOTH:
        for row in (*melange.ROUTES, *melange.implicit_routes()):
            if version in row.versions:
                status = 404 if row.method is None else row.status
                yield Guarded(row.verb, f"/{version}{row.path}", row.rule, status)
    for each in quantum_versions.VERSIONS:
        for verb, path, view in quantum.ROUTES:
            status = each.created if verb == "POST" else 200 if verb == "GET" else 204
            yield Guarded(verb, f"/{each.name}{path}", quantum.rule_of(view), status)
    for prefix in ("/compute/v2", "/compute/v2.1"):
        for project in ("", "/{project_id}"):
            path = f"{prefix}{project}/servers/{{server_id}}/os-virtual-interfaces"
            yield Guarded("GET", path, compute.RULE, 200)


def list_rules() -> list[policy.RuleDefault]:
    """List the rules with their routes, for oslo.policy's generators."""
    routes: dict[str, list[policy.Operation]] = {}
    for route in guarded():
        if route.rule is not None:
            entry = policy.Operation(path=route.path, method=route.verb)
            if entry not in routes.setdefault(route.rule, []):
                routes[route.rule].append(entry)
    return [
        *[policy.RuleDefault(rule.name, rule.check, rule.about) for rule in rules.BASE],
        *[
            policy.DocumentedRuleDefault(rule.name, rule.check, rule.about, routes[rule.name])
            for rule in rules.RULES
        ],
    ]
