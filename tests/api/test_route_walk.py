"""Every route, asked by everybody: each answer is what the table in the documentation says.

The table is ``ipamd.api.route_rules``; it has to name every route that the facade serves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from ipamd.api import rules
from ipamd.api.route_rules import CALLERS, Guarded, guarded
from ipamd.api.v2 import routes as v2
from tests.api.conftest import RecordingCaller
from tests.api.guarded_service import (
    GLOBAL,
    LEASED,
    OTHER,
    OWN,
    QUARANTINED,
    TENANT,
    Service,
    serving,
)

ROUTES = list(guarded())
MOUNTS = sorted({(route.rule or "open:").partition(":")[0] for route in ROUTES})
BLOCK: dict[str, Any] = {"cidr": "10.7.0.0/24", "type": "private"}
ROUTE = {"destination": "10.8.0.0/24", "gateway": OWN}
NETWORK = {"id": "net-1", "tenant_id": TENANT}
MORE = [{"ip_block_id": "{ip_block_id}", "ip_address": LEASED}]

# Rule -> body, with names of resources in braces.
BODIES: dict[str, Any] = {
    "melange:create_ip_block": {"ip_block": BLOCK},
    "melange:update_ip_block": {"ip_block": {"dns1": "192.0.2.1"}},
    "melange:create_subnet": {"subnet": {"cidr": "10.5.0.0/25"}},
    "melange:allocate_ip_address": {"ip_address": {"interface_id": "vif-1"}},
    "melange:create_ip_route": {"ip_route": ROUTE},
    "melange:update_ip_route": {"ip_route": ROUTE},
    "melange:add_inside_globals": {"ip_addresses": MORE},
    "melange:add_inside_locals": {"ip_addresses": MORE},
    "melange:create_policy": {"policy": {"name": "q"}},
    "melange:update_policy": {"policy": {"name": "q"}},
    "melange:create_unusable_ip_range": {"ip_range": {"offset": 3, "length": 1}},
    "melange:update_unusable_ip_range": {"ip_range": {"offset": 3, "length": 1}},
    "melange:create_unusable_ip_octet": {"ip_octet": {"octet": 3}},
    "melange:update_unusable_ip_octet": {"ip_octet": {"octet": 3}},
    "melange:allocate_network_ips": {"network": {}},
    "melange:create_interface": {"interface": {"tenant_id": TENANT}},
    "melange:add_allowed_ip": {"allowed_ip": {"network_id": "net-1", "ip_address": OWN}},
    "melange:create_instance_interface": {"interface": {"tenant_id": TENANT}},
    "melange:replace_instance_interfaces": {"instance": {"tenant_id": TENANT, "interfaces": []}},
    "melange:add_interface_ip_addresses": {"network": NETWORK},
    "melange:create_mac_address_range": {"mac_address_range": {"cidr": "06-00-00-00-00-00/40"}},
    "quantum:create_network": {"network": {"name": "m"}},
    "quantum:update_network": {"network": {"name": "m"}},
    "quantum:update_port": {"port": {"state": "ACTIVE"}},
    "quantum:set_port_attachment": {"attachment": {"id": "plug"}},
    "v2:create_ip_block": {"ip_block": {**BLOCK, "tenant_id": TENANT}},
    "v2:update_ip_block": {"ip_block": {"dns1": "192.0.2.1"}},
    "v2:create_subnet": {"subnet": {"cidr": "10.5.0.0/25"}},
    "v2:create_ip_address": {"ip_address": {"ip_block_id": "{ip_block_id}"}},
    "v2:allocate_chosen_ip_addresses": {
        "ip_addresses": [{"ip_block_id": "{ip_block_id}", "address": "10.0.0.99"}]
    },
    "v2:update_ip_address": {"ip_address": {"status": "allocated"}},
    "v2:create_interface": {"interface": {"tenant_id": TENANT}},
    "v2:create_instance_interface": {"interface": {"tenant_id": TENANT}},
    "v2:replace_instance_interfaces": {"tenant_id": TENANT, "interfaces": []},
    "v2:create_network": {"network": {"tenant_id": TENANT, "name": "m"}},
    "v2:update_network": {"network": {"name": "m"}},
    "v2:create_port": {"port": {"network_id": "{network_id}"}},
    "v2:update_port": {"port": {"state": "ACTIVE"}},
    "v2:create_policy": {"policy": {"tenant_id": TENANT, "name": "q"}},
    "v2:update_policy": {"policy": {"name": "q"}},
    "v2:create_ip_route": {"ip_route": {**ROUTE, "ip_block_id": "{ip_block_id}"}},
    "v2:update_ip_route": {"ip_route": ROUTE},
    "v2:create_nat": {
        "nat": {
            "inside_local": {"ip_block_id": "{ip_block_id}", "address": OWN},
            "inside_global": {"ip_block_id": "{ip_block_id}", "address": LEASED},
        }
    },
    "v2:create_mac_address_range": {"mac_address_range": {"cidr": "06-00-00-00-00-00/40"}},
}
# Variables of paths that are no ids of the service's own making.
NAMES = {
    "tenant_id": TENANT, "project_id": TENANT, "address": OWN, "inside_address": GLOBAL,
    "interface_id": "vif-1", "instance_id": "server-1", "server_id": "server-1", "rest": "x",
    "id": "none", "filename": "ipamd.css",
}  # fmt: skip
# Where another resource of the same kind is meant.
ELSEWHERE: dict[str, dict[str, str]] = {
    "melange:create_subnet": {"ip_block_id": "{empty}"},
    "melange:restore_ip_address": {"address": QUARANTINED},
    "melange:get_allowed_ip": {"address": GLOBAL},
    "melange:remove_allowed_ip": {"address": GLOBAL},
    "melange:list_network_ip_blocks": {"network_id": "net-1"},
    "melange:list_network_ips": {"network_id": "net-1"},
    "melange:allocate_network_ips": {"network_id": "net-1"},
    "melange:deallocate_network_ips": {"network_id": "net-1"},
    "v2:create_subnet": {"ip_block_id": "{empty}"},
    "ui:restore_ip_address": {"address": QUARANTINED},
    "v2:update_ip_address": {"ip_address_id": f"{{id of {QUARANTINED}}}"},
}
# Pages ask as well what they may offer.
OFFERED = {
    "/ui/blocks/{ip_block_id}/": {"ui:allocate_ip_address"},
    "/ui/blocks/{ip_block_id}/{address}": {"ui:deallocate_ip_address"},
}


@pytest.fixture(scope="module")
def guarded_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that knows its callers."""
    with serving(tmp_path_factory.mktemp("walk")) as service:
        yield service


