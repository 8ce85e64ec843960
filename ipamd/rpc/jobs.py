"""One request in hand: what came in, how often, and until when it is worth an answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ipamd.rpc.envelope import Request

# How often a request came back although it was not answered; kept by the request itself,
# because classic queues only flag a redelivery and do not count.
REDELIVERIES_HEADER = "x-ipamd-redeliveries"
# Milliseconds of the epoch after which nobody waits for the answer any more.
DEADLINE_HEADER = "x-ipamd-deadline"
_QUORUM_COUNT = "x-delivery-count"
_BROKER_TIME = "timestamp_in_ms"
_NOT_OURS = (
    _QUORUM_COUNT,
    "x-death",
    "x-first-death-exchange",
    "x-first-death-queue",
    "x-first-death-reason",
)


@dataclass(slots=True, eq=False)
class Job:
    """A request and its deliveries: (session of the link, delivery tag) each.

    A request that is delivered again while it is in hand is one job still.
    """

    request: Request
    key: object
    queue: str
    body: bytes
    headers: dict[str, Any]
    redelivered: bool
    deadline: float | None
    deliveries: list[tuple[int, int]] = field(default_factory=list)
    at_work: bool = True
    monitored: bool = False
    repeats: int = 0
    # It cannot share a transaction with others.
    apart: bool = False

    @property
    def is_cast(self) -> bool:
        """Whether nobody waits for an answer."""
        return self.request.reply_to is None

    @property
    def counted_redeliveries(self) -> int:
        """Redeliveries as the queue or the request itself has counted them."""
        counts = (self.headers.get(name) for name in (_QUORUM_COUNT, REDELIVERIES_HEADER))
        return max((count for count in counts if isinstance(count, int)), default=0)

    @property
    def is_uncounted(self) -> bool:
        """Whether this is a redelivery that nobody but us can count."""
        return self.redelivered and _QUORUM_COUNT not in self.headers

    def is_expired(self) -> bool:
        """Tell whether the caller has given up by now."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def milliseconds_left(self) -> int | None:
        """Return the rest of the caller's timeout; None: it never ends."""
        if self.deadline is None:
            return None
        return max(0, int((self.deadline - time.monotonic()) * 1000))

    def republished_headers(self, **more: Any) -> dict[str, Any]:
        """Return the headers for a copy of the message, with the deadline kept."""
        headers = {k: v for k, v in self.headers.items() if k not in _NOT_OURS}
        left = self.milliseconds_left()
        if left is not None:
            headers[DEADLINE_HEADER] = int(time.time() * 1000) + left
        headers.update(more)
        return headers


def deadline(properties: Mapping[str, Any], headers: Mapping[str, Any]) -> float | None:
    """Return the monotonic time at which the caller gives up, or None for a cast.

    A call carries its timeout as its time to live; the broker drops it when that passes
    in the queue, and we when it passes in our hands.  How long it was in the queue is
    known only where the publisher or the broker stamps messages.  A stamp that makes the
    message older than the broker would have delivered it, or younger than now, comes from
    a clock that is off, and is not believed.
    """
    try:
        left = int(properties["expiration"]) / 1000
    except (KeyError, TypeError, ValueError):
        return None
    now = time.time()
    over = headers.get(DEADLINE_HEADER)
    if isinstance(over, int):
        return time.monotonic() + min(left, over / 1000 - now)
    sent = _sent_at(properties, headers)
    if sent is not None and 0 <= now - sent < left:
        left -= now - sent
    return time.monotonic() + left


def _sent_at(properties: Mapping[str, Any], headers: Mapping[str, Any]) -> float | None:
    stamp = headers.get(_BROKER_TIME)
    if isinstance(stamp, int):
        return stamp / 1000
    stamp = properties.get("timestamp")
    if isinstance(stamp, int):
        return stamp + 1.0  # whole seconds, cut off: not older than it says
    return None
