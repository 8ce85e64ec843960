"""What chaos tests share: the seed."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _quiet_about_brokers() -> Iterator[None]:
    """A broker that is away is what these tests are about; the log would be of nothing else."""
    loggers = [
        logging.getLogger(name) for name in ("oslo.messaging", "oslo_messaging", "ipamd.rpc.link")
    ]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="session")
def chaos_seed() -> str:
    """The seed of this run: ``SEED`` of the environment, or a fresh one."""
    seed = os.environ.get("SEED") or str(random.randrange(1_000_000))
    print(f"\nSEED={seed}")  # noqa: T201 - also when the run does not come to its end
    return seed