def filled(value: Any, names: dict[str, str]) -> Any:
    """Return ``value`` with the names of resources replaced by their ids."""
    if isinstance(value, dict):
        return {key: filled(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, names) for inner in value]
    if isinstance(value, str):
        return re.sub(r"\{([^}]+)\}", lambda match: names[match[1]], value)
    return value


def ask(service: Service, route: Guarded, caller: str) -> str:
    """Use a route in the name of a caller; return the status, or "empty"."""
    names = {**service.ids, **NAMES}
    names |= filled(ELSEWHERE.get(route.rule or "", {}), names)
    if route.rule == "v2:get_request":
        names["request_id"] = cast_by_member(service)
    service.rules_asked.clear()
    path = filled(route.path, names)
    headers = {}
    if route.path.startswith("/v2"):
        headers["OpenStack-API-Version"] = "ipam latest"
    body = filled(BODIES.get(route.rule or ""), names)
    if route.rule == "quantum:create_port":
        body = {"port": {}}
    sender = None if caller == "nobody" else caller
    if route.path.startswith("/ui/") and route.verb == "POST":
        # The page that asks whether it is meant has the form, for those who get to see it.
        asked = service.send(sender, "GET", f"{path}?confirm=yes").get_data(as_text=True)
        token = re.search(r'name="token" value="([^"]+)"', asked)
        answer = service.send_form(sender, path, {"token": token[1] if token else ""})
    else:
        answer = service.send(sender, route.verb, path, body, **headers)
    text = answer.get_data(as_text=True)
    told = [text, str(answer.headers)]
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    if caller in ("nobody", "another tenant") and route.rule is not None:
        # Ids that were asked for may be repeated, what is behind them may not be told.
        assert not any(secret in shown for secret in ("10.0.0.1", LEASED) for shown in told
                       if secret not in path and secret not in str(body)), text  # fmt: skip
    of_another = caller == "another tenant" or (caller, route.rule) == ("admin", "v2:get_request")
    is_empty = (
        route.rule is not None
        and of_another
        and answer.status_code < 300
        and holds_nothing(answer)
    )
    return "empty" if is_empty else str(answer.status_code)


def holds_nothing(answer: Any) -> bool:
    """Tell whether an answer is a success that shows no resource."""
    document = answer.get_json(silent=True)
    if document is None:
        return True
    if "request" in document:
        return bool(document["request"]["status"] == "queued")
    inner = document.get("instance", document.get("outcome", document))
    counts = [inner[name] for name in ("allocated", "unchanged") if name in inner]
    lists = [found for name, found in inner.items()
             if isinstance(found, list) and name not in ("links", "refused")]  # fmt: skip
    return not any(lists) and not any(counts) and bool(lists or counts)


