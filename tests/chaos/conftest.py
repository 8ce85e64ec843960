"""What chaos tests share: the seed."""

from __future__ import annotations

import logging
import os
import random

import pytest

# A broker that is away is what these tests are about; the log would be of nothing else.
for _name in ("oslo.messaging", "oslo_messaging", "ipamd.rpc.link"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


@pytest.fixture(scope="session")
def chaos_seed() -> str:
    """The seed of this run: ``SEED`` of the environment, or a fresh one."""
    seed = os.environ.get("SEED") or str(random.randrange(1_000_000))
    print(f"\nSEED={seed}")  # noqa: T201 - also when the run does not come to its end
    return seed
