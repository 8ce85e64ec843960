"""Each private server answers, keeps its data over kill -9, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import amqp
import pytest
import sqlalchemy as sa

from tests.services import MariaDB, PostgreSQL, RabbitMQ, Server, fresh_database, fresh_vhost
from tests.services.packages import MissingPackages, install, program
from tests.services.supervisor import living
from tests.services.waiting import wait_until

each_database_server = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(PostgreSQL, id="postgresql", marks=pytest.mark.services("postgresql")),
        pytest.param(MariaDB, id="mariadb", marks=pytest.mark.services("mariadb")),
    ],
)
each_server = pytest.mark.parametrize(
    "kind",
    [
        *each_database_server.args[1],
        pytest.param(
            RabbitMQ,
            id="rabbitmq",
            marks=[pytest.mark.services("rabbitmq"), pytest.mark.slow],
        ),
    ],
)


def connect(transport_url: str) -> amqp.Connection:
    address, _, vhost = transport_url.removeprefix("rabbit://guest:guest@").partition("/")
    return amqp.Connection(address, virtual_host=vhost, connect_timeout=5)


def write(url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (n INTEGER)")
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (42)")


def read(url: str) -> object:
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        return connection.exec_driver_sql("SELECT n FROM t").scalar_one()


def test_a_database_is_usable_and_empty(database_url: str) -> None:
    engine = sa.create_engine(database_url)

    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()
    write(database_url)
    assert read(database_url) == 42


@pytest.mark.parametrize("fixture", ["postgresql_url", "mariadb_url"])
def test_a_database_is_dropped_although_a_transaction_is_open(
    request: pytest.FixtureRequest, fixture: str
) -> None:
    server_url = request.getfixturevalue(fixture)
    with fresh_database(server_url) as url:
        write(url)
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        connection = engine.connect()
        connection.exec_driver_sql("SELECT * FROM t")

    with pytest.raises(sa.exc.OperationalError):
        read(url)
    with pytest.raises(sa.exc.DBAPIError):
        connection.exec_driver_sql("SELECT * FROM t")
    connection.invalidate()
    connection.close()


def test_virtual_hosts_share_no_queues(rabbitmq_url: str, rabbitmq_management_url: str) -> None:
    with (
        fresh_vhost(rabbitmq_url, rabbitmq_management_url) as first,
        fresh_vhost(rabbitmq_url, rabbitmq_management_url) as second,
        connect(first) as here,
        connect(second) as there,
    ):
        here.channel().queue_declare("q", auto_delete=False)
        with pytest.raises(amqp.NotFound):
            there.channel().queue_declare("q", passive=True)
        here.close()
        there.close()
    with pytest.raises((amqp.AMQPError, OSError)):
        connect(first).connect()


def test_the_transport_url_is_usable(transport_url: str) -> None:
    with connect(transport_url) as connection:
        channel = connection.channel()
        channel.queue_declare("q")
        channel.basic_publish(amqp.Message("hello"), routing_key="q")
        assert channel.basic_get("q", no_ack=True).body == "hello"


@each_database_server
def test_commits_survive_kill_and_restart(kind: type[PostgreSQL] | type[MariaDB]) -> None:
    with kind() as server:
        write(server.url)
        server.kill()
        assert not server.running
        with pytest.raises(sa.exc.OperationalError):
            read(server.url)
        server.start()
        assert read(server.url) == 42
        server.restart()
        assert read(server.url) == 42


@each_database_server
def test_a_durable_server_flushes_commits(kind: type[PostgreSQL] | type[MariaDB]) -> None:
    query, durable = {
        PostgreSQL: ("SHOW fsync", "on"),
        MariaDB: ("SELECT @@innodb_flush_log_at_trx_commit", 1),
    }[kind]
    with kind(durable=True) as server:
        engine = sa.create_engine(server.url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            assert connection.exec_driver_sql(query).scalar_one() == durable


@pytest.mark.slow
@pytest.mark.services("rabbitmq")
def test_confirmed_messages_survive_kill_and_restart() -> None:
    with RabbitMQ() as server:
        connection = connect(server.url)
        connection.connect()
        channel = connection.channel()
        channel.queue_declare("q", durable=True, auto_delete=False)
        message = amqp.Message("kept", delivery_mode=2)
        channel.basic_publish_confirm(message, routing_key="q")
        server.flush()
        server.kill()
        connection.collect()
        server.start()
        with connect(server.url) as connection:
            assert connection.channel().basic_get("q", no_ack=True).body == "kept"


@each_database_server
def test_a_paused_server_answers_when_it_is_resumed(
    kind: type[PostgreSQL] | type[MariaDB],
) -> None:
    with kind() as server:
        server.pause()
        assert server.running
        assert not server.answers()
        server.resume()
        # It has two seconds for an answer, and may have its turn later.
        wait_until(server.answers)


@each_server
def test_nothing_is_left_after_close(kind: Callable[[], Server]) -> None:
    with kind() as server:
        assert server.process is not None
        pids = set(server.process.pids())
        assert server.process.pid in pids & living()

    assert not pids & living()
    assert not server.folder.exists()


@pytest.mark.slow
@each_server
def test_nothing_is_left_when_the_test_run_is_killed(kind: type[Server]) -> None:
    script = f"""
import os, time
from tests.services import {kind.__name__}
from tests.services.supervisor import descendants
server = {kind.__name__}()
server.start()
print(server.folder, server.process.pid, *descendants(os.getpid()), flush=True)
time.sleep(1000)
"""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as run:
        assert run.stdout is not None
        folder, *words = run.stdout.readline().split()
        server_pid, *pids = map(int, words)
        serving = server_pid in living()
        run.kill()

    assert serving
    wait_until(lambda: not {server_pid, *pids} & living())
    assert not Path(folder).exists()


@pytest.mark.services("postgresql")
def test_the_log_is_shown_when_a_server_does_not_start() -> None:
    server = PostgreSQL(settings={"no_such_setting": "1"})

    with pytest.raises(
        RuntimeError, match='unrecognized configuration parameter "no_such_setting'
    ):
        server.start()

    assert not server.running
    server.close()


def test_what_is_missing_is_said_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no apt-get there

    with pytest.raises(MissingPackages) as error:
        install(["postgresql", "mariadb-server"], "name a server in THIS_VARIABLE")

    assert str(error.value) == (
        "the tests need the packages postgresql mariadb-server, which only root can install: "
        "name a server in THIS_VARIABLE"
    )


def test_a_program_that_is_not_installed_is_named() -> None:
    with pytest.raises(MissingPackages, match="the program no-such-program is not installed"):
        program("no-such-program")
