"""Each resource of /v2 lives: created, shown, listed, changed, deleted; and what it can do."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.v2_client import V2


def gone(v2: V2, path: str) -> None:
    """Delete a resource, and see that it is not there any more."""
    assert v2.ask("DELETE", path, status=204) is None
    codes = {
        v2.refused("GET", path, None, 404)["code"],
        v2.refused("DELETE", path, None, 404)["code"],
    }
    assert len(codes) == 1
    assert codes.pop().endswith("_not_found")


def test_a_block_lives(v2: V2) -> None:
    block = v2.block(dns1="10.0.0.53", allocation_strategy="cyclic")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", block["created_at"])
    path = f"/ip-blocks/{block['id']}"
    changed = v2.ask("PATCH", path, {"ip_block": {"dns1": "10.0.0.54", "gateway": "10.0.0.9"}})
    assert changed["ip_block"]["dns1"] == "10.0.0.54"
    assert changed["ip_block"]["gateway"] == "10.0.0.9"
    assert changed["ip_block"]["allocation_strategy"] == "cyclic"
    assert v2.get(path) == changed
    gone(v2, path)


def test_a_block_tells_how_full_it_is(v2: V2) -> None:
    block = v2.block("10.0.0.0/29")
    first = v2.allocate(block)
    v2.allocate(block)
    v2.ask("DELETE", f"/ip-addresses/{first['id']}", status=204)
    shown = v2.get(f"/ip-blocks/{block['id']}")["ip_block"]["utilization"]
    assert shown == {"size": 8, "reserved": 3, "allocated": 1, "quarantined": 1, "free": 3}


def test_an_address_lives(v2: V2) -> None:
    block = v2.block()
    address = v2.allocate(block, interface_id=v2.tenant, used_by_device="vm", tenant_id="lessee")
    assert (address["address"], address["status"]) == ("10.0.0.2", "allocated")
    assert (address["used_by_tenant"], address["used_by_device"]) == ("lessee", "vm")
    path = f"/ip-addresses/{address['id']}"
    v2.ask("DELETE", path, status=204)
    shown = v2.get(path)["ip_address"]
    assert shown["status"] == "quarantined"
    assert shown["deallocated_at"] is not None
    assert v2.refused("DELETE", path, None, 404)["code"] == "ipam.ip_address_not_found"
    restored = v2.ask("PATCH", path, {"ip_address": {"status": "allocated"}})["ip_address"]
    assert {**restored, "updated_at": ""} == {**address, "updated_at": ""}


def test_many_addresses_at_once(v2: V2) -> None:
    block = v2.block("10.0.0.0/29")
    wanted = {"ip_block_id": block["id"], "count": 3, "interface_id": v2.tenant}
    body = {"ip_address": wanted}
    answer = v2.answer("POST", "/ip-addresses", body=body)
    assert answer.status_code == 201
    made = answer.get_json()["ip_addresses"]
    assert [address["address"] for address in made] == ["10.0.0.2", "10.0.0.3", "10.0.0.4"]
    assert v2.get(answer.headers["Location"].removeprefix("/v2"))["ip_addresses"] == made
    error = v2.refused("POST", "/ip-addresses", body, 422)
    assert error["code"] == "ipam.no_more_addresses"
    assert len(v2.get(f"/ip-addresses?ip_block_id={block['id']}")["ip_addresses"]) == 3


@pytest.mark.parametrize(
    ("strategy", "second"), [("first", "10.0.0.2"), ("cyclic", "10.0.0.3"), ("random", None)]
)
def test_strategies(v2: V2, strategy: str, second: str | None) -> None:
    block = v2.block("10.0.0.0/24", allocation_strategy=strategy)
    first = v2.allocate(block)
    # Out of quarantine, so that the lowest address is free again.
    v2.ask("DELETE", f"/ip-addresses/{first['id']}", status=204)
    if second is None:
        seen = {v2.allocate(block)["address"] for _ in range(5)}
        assert seen != {f"10.0.0.{last}" for last in range(3, 8)}
    else:
        assert v2.allocate(block)["address"] == ("10.0.0.3" if strategy == "first" else second)


def test_the_next_free_prefix(v2: V2) -> None:
    block = v2.block()
    path = f"/ip-blocks/{block['id']}/subnets"
    for cidr in ("10.0.0.0/26", "10.0.0.64/26"):
        answer = v2.answer("POST", path, body={"subnet": {"prefix_length": 26}})
        assert answer.status_code == 201
        subnet = answer.get_json()["ip_block"]
        assert (subnet["cidr"], subnet["parent_id"]) == (cidr, block["id"])
        assert answer.headers["Location"] == f"/v2/ip-blocks/{subnet['id']}"
    v2.ask("POST", path, {"subnet": {"cidr": "10.0.0.128/25"}}, 201)
    error = v2.refused("POST", path, {"subnet": {"prefix_length": 26}}, 422)
    assert error["code"] == "ipam.no_more_addresses"
    v2.refused("POST", path, {"subnet": {"prefix_length": 8}}, 400)
    v2.refused("POST", path, {"subnet": {"prefix_length": 26, "cidr": "10.0.0.0/26"}}, 400)
    listed = v2.get(f"{path}?sort=cidr:desc")["ip_blocks"]
    assert [found["cidr"] for found in listed] == ["10.0.0.128/25", "10.0.0.64/26", "10.0.0.0/26"]


def test_what_is_free_and_what_would_fit(v2: V2) -> None:
    block = v2.block("10.0.0.0/28")
    path = f"/ip-blocks/{block['id']}/available"
    assert v2.get(f"{path}?prefix_length=29")["fit"] == {
        "fits": True, "first": "10.0.0.0", "last": "10.0.0.7",
    }  # fmt: skip
    v2.allocate(block, address="10.0.0.5")
    ranges = [(run["first"], run["last"], run["size"]) for run in v2.get(path)["available"]]
    assert ranges == [("10.0.0.2", "10.0.0.4", 3), ("10.0.0.6", "10.0.0.14", 9)]
    assert v2.get(f"{path}?count=4")["fit"]["first"] == "10.0.0.6"
    nowhere = {"fits": False, "first": None, "last": None}
    assert v2.get(f"{path}?count=13")["fit"] == nowhere
    assert v2.get(f"{path}?prefix_length=29")["fit"] == nowhere
    for query in ("count=0", "count=x", "prefix_length=33", "count=1&prefix_length=30",
                  "count=1&limit=1"):  # fmt: skip
        v2.refused("GET", f"{path}?{query}", None, 400)
    page = v2.get(f"{path}?limit=1")
    assert [run["first"] for run in page["available"]] == ["10.0.0.2"]
    following = page["links"][1]["href"].removeprefix("http://localhost/v2")
    assert [run["first"] for run in v2.get(following)["available"]] == ["10.0.0.6"]


def test_who_held_an_address_when(v2: V2) -> None:
    block = v2.block("10.77.0.0/24")
    path = "/ip-addresses/10.77.0.2/history"
    first = v2.allocate(block, interface_id="history-1")
    v2.ask("DELETE", f"/ip-addresses/{first['id']}", status=204)
    restored = {"ip_address": {"status": "allocated"}}
    v2.ask("PATCH", f"/ip-addresses/{first['id']}", restored)
    one, two = v2.get(path)["history"]
    assert (one["interface_id"], two["interface_id"]) == ("history-1", "history-1")
    assert one["from"] < one["until"] < two["from"]
    assert two["until"] is None
    assert v2.get(f"{path}?at={one['from']}")["history"] == [one]
    assert v2.get(f"{path}?at={one['until']}")["history"] == []
    assert v2.get(f"{path}?at={two['from']}&tenant_id={v2.tenant}")["history"] == [two]
    assert v2.get(f"{path}?tenant_id=nobody")["history"] == []
    assert v2.get(f"{path}?at=2011-01-01T00:00:00%2B02:00")["history"] == []
    for query in ("at=yesterday", "at=0001-01-01T00:00:00%2B14:00", "marker=x", "when=now"):
        v2.refused("GET", f"{path}?{query}", None, 400)
    v2.refused("GET", "/ip-addresses/nowhere/history", None, 400)


def test_an_interface_lives(v2: V2) -> None:
    block = v2.block(network_id=v2.tenant)
    network = {"id": v2.tenant, "tenant_id": v2.tenant}
    interface = v2.make(
        "interface", id=f"vif {v2.tenant}?#%", tenant_id="lessee", device_id="vm",
        mac_address="02:16:3e:77:00:01", network=network,
    )  # fmt: skip
    assert interface["mac_address"] == "02:16:3E:77:00:01"
    assert [a["ip_block"]["id"] for a in interface["ip_addresses"]] == [block["id"]]
    gone(v2, f"/interfaces/{quote(interface['id'], safe='')}")


def test_interfaces_of_an_instance(v2: V2) -> None:
    path = f"/instances/{v2.tenant}/interfaces"
    v2.block(network_id=v2.tenant)
    network = {"id": v2.tenant, "tenant_id": v2.tenant}
    body = {"tenant_id": v2.tenant, "interfaces": [{"network": network}, {}]}
    first = v2.ask("PUT", path, body)["interfaces"]
    assert [len(interface["ip_addresses"]) for interface in first] == [1, 0]
    assert v2.get(path)["interfaces"] == first
    answer = v2.answer("POST", path, body={"interface": {"tenant_id": v2.tenant}})
    assert answer.status_code == 201
    made = answer.get_json()["interface"]
    assert made["device_id"] == v2.tenant
    assert v2.get(f"/interfaces/{made['id']}")["interface"] == made
    virtual = v2.get(f"/instances/{v2.tenant}/virtual-interfaces")["virtual_interfaces"]
    assert [vif["net_id"] for vif in virtual] == [v2.tenant, None, None]
    assert v2.ask("PUT", path, {**body, "interfaces": []}) == {"interfaces": []}
    assert v2.get(path)["interfaces"] == []
    error = v2.refused("GET", f"/instances/{v2.tenant}/virtual-interfaces", None, 404)
    assert error["code"] == "ipam.instance_not_found"


def test_a_network_and_its_ports_live(v2: V2) -> None:
    network = v2.make("network", tenant_id=v2.tenant, name="blue")
    path = f"/networks/{network['id']}"
    renamed = v2.ask("PATCH", path, {"network": {"name": "red"}})["network"]
    assert (renamed["name"], renamed["extra"]) == ("red", {})
    port = v2.make("port", network_id=network["id"])
    assert (port["state"], port["attachment_id"]) == ("DOWN", None)
    port_path = f"/ports/{port['id']}"
    up = v2.ask("PATCH", port_path, {"port": {"state": "ACTIVE"}})["port"]
    assert up["state"] == "ACTIVE"
    plugged = v2.ask("PATCH", port_path, {"port": {"attachment_id": v2.tenant}})["port"]
    assert plugged["attachment_id"] == v2.tenant
    assert v2.refused("DELETE", port_path, None, 409)["code"] == "ipam.port_in_use"
    assert v2.refused("DELETE", path, None, 409)["code"] == "ipam.network_in_use"
    v2.refused("PATCH", port_path, {"port": {"attachment_id": None, "state": "DOWN"}}, 400)
    assert v2.ask("PATCH", port_path, {"port": {"attachment_id": None}})["port"][
        "attachment_id"
    ] is None  # fmt: skip
    gone(v2, port_path)
    gone(v2, path)


def test_keys_that_quantums_clients_add_are_shown(v2: V2) -> None:
    body = {"network": {"name": "blue", "vm_id": "x"}}
    quantum = v2.client.post(f"/v1.1/tenants/{v2.tenant}/networks", json=body).get_json()
    path = f"/networks/{quantum['network']['id']}"
    assert v2.get(path)["network"]["extra"] == {"vm_id": "x"}
    changed = v2.ask("PATCH", path, {"network": {"name": "red"}})["network"]
    assert changed["extra"] == {"vm_id": "x"}


def test_a_policy_lives(v2: V2) -> None:
    ranges = [{"offset": 0, "length": 10}, {"offset": -1, "length": 1}]
    policy = v2.make("policy", tenant_id=v2.tenant, name="p", unusable_ip_ranges=ranges)
    assert policy["unusable_ip_ranges"] == ranges
    assert policy["unusable_ip_octets"] == []
    path = f"/policies/{policy['id']}"
    block = v2.block(policy_id=policy["id"])
    assert v2.allocate(block)["address"] == "10.0.0.10"
    changed = v2.ask(
        "PATCH", path,
        {"policy": {"description": "d", "unusable_ip_ranges": [], "unusable_ip_octets": [2, 3]}},
    )["policy"]  # fmt: skip
    assert (changed["name"], changed["description"]) == ("p", "d")
    assert changed["unusable_ip_ranges"] == []
    assert changed["unusable_ip_octets"] == [2, 3]
    assert v2.allocate(block)["address"] == "10.0.0.4"
    gone(v2, path)
    assert v2.get(f"/ip-blocks/{block['id']}")["ip_block"]["policy_id"] is None


def test_a_static_route_lives(v2: V2) -> None:
    block = v2.block()
    wanted: dict[str, Any] = {"destination": "10.9.0.0/16", "gateway": "10.0.0.254"}
    route = v2.make("ip_route", ip_block_id=block["id"], **wanted)
    assert route["netmask"] is None
    path = f"/ip-routes/{route['id']}"
    changed = v2.ask("PATCH", path, {"ip_route": {"netmask": "16"}})
    assert changed["ip_route"]["netmask"] == "16"
    assert v2.get(path) == changed
    gone(v2, path)


def test_nat_lives(v2: V2) -> None:
    block, outer, twin = v2.block(), v2.block("172.16.0.0/24"), v2.block("172.16.0.0/24")
    near = {"ip_block_id": block["id"], "address": v2.allocate(block)["address"]}
    ends = [
        {"ip_block_id": each["id"], "address": v2.allocate(each, address="172.16.0.9")["address"]}
        for each in (outer, twin)
    ]
    first, second = [v2.make("nat", inside_local=near, inside_global=far) for far in ends]
    assert first["inside_global"] == ends[0]
    assert v2.make("nat", inside_local=near, inside_global=ends[0]) == first
    gone(v2, f"/nat/{first['id']}")
    listed = v2.get(f"/nat?local_block_id={block['id']}")["nat"]
    assert listed == [second]


def test_a_mac_address_range_lives(v2: V2) -> None:
    made = v2.make("mac_address_range", cidr="02-77-00-00-00-00/40")
    gone(v2, f"/mac-address-ranges/{made['id']}")


def test_2_3_adds_batches_of_chosen_addresses(v2: V2) -> None:
    block = v2.block()
    entries = [
        {"ip_block_id": block["id"], "address": f"10.0.0.{n}", "interface_id": f"{v2.tenant}-{n}"}
        for n in (7, 1, 9)
    ]
    body = {"ip_addresses": entries}
    path = "/ip-address-batches"
    v2.ask("POST", path, body, 404, OpenStack_API_Version="ipam 2.2")
    outcome = v2.ask("POST", path, body, Idempotency_Key="batch-1")["outcome"]
    assert outcome == {
        "allocated": 2,
        "unchanged": 0,
        "refused": [
            {
                "index": 1,
                "address": "10.0.0.1",
                "code": "ipam.address_already_allocated",
                "message": "Address is already allocated",
            }
        ],
    }
    assert v2.ask("POST", path, body, Idempotency_Key="batch-1")["outcome"] == outcome
    assert v2.ask("POST", path, body)["outcome"]["unchanged"] == 2
    error = v2.refused("POST", path, {"ip_addresses": []}, 400)
    assert set(error["fields"]) == {"ip_addresses"}
    error = v2.refused("POST", path, {"ip_addresses": [{**entries[0], "colour": "red"}]}, 400)
    assert set(error["fields"]) == {"ip_addresses.0"}
