"""``ipamd-manage``: what it prints, how it exits, and what it says when it cannot."""

from __future__ import annotations

import errno
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from ipamd.cmd import manage
from ipamd.db import schema
from ipamd.db.database import Database
from ipamd.db.models import FreeRange, IpAddress, table_of
from tests.db.store import Store

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(database_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the program on this test's database; return exit status, output and errors."""
    config = tmp_path / "ipamd.conf"
    config.write_text(f"[database]\nconnection = {database_url}\n")

    def call(*arguments: str) -> tuple[int, str, str]:
        status = manage.main(["--config-file", str(config), *arguments])
        return (status, *capfd.readouterr())

    return call


def off_path(tmp_path: Path, text: str) -> list[str]:
    """Write a configuration of its own; return the option that names it."""
    config = tmp_path / "other.conf"
    config.write_text(text)
    return ["--config-file", str(config)]


def test_upgrade_makes_the_schema_and_says_so(run: Run, empty_db: Database) -> None:
    assert run("db", "version") == (0, f"database none\nnewest   {schema.head()}\n", "")
    status, out, err = run("db", "check")
    assert (status, out) == (3, "")
    assert err == ("ipamd-manage: the database has no schema yet: run 'ipamd-manage db upgrade'\n")
    expected = f"The schema went from revision none to {schema.head()}.\n"
    assert run("db", "upgrade") == (0, expected, "")
    expected = f"The schema is at revision {schema.head()}, the newest.\n"
    assert run("db", "upgrade") == (0, expected, "")
    schema.require_current(empty_db)


def test_check_of_a_store_in_order_exits_0(run: Run, store: Store) -> None:
    store.allocate(store.block()["id"])
    expected = "Free space, addresses and events agree.\n"
    assert run("db", "check") == (0, expected, "")
    assert run("db", "check", "--repair") == (0, expected, "")


def test_check_lists_what_is_off_and_exits_1_until_it_is_repaired(run: Run, store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    store.allocate(block)
    store.write(sa.delete(table_of(FreeRange)))
    finding = f"ip_block {block} (10.0.0.0/24): 10.0.0.3 to 10.0.0.254: neither free nor in use\n"
    assert run("db", "check") == (1, f"{finding}1 findings.\n", "")
    status, out, _ = run("db", "check", "--repair")
    assert status == 0
    assert out == (
        f"{finding}repaired ip_block {block} (10.0.0.0/24): free ranges rebuilt from the rows "
        "(were 0, are 1)\nFree space, addresses and events agree.\n"
    )
    assert store.allocate(block) == "10.0.0.3"


def test_what_cannot_be_repaired_still_exits_1(run: Run, store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    store.allocate(block)
    store.write(sa.delete(table_of(IpAddress)))
    status, out, _ = run("db", "check", "--repair")
    assert status == 1
    assert "repaired" in out
    assert out.endswith("but there is no row\n1 findings.\n")


def test_purge_says_what_it_did(run: Run, store: Store) -> None:
    block = store.block("10.0.0.0/24")["id"]
    store.allocate(block)
    store.deallocate(block, "10.0.0.2")
    assert run("purge") == (0, "ip_addresses 0\nidempotency_keys 0\nevents 0\n", "")
    long_ago = "2000-01-01 00:00:00.000000"
    store.write(sa.text(f"UPDATE ip_addresses SET deallocated_at = '{long_ago}'"))
    assert run("purge") == (0, "ip_addresses 1\nidempotency_keys 0\nevents 0\n", "")


def test_config_shows_what_is_in_effect_without_secrets(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = """
[DEFAULT]
transport_url = rabbit://one:secret1@h1:5672,two:secret2@h2:5672/v
[database]
connection = postgresql+psycopg://ipamd:secret3@db/ipamd
[ipam]
journal_days = 7
"""
    assert manage.main([*off_path(tmp_path, text), "config"]) == 0
    out = capfd.readouterr().out
    assert not re.search(r"secret\d", out)
    lines = out.splitlines()
    assert "transport_url = rabbit://one:***@h1:5672,two:***@h2:5672/v" in lines
    assert "connection = postgresql+psycopg://ipamd:***@db/ipamd" in lines
    assert lines.index("[ipam]") < lines.index("journal_days = 7")
    assert "#dns1 =" in lines


@pytest.mark.parametrize(
    "url", ["postgresql://u:secret@127.0.0.1:1/x", "mysql://u:secret@127.0.0.1:1/x"]
)
@pytest.mark.parametrize("task", [["db", "upgrade"], ["db", "check"], ["purge"]])
def test_an_unreachable_database_is_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], url: str, task: list[str]
) -> None:
    option = off_path(tmp_path, f"[database]\nconnection = {url}\n")
    assert manage.main([*task, *option]) == 3
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("ipamd-manage: the database cannot be reached")
    assert err.count("\n") == 1
    assert "secret" not in err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[database]\nconnection = oracle://db/x\n", "oracle is not supported"),
        ("[database]\nconnection = nonsense\n", "Could not parse SQLAlchemy URL"),
        ("[database]\npool_size = many\n", "Value for option pool_size"),
        ("[ipam]\njournal_days = -1\n", "Value for option journal_days"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    assert manage.main(["db", "version", *off_path(tmp_path, text)]) == 2
    err = capfd.readouterr().err
    assert problem in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["db"], ["db", "drop"], ["db", "check", "--fix"]])
def test_wrong_usage_exits_2(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        manage.main(arguments)
    assert caught.value.code == 2
    assert "usage: ipamd-manage" in capfd.readouterr().err


def read_all(terminal: int) -> bytes:
    """Read what was written to a terminal that nobody has open any more.

    The kernel hands it over in pieces, some of them after the writer has ended.
    """
    found = b""
    while True:
        try:
            found += os.read(terminal, 65536)
        except OSError as error:
            if error.errno != errno.EIO:  # that is its end
                raise
            return found


def test_a_terminal_gets_a_progress_bar_and_a_pipe_does_not(tmp_path: Path) -> None:
    option = off_path(tmp_path, f"[DEFAULT]\nstate_path = {tmp_path}\n")
    assert manage.main([*option, "db", "upgrade"]) == 0
    command = [sys.executable, "-m", "ipamd.cmd.manage", *option, "db", "check"]
    piped = subprocess.run(command, capture_output=True, text=True, check=True)
    assert piped.stderr == ""
    main, terminal = pty.openpty()
    try:
        try:
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=terminal, check=True)
        finally:
            os.close(terminal)
        drawn = read_all(main).decode()
    finally:
        os.close(main)
    assert "[####" in drawn
    assert "100% of" in drawn
    assert drawn.endswith("\r\x1b[K"), "the bar is gone at the end"
