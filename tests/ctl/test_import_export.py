"""``ipamctl import`` and ``export``: files of all forms, through the real service."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path
from typing import Any

import pytest

from ipamd.ctl.exit_status import ExitStatus
from ipamd.ctl.exporting import TARGETS
from tests.ctl.conftest import Ctl
from tests.integration.programs import Facade

OWN = """\
cidr,address,tenant_id,network_id,gateway,interface_id,used_by_device,mac_address
10.1.0.0/16,,{t},{t},,,,
10.1.1.0/24,,{t},{t},-,,,
10.2.0.0/24,,{t},{t},10.2.0.9,,,
10.1.1.0/24,10.1.1.5,,{t},,{t}-a,vm-a,
,10.1.1.6,other,{t},,{t}-b,vm-b,
,10.2.0.7,,{t},,{t}-a,vm-a,
"""


def load(ctl: Ctl, text: str, *args: str, status: int = 0) -> tuple[Any, list[str]]:
    """Import a text; return what is told of it, and the lines that were not done."""
    file = ctl.folder / "file.csv"
    file.write_text(text.format(t=ctl.tenant))
    done = ctl.end("import", str(file), "-f", "json", *args)
    assert done.returncode == status, done.stderr
    refused = [line.removeprefix(f"{file}:") for line in done.stderr.splitlines()]
    return json.loads(done.stdout), refused


def held(ctl: Ctl, network: str = "") -> dict[str, tuple[str, str, str]]:
    text = ctl("export", "--network", network or ctl.tenant)
    return {
        row["address"]: (row["tenant_id"], row["interface_id"], row["used_by_device"])
        for row in csv.DictReader(text.splitlines())
        if row["address"]
    }


def test_a_file_of_its_own_form_comes_back_as_it_was(ctl: Ctl) -> None:
    told, refused = load(ctl, OWN)
    assert refused == []
    assert told["form"] == "csv"
    counts = ("lines", "blocks_created", "allocated", "unchanged", "refused")
    assert [told[name] for name in counts] == [6, 3, 3, 0, 0]
    assert held(ctl) == {
        "10.1.1.5": (ctl.tenant, f"{ctl.tenant}-a", "vm-a"),
        "10.1.1.6": ("other", f"{ctl.tenant}-b", "vm-b"),
        "10.2.0.7": (ctl.tenant, f"{ctl.tenant}-a", "vm-a"),
    }
    exported = ctl("export", "--network", ctl.tenant)
    blocks = {row["cidr"]: row for row in csv.DictReader(exported.splitlines())
              if not row["address"]}  # fmt: skip
    assert blocks["10.1.1.0/24"]["gateway"] == "-"
    assert blocks["10.2.0.0/24"]["gateway"] == "10.2.0.9"
    # Once more: nothing changes, whoever wrote the file.
    told, refused = load(ctl, OWN)
    assert [told[name] for name in counts] == [6, 0, 0, 3, 0]
    told, _ = load(ctl, exported.replace("{", "{{"))
    assert (told["blocks_unchanged"], told["unchanged"]) == (3, 3)
    # Into another network it makes the same again.
    other = exported.replace(ctl.tenant, f"{ctl.tenant}x")
    told, _ = load(ctl, other)
    assert (told["blocks_created"], told["allocated"]) == (3, 3)
    copy = ctl("export", "--network", f"{ctl.tenant}x")
    assert copy == other


def test_refused_lines_are_told_with_their_numbers_and_the_rest_is_done(ctl: Ctl) -> None:
    text = OWN + (
        ",10.1.1.5,,{t},,{t}-c,,\n"
        ",10.99.0.1,,{t},,,,\n"
        "\n"
        ",10.1.1.999,,{t},,,,\n"
        "10.3.0.0/99,,{t},{t},,,,\n"
        ",,{t},,,,,\n"
        "10.2.0.0/24,10.1.1.7,,{t},,,,\n"
        ",10.1.1.8,,{t},,,,nonsense\n"
        ",10.1.1.9,,{t},,,,\n"
    )
    dry, dry_refused = load(ctl, text, "--dry-run", status=ExitStatus.PARTLY)
    assert ctl.json("block", "list", "--tenant-id", ctl.tenant) == []
    told, refused = load(ctl, text, status=ExitStatus.PARTLY)
    assert (told["allocated"], told["refused"]) == (4, 7)
    assert [line.partition(":")[0] for line in sorted(refused)] == sorted(
        ["8", "9", "11", "12", "13", "14", "15"]
    )
    assert any("10.1.1.5: Address is already allocated" in line for line in refused)
    assert any(line.startswith("9: refused: 10.99.0.1: no block") for line in refused)
    # Before the blocks are there, the service cannot be asked for its part.
    assert dry["dry_run"]
    assert (dry["blocks_created"], dry["refused"]) == (3, 6)
    dry, dry_refused = load(ctl, text, "--dry-run", status=ExitStatus.PARTLY)
    assert (dry["allocated"], dry["unchanged"], dry["refused"]) == (0, 4, 7)
    assert len(dry_refused) == 7


def test_refused_lines_into_a_file(ctl: Ctl) -> None:
    refused = ctl.folder / "refused.csv"
    told, lines = load(
        ctl, "10.5.0.0/24\n10.9.9.9\n", "--tenant", ctl.tenant, "--network", ctl.tenant,
        "--refused", str(refused), status=ExitStatus.PARTLY,
    )  # fmt: skip
    assert (told["form"], told["refused"], lines) == ("list", 1, [])
    (row,) = csv.DictReader(refused.read_text().splitlines())
    assert (row["line"], row["text"]) == ("2", "10.9.9.9")


def test_netbox(ctl: Ctl) -> None:
    prefixes = (
        "Prefix,Status,Children,VRF,Utilization,Tenant,Site,VLAN,Role,Description\n"
        "192.168.5.0/24,Active,0,{t},0,{t},,,,\n"
        "192.168.0.0/16,Container,1,{t},0,{t},,,,\n"
    )
    told, _ = load(ctl, prefixes)
    assert (told["form"], told["blocks_created"]) == ("netbox-prefixes", 2)
    inner = ctl.json("block", "list", "--network-id", ctl.tenant, "--cidr", "192.168.5.0/24")
    assert inner[0]["parent_id"]
    addresses = (
        "address,vrf,tenant,status,role,device,virtual_machine,interface,is_primary,dns_name,"
        "description\n"
        "192.168.5.9/24,{t},{t},active,,{t}-vm,,eth0,,,\n"
        "192.168.5.10/24,{t},{t},active,,,,,,,\n"
        "192.168.5.11/24,{t},{t},active,,,{t}-guest,eth0,,,\n"
    )
    told, refused = load(ctl, addresses)
    assert (told["form"], told["allocated"], refused) == ("netbox-addresses", 3, [])
    found = held(ctl)
    assert found["192.168.5.11"] == (ctl.tenant, f"{ctl.tenant}-guest:eth0", f"{ctl.tenant}-guest")
    assert found["192.168.5.9"] == (ctl.tenant, f"{ctl.tenant}-vm:eth0", f"{ctl.tenant}-vm")
    assert found["192.168.5.10"][0] == ctl.tenant


def test_phpipam(ctl: Ctl) -> None:
    subnets = (
        "Section;Subnet;Description;VLAN;VLAN Domain;VRF;Master Subnet\n"
        "Customers;offices (folder);;NA;;;/\n"
        "Customers;172.16.0.0/24;office;NA;;{t};offices [folder]\n"
    )
    told, notes = load(ctl, subnets, "--tenant", ctl.tenant)
    assert (told["form"], told["blocks_created"], told["left_out"]) == ("phpipam-subnets", 1, 1)
    assert notes == ["2: left out: offices (folder): it is a folder"]
    addresses = (
        "Section;IP Address;Hostname;Description;VRF;Subnet;MAC;Owner;Device;Note;Tag;Gateway\n"
        "Customers;172.16.0.7;{t}-host;;{t};172.16.0.0/24;;;;;Used;No\n"
    )
    told, _ = load(ctl, addresses)
    assert (told["form"], told["allocated"]) == ("phpipam-addresses", 1)
    assert held(ctl)["172.16.0.7"][2] == f"{ctl.tenant}-host"


def test_what_is_exported_for_others_can_be_imported(ctl: Ctl) -> None:
    load(ctl, OWN)
    for form, target in TARGETS.items():
        text = ctl("export", "--to", form, "--network", ctl.tenant)
        # These do not say whose an address is; one of them is not the tenant's.
        anonymous = form in ("phpipam-addresses", "list")
        told, refused = load(
            ctl, text, "--network", ctl.tenant, "--tenant", ctl.tenant,
            status=ExitStatus.PARTLY if anonymous else 0,
        )  # fmt: skip
        if target.header:
            assert told["form"] == form
        assert [line.split(": ")[2] for line in refused] == ["10.1.1.6"] * anonymous, form
        assert told["blocks_created"] == told["allocated"] == 0, form


def test_the_standard_input_and_a_block_that_is_named(ctl: Ctl) -> None:
    ctl("block", "create", "10.7.0.0/24", "--tenant", ctl.tenant, "--network", ctl.tenant)
    done = ctl.end("import", "-", "--network", ctl.tenant, "--block", "10.7.0.0/24", "-f", "json",
                   text="# the office\n10.7.0.9\n10.8.0.1 # elsewhere\n")  # fmt: skip
    assert done.returncode == ExitStatus.PARTLY
    assert done.stderr == "-:3: refused: 10.8.0.1: it is not in 10.7.0.0/24\n"
    assert list(held(ctl)) == ["10.7.0.9"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"colour,shape\nred,round\n", "is no header that is known"),
        (b"\xff\xfe\x00", "is not text in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read(ctl: Ctl, content: bytes, sentence: str) -> None:
    file = ctl.folder / "file"
    file.write_bytes(content)
    done = ctl.end("import", str(file))
    assert done.returncode == ExitStatus.USAGE
    assert sentence in done.stderr


def test_progress_on_a_terminal_alone(ctl: Ctl) -> None:
    file = ctl.folder / "list"
    file.write_text("10.7.0.0/24\n" + "\n".join(f"10.7.0.{n}" for n in range(2, 50)) + "\n")
    args = ("import", str(file), "--tenant", ctl.tenant, "--network", ctl.tenant)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 80, 0, 0))
    process = subprocess.Popen(
        ctl.command(*args), env=ctl.environment({}), stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait(30) == 0
    assert b"49/49" in shown
    assert ctl.end(*args).stderr == ""


def test_an_import_that_was_stopped_goes_on(ctl: Ctl) -> None:
    count = 6000
    lines = [f"10.{n // 60000}.{n % 60000 // 250}.{n % 250 + 2}" for n in range(count)]
    file = Path(ctl.folder / "many")
    file.write_text("10.0.0.0/16\n" + "\n".join(lines) + "\n")
    args = ("import", str(file), "--tenant", ctl.tenant, "--network", ctl.tenant, "-f", "json",
            "--parallel", "1")  # fmt: skip
    first = subprocess.Popen(
        ctl.command(*args), env=ctl.environment({}), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not held_by(ctl):
        assert first.poll() is None, "it ended before it could be killed"
    first.kill()
    first.communicate()
    before = held_by(ctl)
    told = json.loads(ctl(*args))
    assert told["refused"] == 0
    assert told["unchanged"] >= before > 0
    assert told["allocated"] + told["unchanged"] == count
    assert held_by(ctl) == count


def test_an_import_outlives_its_service(tmp_path: Path) -> None:
    """The service is killed in the middle and comes back: all is done, and done once."""
    facade = Facade("all", tmp_path, {"DEFAULT": {"state_path": tmp_path}})
    try:
        facade.wait_ready()
        ctl = Ctl(facade.url, tmp_path)
        count = 6000
        lines = [f"10.0.{n // 250}.{n % 250 + 2}" for n in range(count)]
        (tmp_path / "many").write_text("10.0.0.0/16\n" + "\n".join(lines) + "\n")
        args = ("import", "many", "--tenant", ctl.tenant, "--network", ctl.tenant, "-f", "json",
                "--parallel", "1")  # fmt: skip
        process = subprocess.Popen(
            ctl.command(*args), env=ctl.environment({}), stdout=subprocess.PIPE, text=True,
            cwd=tmp_path,
        )  # fmt: skip
        while not held_by(ctl):
            assert process.poll() is None
        facade.kill()
        facade.restart()
        facade.wait_ready()
        told, _ = process.communicate(timeout=100)
        assert process.returncode == 0
        assert json.loads(told)["allocated"] == count
        assert held_by(ctl) == count
        events = ctl("watch", "--since", "2026-01-01", "--type", "ip_address.create",
                     "--count", str(count), "-f", "json")  # fmt: skip
        addresses = [json.loads(line)["address"] for line in events.splitlines()]
        assert len(set(addresses)) == count
    finally:
        facade.kill()


def held_by(ctl: Ctl) -> int:
    """Return how many addresses the test's network has; none before it is there."""
    found = ctl.json("block", "list", "--network-id", ctl.tenant)
    return sum(int(block["utilization"]["allocated"]) for block in found)
