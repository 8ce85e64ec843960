"""``ipamd-manage status`` with real workers, some of which hang or have no database."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import amqp
import pytest
import sqlalchemy as sa

from tests.integration.conftest import StartWorkers
from tests.integration.programs import write_config
from tests.rpc.support import raw_channel
from tests.services.ports import reserve_port

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def status(tmp_path: Path, transport_url: str, upgraded: str) -> Any:
    """Run the command; return its exit status, and what it printed as JSON or as it is."""

    def run(*arguments: str, **settings: Any) -> tuple[int, Any]:
        groups = {
            "DEFAULT": {"transport_url": transport_url, "state_path": tmp_path},
            "database": {"connection": upgraded},
            **settings,
        }
        groups = {name: values for name, values in groups.items() if values}
        file = write_config(tmp_path / "status.conf", groups)
        program = [sys.executable, "-m", "ipamd.cmd.manage", "--config-file", str(file)]
        done = subprocess.run(
            [*program, "status", *arguments],
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, json.loads(done.stdout) if "json" in arguments else done.stdout

    return run


def test_every_worker_says_that_it_is_well(start_workers: StartWorkers, status: Any) -> None:
    workers = start_workers(2)
    code, found = status("-f", "json", "--timeout", "20")
    assert (code, found["status"], found["problems"]) == (0, "ok", [])
    assert found["broker"]["workers"] == 2
    assert found["database"]["schema"] == found["database"]["schema_needed"]
    assert found["waiting_events"] == 0
    assert len({worker["pid"] for worker in found["workers"]}) == len(workers)
    assert {worker["status"] for worker in found["workers"]} == {"ok"}
    code, text = status("--timeout", "20")
    assert code == 0
    assert text.splitlines()[-1] == "All is well."
    assert text.count(" ok ") == 2
    for worker in found["workers"]:
        assert re.search(rf"^{worker['host']} +{worker['pid']} ", text, re.M)


def test_what_is_not_well_is_said(
    start_workers: StartWorkers, status: Any, transport_url: str
) -> None:
    code, found = status("-f", "json")
    assert (code, found["problems"]) == (1, ["No worker takes requests"])

    well, hanging = start_workers(2)
    hanging.process.pause()
    with raw_channel(transport_url) as channel:
        channel.basic_publish_confirm(amqp.Message(b"{}"), "", "ipam.dead")
    code, found = status("-f", "json", "--timeout", "3")
    hanging.process.resume()
    assert code == 1
    assert found["problems"] == [
        "1 of 2 workers did not answer within 3 seconds",
        "1 messages wait in the dead-letter queue",
    ]
    assert [worker["status"] for worker in found["workers"]] == ["ok"]
    assert well.stop() == 0


def test_a_worker_without_its_database_says_so(
    start_workers: StartWorkers, status: Any, upgraded: str
) -> None:
    start_workers(1)
    name = upgraded.rpartition("/")[2].partition("?")[0]
    rename(upgraded, name, f"{name}_away")
    try:
        code, found = status("-f", "json", "--timeout", "30", database={})
    finally:
        rename(upgraded, f"{name}_away", name)
    assert code == 1
    (worker,) = found["workers"]
    assert (worker["status"], worker["schema"]) == ("unavailable", None)
    assert worker["reason"] == "The database cannot be reached"
    assert found["database"] is None
    (problem,) = found["problems"]
    assert problem.endswith("cannot work: The database cannot be reached")


def rename(url: str, old: str, new: str) -> None:
    """Rename a PostgreSQL database, and end the connections to it."""
    server = sa.make_url(url).set(database="postgres")
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'ALTER DATABASE "{old}" ALLOW_CONNECTIONS false')
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
            ),
            {"name": old},
        )
        connection.exec_driver_sql(f'ALTER DATABASE "{old}" RENAME TO "{new}"')
        connection.exec_driver_sql(f'ALTER DATABASE "{new}" ALLOW_CONNECTIONS true')
    engine.dispose()


def test_without_a_broker_the_database_is_asked(status: Any, tmp_path: Path) -> None:
    code, text = status(DEFAULT={"state_path": tmp_path})
    assert code == 0
    assert text.startswith("database  ok, schema ")
    code, text = status(DEFAULT={"state_path": tmp_path / "none"}, database={})
    assert code == 1
    assert f"There is no database at {tmp_path}/none/ipamd.sqlite" in text
    assert not (tmp_path / "none" / "ipamd.sqlite").exists()


def test_a_broker_and_a_database_that_are_away_are_one_sentence_each(status: Any) -> None:
    port = reserve_port()
    code, found = status(
        "-f",
        "json",
        DEFAULT={"transport_url": f"rabbit://guest:guest@127.0.0.1:{port}//"},
        database={"connection": f"postgresql+psycopg://postgres@127.0.0.1:{port}/ipamd"},
    )
    assert code == 1
    broker, database = found["problems"]
    assert broker == f"The message broker cannot be used: 127.0.0.1:{port}: Connection refused"
    assert database.startswith("The database cannot be reached from here: ")
    assert found["broker"] == {"status": "unavailable"}
    assert found["database"]["status"] == "unavailable"
