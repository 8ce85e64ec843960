"""Each noun and verb does what it says, through the real service."""

from __future__ import annotations

import json
import subprocess
import uuid
from typing import Any

import pytest

from ipamd.ctl.app import IpamCtl
from ipamd.ctl.commands import COMMANDS
from tests.ctl.conftest import Ctl


@pytest.fixture
def block(ctl: Ctl) -> Any:
    """A block of the test's own tenant, named by its id."""
    return ctl.json("block", "create", "10.0.0.0/24", "--tenant", ctl.tenant)


def test_blocks_and_subnets(ctl: Ctl) -> None:
    wide = ctl.json("block", "create", "10.8.0.0/16", "--tenant", ctl.tenant,
                    "--network", ctl.tenant, "--strategy", "cyclic")  # fmt: skip
    assert (wide["cidr"], wide["network_id"]) == ("10.8.0.0/16", ctl.tenant)
    assert wide["allocation_strategy"] == "cyclic"
    assert wide["utilization"]["size"] == 65536
    name = wide["id"]
    assert ctl.json("block", "show", name) == wide
    changed = ctl.json("block", "set", name, "--dns1", "10.8.0.53", "--gateway", "")
    assert (changed["dns1"], changed["gateway"]) == ("10.8.0.53", None)
    assert ctl.json("block", "fit", name, "--prefix-length", "26") == {
        "fits": True, "first": "10.8.0.0", "last": "10.8.0.63",
    }  # fmt: skip
    first = ctl.json("subnet", "create", name, "--prefix-length", "26")
    second = ctl.json("subnet", "create", name, "10.8.1.0/24", "--tenant", "another")
    assert (first["cidr"], second["tenant_id"]) == ("10.8.0.0/26", "another")
    listed = ctl("subnet", "list", name, "-f", "value", "-c", "cidr", "--sort", "cidr:desc")
    assert listed.split() == ["10.8.1.0/24", "10.8.0.0/26"]
    narrow = ctl("block", "list", "--tenant-id", ctl.tenant, "--prefix-length", "gte:17",
                 "-f", "csv", "-c", "cidr")  # fmt: skip
    assert narrow == '"cidr"\n"10.8.0.0/26"\n'
    found = ctl.json("block", "available", second["id"])
    assert found == [{"first": "10.8.1.2", "last": "10.8.1.254", "size": 253}]
    ctl("block", "delete", name)
    assert ctl.json("block", "list", "--tenant-id", ctl.tenant) == []


def test_addresses(ctl: Ctl, block: Any) -> None:
    name = block["id"]
    (one,) = ctl.json("address", "allocate", name, "--interface", f"{ctl.tenant}-1",
                      "--device", "vm-1", "--mac", f"02:{_mac()}")  # fmt: skip
    assert (one["address"], one["used_by_device"]) == ("10.0.0.2", "vm-1")
    (chosen,) = ctl.json("address", "allocate", name, "--address", "10.0.0.77", "--tenant", "x")
    assert (chosen["address"], chosen["used_by_tenant"]) == ("10.0.0.77", "x")
    many = ctl("address", "allocate", name, "--count", "3", "-f", "value", "-c", "address")
    assert many.split() == ["10.0.0.3", "10.0.0.4", "10.0.0.5"]
    assert ctl.json("address", "show", "10.0.0.77", "--block", name) == chosen
    ctl("address", "release", "10.0.0.77", "10.0.0.3", "--block", name)
    held = ctl("address", "list", "--block", name, "--status", "allocated", "--sort", "address",
               "-f", "value", "-c", "address")  # fmt: skip
    assert held.split() == ["10.0.0.2", "10.0.0.4", "10.0.0.5"]
    again = ctl.refused("address", "release", "10.0.0.77", "--block", name, status=3)
    assert again == "10.0.0.77 is not allocated"
    restored = ctl.json("address", "restore", chosen["id"])
    assert (restored["status"], restored["used_by_tenant"]) == ("allocated", "x")
    history = ctl.json("address", "history", "10.0.0.77", "--tenant", "x")
    mine = [held for held in history if held["ip_block_id"] == name]
    assert [held["until"] is None for held in mine] == [False, True]
    at = ctl.json("address", "history", "10.0.0.77", "--at", mine[0]["from"], "--tenant", "x")
    assert mine[0] in at


