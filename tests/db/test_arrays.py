"""Arrays as PostgreSQL reads them: every value comes back as it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipamd.db import arrays

# PostgreSQL has no NUL in text, and its years end before Python's.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@pytest.fixture(scope="module")
def connection(postgresql_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the driver, without a table."""
    with psycopg.connect(postgresql_url.replace("+psycopg", "")) as connection:
        yield connection


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("text", TEXTS),
        ("text", st.text(st.sampled_from('{}\\",; NULabc\n'))),
        ("bytea", st.binary(max_size=32)),
        ("bigint", st.integers(-(2**63), 2**63 - 1)),
        ("boolean", st.booleans()),
        ("timestamp", st.datetimes(max_value=datetime(9000, 1, 1))),  # noqa: DTZ001
    ],
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_values_come_back_as_they_were(
    connection: psycopg.Connection[Any], kind: Any, members: Any, data: st.DataObject
) -> None:
    values = data.draw(st.lists(st.one_of(st.none(), members), max_size=8))
    found = connection.execute(
        f"SELECT * FROM unnest(%s::{kind}[])",
        [arrays.literal(values)],
    ).fetchall()
    assert [row[0] for row in found] == values


def test_what_is_no_element_is_refused() -> None:
    with pytest.raises(TypeError, match="dict"):
        arrays.literal([{}])
