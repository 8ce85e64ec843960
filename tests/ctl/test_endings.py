"""How the program ends: exit statuses, one sentence, no traceback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time

import pytest

from ipamd.ctl.exit_status import MEANINGS, ExitStatus
from tests.ctl.conftest import Ctl
from tests.services.ports import reserve_port

REQUEST = re.compile(r"request req-[0-9a-f-]{36}\)")


@pytest.fixture
def block(ctl: Ctl) -> str:
    """The id of a block of the test's own."""
    found = ctl(
        "block", "create", "10.0.0.0/30", "--tenant", ctl.tenant, "-f", "value", "-c", "id"
    )
    return found.strip()


def test_what_is_not_there_ends_with_3_and_names_the_request(ctl: Ctl) -> None:
    sentence = ctl.refused("block", "show", "gone", status=ExitStatus.NOT_FOUND)
    assert sentence.startswith("IpBlock Not Found (ipam.ip_block_not_found, ")
    assert REQUEST.search(sentence)


def test_a_conflict_ends_with_4(ctl: Ctl, block: str) -> None:
    ctl("address", "allocate", block)
    full = ctl.refused("address", "allocate", block, status=ExitStatus.CONFLICT)
    assert "ipam.no_more_addresses" in full
    other = ctl.json("block", "create", "10.0.4.0/24", "--tenant", ctl.tenant)["id"]
    taken = ctl.refused("address", "allocate", other, "--address", "10.0.4.1", status=4)
    assert taken.startswith("Address is already allocated (ipam.address_already_allocated, ")


def test_a_wrong_value_ends_with_1_and_names_the_field(ctl: Ctl) -> None:
    args = ("block", "create", "10.0.0.0/99", "--tenant", ctl.tenant)
    sentence = ctl.refused(*args, status=ExitStatus.REFUSED)
    assert sentence.startswith("cidr: ")
    assert REQUEST.search(sentence)


@pytest.mark.parametrize(
    "args",
    [
        ("block", "create", "10.0.0.0/24"),
        ("block", "list", "--limit", "0"),
        ("policy", "octet", "add", "p", "256"),
        ("block", "list", "-f", "xml"),
        ("import", "no-such-file"),
        ("block", "burn"),
        ("--endpoint", "nonsense", "block", "list"),
        ("--username", "me", "block", "list"),
        ("--os-cloud", "nowhere", "block", "list"),
    ],
)
def test_a_command_line_that_cannot_be_used_ends_with_2(ctl: Ctl, args: tuple[str, ...]) -> None:
    done = ctl.end(*args)
    assert done.returncode == ExitStatus.USAGE, done.stderr
    assert done.stderr or "Did you mean" in done.stdout


def test_a_service_that_is_away_ends_with_6(ctl: Ctl) -> None:
    port = reserve_port()
    url = f"http://127.0.0.1:{port}"
    sentence = ctl.refused("block", "list", status=ExitStatus.UNAVAILABLE, IPAMD_ENDPOINT=url)
    assert sentence == "The service cannot be reached: Connection refused"


def test_a_server_of_another_kind_ends_in_a_sentence(ctl: Ctl) -> None:
    url = f"{ctl.endpoint}/v0.1"
    sentence = ctl.refused("block", "list", status=ExitStatus.NOT_FOUND, IPAMD_ENDPOINT=url)
    assert "404" in sentence


def test_a_version_that_the_service_has_not(ctl: Ctl) -> None:
    sentence = ctl.refused("--api-version", "2.99", "block", "list", status=1)
    assert "ipam.unsupported_version" in sentence
    assert "max_version" in sentence


def test_debug_shows_what_is_sent_and_where_it_failed(ctl: Ctl) -> None:
    done = subprocess.run(
        ctl.command("--debug", "block", "show", "gone"), env=ctl.environment({}), text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == ExitStatus.NOT_FOUND
    assert "/v2/ip-blocks/gone" in done.stderr
    assert "Traceback" in done.stderr


def test_an_interrupt_ends_with_130(ctl: Ctl) -> None:
    process = subprocess.Popen(
        ctl.command("watch", "--since", "2026-01-01"), env=ctl.environment({}),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # Tests that a shell runs in the background would hand down that it is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    ctl("block", "create", "10.0.0.0/24", "--tenant", ctl.tenant)
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == ExitStatus.INTERRUPTED
    assert "Traceback" not in errors


def test_a_reader_that_stops_reading_ends_it_with_141(ctl: Ctl) -> None:
    for number in range(3):
        ctl("block", "create", f"10.{number}.0.0/24", "--tenant", ctl.tenant)
    read, write = os.pipe()
    process = subprocess.Popen(
        ctl.command("watch", "--since", "2026-01-01"), env=ctl.environment({}),
        stdout=write, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(write)
    assert os.read(read, 10)
    os.close(read)
    deadline = time.monotonic() + 40
    number = 10
    while process.poll() is None and time.monotonic() < deadline:
        ctl("block", "create", f"10.{number}.0.0/24", "--tenant", ctl.tenant)
        number += 1
        time.sleep(0.3)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == ExitStatus.PIPE_CLOSED, errors
    assert "Traceback" not in errors


def test_every_exit_status_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ExitStatus)