def test_interfaces_and_instances(ctl: Ctl) -> None:
    network = ctl.tenant
    ctl("block", "create", "10.3.0.0/24", "--tenant", ctl.tenant, "--network", network)
    made = ctl.json("interface", "create", "--tenant", ctl.tenant, "--id", f"{ctl.tenant}-a",
                    "--device", ctl.tenant, "--mac", f"02:{_mac()}", "--network", network,
                    "--address", "10.3.0.9")  # fmt: skip
    assert [each["address"] for each in made["ip_addresses"]] == ["10.3.0.9"]
    assert ctl.json("interface", "show", made["id"]) == made
    plugged = ctl.json("instance", "plug", ctl.tenant, "--tenant", ctl.tenant,
                       "--network", network)  # fmt: skip
    shown = ctl("instance", "show", ctl.tenant, "-f", "value", "-c", "addresses", "-c", "id")
    assert {tuple(line.split()) for line in shown.splitlines()} == {
        (made["id"], "10.3.0.9"), (plugged["id"], "10.3.0.2"),
    }  # fmt: skip
    listed = ctl.json("interface", "list", "--device-id", ctl.tenant)
    assert {each["id"] for each in listed} == {made["id"], plugged["id"]}
    vifs = ctl.json("instance", "virtual-interfaces", ctl.tenant)
    assert {vif["net_id"] for vif in vifs} == {network}
    new = json.dumps({"id": f"{ctl.tenant}-b"})
    replaced = ctl.json("instance", "replace", ctl.tenant, "--tenant", ctl.tenant,
                        "--interface", new)  # fmt: skip
    assert [each["id"] for each in replaced] == [f"{ctl.tenant}-b"]
    ctl("interface", "delete", f"{ctl.tenant}-b")
    assert ctl.json("instance", "show", ctl.tenant) == []


def test_networks_and_ports(ctl: Ctl) -> None:
    network = ctl.json("network", "create", ctl.tenant, "--tenant", ctl.tenant)
    assert ctl.json("network", "show", ctl.tenant) == network
    renamed = ctl.json("network", "set", ctl.tenant, "--name", f"{ctl.tenant}-new")
    assert renamed["id"] == network["id"]
    port = ctl.json("port", "create", f"{ctl.tenant}-new", "--state", "ACTIVE")
    assert ctl.json("port", "set", port["id"], "--state", "DOWN")["state"] == "DOWN"
    vif = f"{ctl.tenant}-vif"
    assert ctl.json("port", "plug", port["id"], vif)["attachment_id"] == vif
    (listed,) = ctl.json("port", "list", "--attachment-id", vif)
    assert ctl.json("port", "show", port["id"]) == listed
    assert "ipam.port_in_use" in ctl.refused("port", "delete", port["id"], status=4)
    assert ctl.json("port", "unplug", port["id"])["attachment_id"] is None
    ctl("port", "delete", port["id"])
    ctl("network", "delete", network["id"])
    assert ctl.json("network", "list", "--tenant-id", ctl.tenant) == []


def test_policies(ctl: Ctl) -> None:
    made = ctl.json("policy", "create", ctl.tenant, "--tenant", ctl.tenant, "--range", "0:10",
                    "--octet", "255", "--octet", "0")  # fmt: skip
    assert made["unusable_ip_ranges"] == [{"offset": 0, "length": 10}]
    assert made["unusable_ip_octets"] == [255, 0]
    ctl("policy", "range", "add", ctl.tenant, "100:5")
    ctl("policy", "octet", "remove", ctl.tenant, "255")
    shown = ctl.json("policy", "show", ctl.tenant)
    assert [each["offset"] for each in shown["unusable_ip_ranges"]] == [0, 100]
    assert shown["unusable_ip_octets"] == [0]
    ctl("policy", "range", "remove", ctl.tenant, "0:10")
    ctl("policy", "octet", "add", ctl.tenant, "7")
    assert "no such rule" in ctl.refused("policy", "octet", "remove", ctl.tenant, "9", status=3)
    changed = ctl.json("policy", "set", ctl.tenant, "--description", "spare", "--octet", "1")
    assert (changed["description"], changed["unusable_ip_octets"]) == ("spare", [1])
    block = ctl.json("block", "create", "10.4.0.0/24", "--tenant", ctl.tenant,
                     "--policy", ctl.tenant)  # fmt: skip
    assert block["policy_id"] == made["id"]
    assert "100" in ctl("policy", "list", "--name", ctl.tenant, "-f", "table")
    ctl("policy", "delete", ctl.tenant)
    assert ctl.json("block", "show", block["id"])["policy_id"] is None


