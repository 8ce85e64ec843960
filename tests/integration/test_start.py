"""Programs that start before what they need: they wait, say so, and stop when asked."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
import requests

from ipamd.db import schema
from tests.integration.conftest import database_at
from tests.integration.programs import Facade, Program, Settings, write_config
from tests.services.ports import reserve_port
from tests.services.waiting import wait_until


def closed_port() -> int:
    """Return a port that nothing listens on while these tests run."""
    return reserve_port()


@pytest.mark.parametrize("scheme", ["postgresql+psycopg://postgres", "mysql+pymysql://root"])
def test_a_worker_waits_for_its_database(tmp_path: Path, scheme: str) -> None:
    settings = {
        "DEFAULT": {"transport_url": "rabbit://guest:guest@127.0.0.1:1//"},
        "database": {"connection": f"{scheme}@127.0.0.1:{closed_port()}/ipamd"},
    }
    worker = Program("worker", tmp_path, settings)
    wait_until(lambda: worker.text().count("the database cannot be reached") >= 2)
    assert worker.stop() == 0
    assert "Traceback" not in worker.text()
    attempts = [line for line in worker.text().splitlines() if "cannot be reached" in line]
    assert len(attempts) == worker.text().count("(attempt ")


def test_a_worker_waits_for_its_broker(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ipamd.sqlite"
    db = database_at(url)
    schema.upgrade(db)
    db.close()
    settings = {
        "DEFAULT": {"transport_url": f"rabbit://guest:guest@127.0.0.1:{closed_port()}//"},
        "database": {"connection": url},
    }
    worker = Program("worker", tmp_path, settings)
    wait_until(lambda: worker.text().lower().count("broker") >= 2)
    assert worker.stop() == 0
    assert "Traceback" not in worker.text()


def test_a_worker_refuses_an_old_schema_and_names_the_command(tmp_path: Path) -> None:
    settings = {
        "DEFAULT": {"transport_url": "rabbit://guest:guest@127.0.0.1:1//"},
        "database": {"connection": f"sqlite:///{tmp_path}/empty.sqlite"},
    }
    worker = Program("worker", tmp_path, settings)
    assert worker.process.wait(40) == 1
    assert "ipamd-manage db upgrade" in worker.text()
    assert "Traceback" not in worker.text()
    with closing(sqlite3.connect(tmp_path / "empty.sqlite")) as untouched:
        assert untouched.execute("SELECT name FROM sqlite_master").fetchall() == []


def test_the_api_answers_503_without_a_broker(tmp_path: Path) -> None:
    settings: Settings = {
        "DEFAULT": {"transport_url": f"rabbit://guest:guest@127.0.0.1:{closed_port()}//"},
        "api": {"workers": 1, "rpc_timeout": 2},
    }
    facade = Facade("api", tmp_path, settings)
    facade.wait_ready()
    answer = requests.get(f"{facade.url}/v0.1/ipam/tenants/t1/ip_blocks", timeout=30)
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert facade.stop() == 0
    assert "Traceback" not in facade.text()


def test_a_wrong_configuration_is_one_sentence(tmp_path: Path) -> None:
    worker = Program("worker", tmp_path, {"worker": {"threads": "many"}})
    assert worker.process.wait(40) == 1
    assert worker.text().startswith("ipamd-worker: ")
    assert "threads" in worker.text()
    assert "Traceback" not in worker.text()


def test_sighup_reads_the_log_levels_again(tmp_path: Path) -> None:
    settings: dict[str, dict[str, object]] = {
        "DEFAULT": {"transport_url": "rabbit://guest:guest@127.0.0.1:1//", "debug": False},
        "database": {"connection": f"postgresql+psycopg://u@127.0.0.1:{closed_port()}/ipamd"},
    }
    worker = Program("worker", tmp_path, settings)
    worker.wait_for("the database cannot be reached")
    assert " DEBUG " not in worker.text()
    settings["DEFAULT"]["debug"] = True
    write_config(worker.config, settings)
    worker.process.send_signal(signal.SIGHUP)
    worker.wait_for("log levels were read again")
    wait_until(lambda: " DEBUG " in worker.text())
    assert worker.stop() == 0


@pytest.mark.parametrize("program", ["all", "api"])
@pytest.mark.parametrize(
    ("api", "named"),
    [
        ({"bind_host": "0.0.0.0"}, ["bind_host", "allow_noauth"]),
        ({"bind_host": "192.0.2.1"}, ["bind_host", "allow_noauth"]),
        ({"melange_trusted_proxies": "192.0.2.1"}, ["melange_trusted_proxies", "noauth"]),
        ({"auth_strategy": "keystone"}, ["auth_strategy", "www_authenticate_uri"]),
        ({"auth_strategy": "http_basic", "password_file": "/nowhere"}, ["password_file"]),
    ],
)
def test_an_open_door_is_refused_with_the_settings_that_matter(
    tmp_path: Path, program: str, api: dict[str, object], named: list[str]
) -> None:
    url = "rabbit://guest:guest@127.0.0.1:1//" if program == "api" else ""
    settings: Settings = {"DEFAULT": {"state_path": tmp_path, "transport_url": url}, "api": api}
    started = Program(program, tmp_path, settings)
    assert started.process.wait(40) == 1
    assert all(name in started.text() for name in named)
    assert started.text().startswith(f"ipamd-{program}: ")
    assert "Traceback" not in started.text()


NO_BROKER = "rabbit://guest:guest@127.0.0.1:1//"
BAD_URLS = [
    ("worker", "database", "nonsense", "[database] connection"),
    ("all", "database", "oracle://x/y", "oracle is not supported"),
    ("worker", "database", "mysql+mysqldb://root@127.0.0.1:1/x", "mysql+mysqldb:// is not"),
    ("worker", "database", "sqlite:////proc/nowhere/ipamd.sqlite", "/proc/nowhere"),
    ("worker", "broker", "nonsense", "transport_url"),
    ("all", "broker", "http://127.0.0.1/", "rabbit:// only"),
    ("api", "broker", "rabbit://[::1", "transport_url"),
    ("api", "broker", "rabbit://host:amqp/", "transport_url"),
]


def test_a_url_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    started = []
    for number, (program, kind, url, named) in enumerate(BAD_URLS):
        settings: Settings = {
            "DEFAULT": {
                "state_path": tmp_path,
                "transport_url": url if kind == "broker" else NO_BROKER,
            },
            "database": {"connection": url if kind == "database" else ""},
        }
        started.append((Program(program, tmp_path, settings, f"{number}"), program, named))
    for each, program, named in started:
        assert each.process.wait(60) == 1
        assert each.text().startswith(f"ipamd-{program}: ")
        assert named in each.text()
        assert each.text().count("\n") == 1


def test_a_folder_of_configuration_files_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    write_config(folder / "10-broker.conf", {"DEFAULT": {"transport_url": NO_BROKER}})
    url = f"sqlite:///{tmp_path}/from-the-folder.sqlite"
    write_config(folder / "20-database.conf", {"database": {"connection": url}})
    command = [sys.executable, "-m", "ipamd.cmd.worker", "--config-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "ipamd-manage db upgrade" in done.stderr
    assert (tmp_path / "from-the-folder.sqlite").exists()


def open_files(pid: int) -> list[str]:
    """Return what a process has open: files by their paths."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since they were listed
            found.append(os.readlink(descriptor))
    return found


def test_a_signal_while_the_schema_is_made_is_heeded_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "ipamd.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        facade = Facade("all", tmp_path, {"database": {"connection": f"sqlite:///{file}"}})
        wait_until(lambda: str(file) in open_files(facade.process.pid))
        facade.process.send_signal(signal.SIGTERM)
        other.execute("ROLLBACK")
    assert facade.process.wait(60) == 0
    assert "Traceback" not in facade.text()
