"""What was delivered before, to a worker that died, is counted and served."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.rpc.support import (
    Worker,
    make_conf,
    plain_client,
    queue_length,
    raw_channel,
    serving,
)
from tests.services.waiting import wait_until

ROUNDS, CASTS = 20, 10


def test_no_redelivered_cast_is_lost(transport_url: str, worker: Worker, channel: Any) -> None:
    durable = f"{transport_url}?amqp_durable_queues=True"  # confirmed when it is on disk
    conf = make_conf(durable)
    with plain_client(durable) as client:
        with serving(conf, worker):
            client.call({}, "echo")  # now there is a queue
        worker.calls.clear()
        for start in range(0, ROUNDS * CASTS, CASTS):
            sent = start + CASTS
            for number in range(start, sent):
                client.cast({}, "echo", number=number)
            with raw_channel(transport_url) as dying:
                for _ in range(CASTS):
                    assert dying.basic_get("ipam") is not None
            # Each is put behind the others, with a count; in an empty queue such a copy is
            # delivered again before the broker has confirmed that it has it.
            with serving(conf, worker):
                wait_until(partial(_has_taken, worker, sent))

    assert sorted(args["number"] for _, args, _ in worker.calls) == list(range(ROUNDS * CASTS))
    assert queue_length(channel, "ipam") == 0


def _has_taken(worker: Worker, count: int) -> bool:
    return len(worker.calls) >= count
