"""ipamd answers what Melange answered, but for the steps listed in differences.toml."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ipamd.db import schema
from tests.conformance import player, serving
from tests.integration.conftest import database_at
from tests.services.databases import fresh_database


def assert_conforms(played: player.Played, steps: int) -> None:
    """Assert that exactly the listed steps of what was played differ."""
    listed = player.differences()
    surprising = [m for m in played.mismatches if (m.scenario, m.step) not in listed]
    assert not surprising, "\n".join(f"{m.scenario}: {m.step}: {m.difference}" for m in surprising)
    assert played.asserted == steps


def test_the_list_of_differences_is_short_and_gives_reasons() -> None:
    listed = player.differences()
    assert len(listed) <= 40
    assert all(len(reason) > 20 for reason in listed.values())


@pytest.mark.slow
def test_embedded_on_sqlite(tmp_path: Path) -> None:
    with serving.embedded(tmp_path, {}) as base:
        started = time.monotonic()
        played = player.play(base, "transcripts.jsonl")
        seconds = time.monotonic() - started
    assert_conforms(played, steps=1239)
    different = {(m.scenario, m.step) for m in played.mismatches}
    assert set(player.differences()) <= different, "these match again: strike them off the list"
    assert seconds <= 60


@pytest.mark.slow
@pytest.mark.parametrize(
    ("profile", "options", "steps"),
    [
        ("default_cidr", {"default_cidr": "10.0.0.0/24"}, 9),
        ("rfc2462", {"ipv6_generator": "rfc2462"}, 8),
    ],
)
def test_profiles(tmp_path: Path, profile: str, options: dict[str, str], steps: int) -> None:
    with serving.embedded(tmp_path, options) as base:
        played = player.play(base, "profiles.jsonl", profile)
    assert_conforms(played, steps)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_over_rabbitmq_on_postgresql(
    tmp_path: Path, postgresql_url: str, transport_url: str
) -> None:
    with fresh_database(postgresql_url) as database_url:
        db = database_at(database_url)
        schema.upgrade(db)
        db.close()
        with serving.over_amqp(tmp_path, database_url, transport_url) as base:
            played = player.play(base, "transcripts.jsonl")
    assert_conforms(played, steps=1239)