def test_routes_nat_and_mac_ranges(ctl: Ctl, block: Any) -> None:
    name = block["id"]
    route = ctl.json("route", "create", name, "10.9.0.0/16", "10.0.0.254")
    assert ctl.json("route", "show", route["id"]) == route
    assert (
        ctl.json("route", "set", route["id"], "--gateway", "10.0.0.253")["gateway"] == "10.0.0.253"
    )
    assert len(ctl.json("route", "list", "--ip-block-id", name)) == 1
    ctl("route", "delete", route["id"])
    # Public blocks do not overlap, so each run needs one of its own.
    cidr = f"fd{uuid.uuid4().hex[:2]}:{uuid.uuid4().hex[:4]}:{uuid.uuid4().hex[:4]}::/64"
    public = ctl.json("block", "create", cidr, "--tenant", ctl.tenant, "--type", "public")["id"]
    outside = cidr.replace("::/64", "::7")
    ctl("address", "allocate", name, "--address", "10.0.0.9")
    ctl("address", "allocate", public, "--address", outside)
    nat = ctl.json("nat", "create", "10.0.0.9", outside, "--local-block", name)
    assert nat["inside_local"]["address"] == "10.0.0.9"
    assert ctl.json("nat", "show", nat["id"]) == nat
    assert [each["id"] for each in ctl.json("nat", "list", "--local-block-id", name)] == [
        nat["id"]
    ]
    ctl("nat", "delete", nat["id"])
    mac = f"BC-76-4E-{_mac('-')[:5]}-00/40".upper()
    made = ctl.json("mac-range", "create", mac)
    assert ctl.json("mac-range", "show", mac) == made
    assert made in ctl.json("mac-range", "list")
    ctl("mac-range", "delete", mac)
    assert made not in ctl.json("mac-range", "list")


def test_what_is_done_later_and_once(ctl: Ctl, block: Any) -> None:
    name = block["id"]
    (request,) = ctl.json("address", "allocate", name, "--later")
    assert request["status"] == "queued"
    done = ctl.json("request", "show", request["id"], "--wait", "10")
    assert (done["status"], done["result"]["address"]) == ("done", "10.0.0.2")
    key = ("--idempotency-key", f"{ctl.tenant}-1")
    first = ctl("address", "allocate", name, *key)
    assert ctl("address", "allocate", name, *key) == first
    deleted = ctl("block", "delete", name, "--later")
    assert deleted.startswith("request ")
    done = ctl.json("request", "show", deleted.split()[1], "--wait", "10")
    assert done["status"] == "done"


def test_output_as_people_and_programs_want_it(ctl: Ctl, block: Any) -> None:
    name = block["id"]
    table = ctl("block", "list", "--tenant-id", ctl.tenant)
    assert "| cidr" in table
    assert "utilization" not in table
    assert "utilization" in ctl("block", "list", "--tenant-id", ctl.tenant, "--long")
    picked = ctl("block", "list", "--tenant-id", ctl.tenant, "-f", "value", "-c", "utilization")
    assert json.loads(picked.replace("'", '"'))["size"] == 256
    yaml = ctl("block", "show", name, "-f", "yaml", "-c", "cidr")
    assert yaml.strip() == "cidr: 10.0.0.0/24"
    assert ctl("block", "show", name, "-f", "value", "-c", "cidr") == "10.0.0.0/24\n"
    assert ctl.json("version", "list")[0]["min_version"] == "2.0"
    ctl("block", "create", "10.0.0.0/24", "--tenant", ctl.tenant)
    several = ctl.refused("block", "show", "10.0.0.0/24", status=4)
    assert several.startswith("There are several of the IP block 10.0.0.0/24: name one by its id")
    limited = ctl.json("block", "list", "--tenant-id", ctl.tenant, "--limit", "1")
    assert len(limited) == 1


def test_completion_knows_every_command(ctl: Ctl) -> None:
    script = ctl("complete")
    words = {word for command in COMMANDS for word in command.split()}
    missing = [word for word in words if word not in script]
    assert missing == []
    checked = subprocess.run(["bash", "-n"], input=script, text=True, check=False)
    assert checked.returncode == 0


def test_help_is_about_the_command_or_about_all(ctl: Ctl) -> None:
    about_one = ctl.end("block", "create", "--help")
    assert about_one.returncode == 0
    assert about_one.stdout.startswith("usage: ipamctl block create ")
    assert about_one.stdout.replace("ipamctl block create", "") == ctl.end(
        "help", "block", "create"
    ).stdout.replace("ipamctl block create", "")
    about_all = ctl.end("--help").stdout
    assert all(f"  {name} " in about_all for name in COMMANDS)


def test_every_command_explains_itself() -> None:
    app = IpamCtl()
    for name, command in COMMANDS.items():
        parser = command(app, None).get_parser(f"ipamctl {name}")
        assert parser.description, name
        silent = [a.dest for a in parser._actions if not a.help]
        assert silent == [], name


def _mac(separator: str = ":") -> str:
    digits = uuid.uuid4().hex[:10]
    return separator.join(digits[n : n + 2] for n in range(0, 10, 2))