def cast_by_member(service: Service) -> str:
    """Cast a request as a member; return its id."""
    answer = service.send(
        "member", "POST", "/v2/policies", {"policy": {"tenant_id": TENANT, "name": "later"}},
        Prefer="respond-async",
    )  # fmt: skip
    assert answer.status_code == 202
    return str(answer.get_json()["request"]["id"])


@pytest.mark.parametrize("mount", MOUNTS)
def test_every_route_answers_each_caller_as_the_table_says(
    guarded_service: Service, mount: str
) -> None:
    service = guarded_service
    wrong = []
    for route in ROUTES:
        if (route.rule or "open:").partition(":")[0] != mount:
            continue
        for caller, expected in zip(CALLERS, route.answers(), strict=True):
            got = ask(service, route, caller)
            asked = service.rules_asked - OFFERED.get(route.path, set())
            if caller != "nobody" and asked != {route.rule} - {None}:
                wrong.append(f"{route.verb} {route.path} asks for {service.rules_asked}")
            if got != expected:
                wrong.append(f"{route.verb} {route.path} {caller}: {got}, not {expected}")
            if service.has_changed():
                is_let_in = caller in ("member", "admin") or route.rule == "v2:get_request"
                if not (is_let_in and route.verb != "GET") and route.rule != "v2:get_request":
                    wrong.append(f"{route.verb} {route.path} {caller} changed something")
                service.put_back()
    assert "\n".join(wrong) == ""


def test_every_served_route_has_a_rule_or_is_everybodys(
    facade: tuple[Flask, RecordingCaller],
) -> None:
    app, _ = facade
    known = {(route.verb, route.path) for route in ROUTES}
    served = {(route.verb, f"/v2{route.path}") for route in v2.ROUTES}
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        if rule.endpoint.startswith("v2."):
            # One rule of the URL map for all verbs: which there are is in the table above.
            assert any(path == each for _, each in known), path
            continue
        served |= {(verb, path) for verb in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    assert served - known == set(), "these routes have no rule"
    assert {each for each in known - served if not each[1].startswith("/v2")} == set()


def test_every_rule_guards_a_route_and_every_route_names_a_rule_there_is() -> None:
    named = {route.rule for route in ROUTES if route.rule is not None}
    assert named == {rule.name for rule in rules.RULES}
    assert len(rules.RULES) == len({rule.name for rule in rules.RULES})


def test_other_verbs_and_spellings_of_a_guarded_path_let_nobody_in(
    guarded_service: Service,
) -> None:
    client, wrong, asked = guarded_service.client, [], 0
    for route in ROUTES:
        if route.rule is None or route.verb != "GET":
            continue
        path = filled(route.path, {**guarded_service.ids, **NAMES, "request_id": "none"})
        headers = {"OpenStack-API-Version": "ipam latest"}
        spellings = [("HEAD", path), ("GET", f"//{path[1:]}"), ("GET", path.replace("/", "//", 2))]
        if not path.startswith(("/v2", "/compute/v2.1", "/ui")):
            spellings += [("GET", f"{path}.json"), ("GET", f"{path}.xml"), ("HEAD", f"{path}.xml")]
        for verb, spelled in spellings:
            # A client reads what follows "//" as a host.
            raw = {"PATH_INFO": spelled}
            answer = client.open("/", method=verb, headers=headers, environ_overrides=raw)
            status = answer.status_code
            asked += status == 401
            # ".json" may be part of a name: then the path is another one, or none.
            if status not in (401, 404):
                wrong.append(f"{verb} {spelled}: {status}")
        for verb in ("OPTIONS", "TRACE", "PROPFIND"):
            answer = client.open(path, method=verb, headers=headers)
            if answer.status_code not in (401, 404, 405) and answer.data:
                wrong.append(f"{verb} {path}: {answer.status_code}")
    assert "\n".join(wrong) == ""
    assert asked > 2 * sum(route.verb == "GET" for route in ROUTES)
    version = {"Accept": "application/vnd.openstack.melange+json;version=0.1"}
    path = f"/ipam/tenants/{TENANT}/ip_blocks"
    assert client.get(path, headers=version).status_code == 401


def test_another_tenants_name_is_known_to_be_another(guarded_service: Service) -> None:
    path = f"/v0.1/ipam/tenants/{OTHER}/ip_blocks"
    assert guarded_service.send("another tenant", "GET", path).status_code == 200
    assert guarded_service.send("member", "GET", path).status_code == 403


@pytest.mark.parametrize("caller", ["nobody's", "roleless"])
def test_without_a_tenant_or_a_role_nothing_is_allowed(
    guarded_service: Service, caller: str
) -> None:
    for path in ("/v2/ip-blocks", f"/v0.1/ipam/tenants/{TENANT}/ip_blocks", "/v2/ip-routes"):
        assert guarded_service.send(caller, "GET", path).status_code == 403
