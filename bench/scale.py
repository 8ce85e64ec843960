"""How much is measured: in full, and as little as shows that the measuring works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Numbers of repeats, seconds and sizes; ``seconds`` is one round of one side."""

    repeats: int
    seconds: float
    callers: tuple[int, ...]
    blocks: int
    databases: tuple[str, ...]
    # Allocations of one round on one level of filling, and the addresses held at the top.
    fill_calls: int
    fill_many: int
    fill_prefix: int
    bulk_counts: tuple[int, ...]
    rest_clients: int
    memory_requests: tuple[int, int]


FULL = Scale(
    repeats=5,
    seconds=1.0,
    callers=(1, 8, 32),
    blocks=64,
    databases=("postgresql", "mariadb", "sqlite"),
    fill_calls=40,
    fill_many=1_000_000,
    fill_prefix=16,
    bulk_counts=(1, 100, 1000, 10_000),
    rest_clients=16,
    memory_requests=(1000, 100_000),
)

SMOKE = Scale(
    repeats=1,
    seconds=0.2,
    callers=(1, 4),
    blocks=4,
    databases=("postgresql", "sqlite"),
    fill_calls=3,
    fill_many=2000,
    fill_prefix=24,
    bulk_counts=(1, 100),
    rest_clients=4,
    memory_requests=(50, 200),
)
