"""``ipamctl watch``: events as they happen, from where one was."""

from __future__ import annotations

import json
import subprocess

from tests.ctl.conftest import Ctl


def test_what_happens_is_printed_at_once(ctl: Ctl) -> None:
    process = subprocess.Popen(
        ctl.command("watch", "--tenant", ctl.tenant, "--count", "2", "--since", "2026-01-01"),
        env=ctl.environment({}), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    block = ctl.json("block", "create", "10.0.0.0/24", "--tenant", ctl.tenant)["id"]
    first = process.stdout.readline().split()
    assert first[1:] == ["ip_block.create", "10.0.0.0/24", ctl.tenant]
    # It does not wait for its pipe to be full.
    ctl("block", "delete", block)
    assert process.stdout.readline().split()[1] == "ip_block.delete"
    assert process.wait(30) == 0


def test_types_json_and_going_on_behind_a_marker(ctl: Ctl) -> None:
    block = ctl.json("block", "create", "10.0.0.0/24", "--tenant", ctl.tenant)["id"]
    ctl("address", "allocate", block, "--count", "3", "--interface", f"{ctl.tenant}-vif")
    mine = ("watch", "--tenant", ctl.tenant, "-f", "json")
    seen = [
        json.loads(line)
        for line in ctl(
            *mine, "--since", "2026-01-01", "--type", "ip_address.*", "--count", "2"
        ).splitlines()
    ]
    assert [event["address"] for event in seen] == ["10.0.0.2", "10.0.0.3"]
    (rest,) = ctl(*mine, "--after", seen[-1]["marker"], "--count", "1").splitlines()
    assert json.loads(rest)["address"] == "10.0.0.4"


def test_a_wrong_type_is_refused(ctl: Ctl) -> None:
    sentence = ctl.refused("watch", "--type", "ip_block.burnt", status=1)
    assert "ip_block.burnt" in sentence
