"""Nothing is lost, doubled or leaked while programs and servers are killed at random.

The short storm is part of every test run.  The long ones (``make chaos``) write what they
have shown to docs/reliability.md.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.campaign import Result, run
from tests.chaos.faults import Hand, ProgramFaults, ServerFaults
from tests.chaos.report import write_report
from tests.chaos.stack import DURABLE, HEARTBEAT, run_stack
from tests.services import MariaDB, PostgreSQL, RabbitMQ
from tests.services.cluster import RabbitMQCluster

LONG_SECONDS = 120
REPORT = Path(__file__).parents[2] / "docs" / "reliability.md"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.services("rabbitmq", "postgresql")
def test_nothing_is_lost_in_a_short_storm(tmp_path: Path, chaos_seed: str) -> None:
    _check(_storm(PostgreSQL(durable=True), tmp_path, chaos_seed, 15))


@pytest.fixture(scope="module")
def results() -> Iterator[list[Result]]:
    """The results of the long storms; written down when all of them went well."""
    found: list[Result] = []
    yield found
    if len(found) == 3:
        write_report(REPORT, found)


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.services("rabbitmq", "postgresql")
def test_nothing_is_lost_on_postgresql(
    tmp_path: Path, chaos_seed: str, results: list[Result]
) -> None:
    results.append(_check(_storm(PostgreSQL(durable=True), tmp_path, chaos_seed, LONG_SECONDS)))


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.services("rabbitmq", "mariadb")
def test_nothing_is_lost_on_mariadb(
    tmp_path: Path, chaos_seed: str, results: list[Result]
) -> None:
    results.append(_check(_storm(MariaDB(durable=True), tmp_path, chaos_seed, LONG_SECONDS)))


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.services("rabbitmq", "postgresql")
def test_nothing_is_lost_when_the_leader_of_a_quorum_queue_is_killed(
    tmp_path: Path, chaos_seed: str, results: list[Result]
) -> None:
    options = f"rabbit_quorum_queue=True&heartbeat_timeout_threshold={HEARTBEAT}"
    with (
        PostgreSQL(durable=True) as database,
        RabbitMQCluster() as cluster,
        run_stack(tmp_path, database, cluster.nodes[0], f"{cluster.url}?{options}") as stack,
    ):

        def kill_leader(source: random.Random) -> None:
            node = cluster.leader_of("ipam")
            node.kill()
            time.sleep(source.uniform(2, 5))
            node.start()

        hand = Hand("leader", chaos_seed, {"kill -9 of the queue's leader": kill_leader}, (5, 10))
        name = "PostgreSQL, three RabbitMQ nodes with quorum queues"
        result = run(name, stack, chaos_seed, 60, [hand])
    print(result)  # noqa: T201
    results.append(_check(result))


def _storm(database: PostgreSQL | MariaDB, folder: Path, seed: str, seconds: float) -> Result:
    with (
        database,
        RabbitMQ() as broker,
        run_stack(folder, database, broker, f"{broker.url}?{DURABLE}") as stack,
    ):
        hands = [
            Hand("programs", seed, ProgramFaults(stack).faults(), (0.5, 3)),
            Hand("servers", seed, ServerFaults(stack).faults(), (3, 8)),
        ]
        name = "PostgreSQL" if isinstance(database, PostgreSQL) else "MariaDB"
        result = run(name, stack, seed, seconds, hands)
    print(result)  # noqa: T201
    return result


def _check(result: Result) -> Result:
    assert not result.findings, str(result.findings)
    assert not result.off
    assert result.left_in_queues == {"ipam": 0, "ipam.retry": 0, "ipam.dead": 0}
    assert result.requests
    assert result.faults
    return result
