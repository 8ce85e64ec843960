"""Fixtures of the tests of messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from oslo_config import cfg

from tests.rpc.support import Worker, make_conf, plain_client, raw_channel


@pytest.fixture
def conf(transport_url: str) -> cfg.ConfigOpts:
    """A configuration with a virtual host of its own."""
    return make_conf(transport_url)


@pytest.fixture
def worker() -> Worker:
    """The handler of the test's intake."""
    return Worker()


@pytest.fixture
def client(transport_url: str) -> Iterator[Any]:
    """An unmodified oslo.messaging client."""
    with plain_client(transport_url) as made:
        yield made


@pytest.fixture
def channel(transport_url: str) -> Iterator[Any]:
    """A bare AMQP channel."""
    with raw_channel(transport_url) as made:
        yield made
