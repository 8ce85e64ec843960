"""What every client asked for, and what it was told: the books that are checked at the end."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """A definite answer: a result, or the code of the error it was refused with."""

    result: Any = None
    refusal: str | None = None


@dataclass(eq=False)
class Asked:
    """One request of a client, however often it was sent; times are monotonic seconds.

    ``answer`` stays None for a cast, for a request that was never answered, and for one
    that was sent only once and whose fate its client does not know (``is_single``).
    """

    key: str
    door: str
    method: str
    args: Mapping[str, Any]
    is_cast: bool = False
    is_single: bool = False
    asked_at: float = field(default_factory=time.monotonic)
    answered_at: float | None = None
    answer: Answer | None = None
    sent: int = 0
    trouble: str = ""

    @property
    def waited(self) -> float:
        """Seconds from the first sending to the answer."""
        return 0.0 if self.answered_at is None else self.answered_at - self.asked_at

    def __str__(self) -> str:
        clock = time.time() - time.monotonic() + self.asked_at
        moment = time.strftime("%H:%M:%S", time.localtime(clock))
        return f"{self.method} by {self.door} with key {self.key} at {moment}, sent {self.sent}×"


@dataclass(eq=False)
class Holding:
    """An address that a client was told it holds, from ``since`` until it began to let go."""

    block_id: str
    address: str
    address_id: str
    interface_id: str
    since: float = field(default_factory=time.monotonic)
    until: float | None = None
    # Released and perhaps restorable; what becomes of it is not the client's doing.
    is_released: bool = False


class Ledger:
    """The books of one run; used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests: list[Asked] = []
        self.holdings: list[Holding] = []
        self.contradictions: list[str] = []
        self.troubles: Counter[str] = Counter()
        self.copies = 0

    def ask(self, asked: Asked) -> Asked:
        """Enter a request before it is sent for the first time."""
        with self._lock:
            self.requests.append(asked)
        return asked

    def hold(self, holding: Holding) -> Holding:
        """Enter an address that a client was told it holds from now on."""
        with self._lock:
            self.holdings.append(holding)
        return holding

    def contradict(self, text: str) -> None:
        """Enter an answer that cannot be right, whatever else happens."""
        with self._lock:
            self.contradictions.append(text)

    def note_copy(self) -> None:
        """Count a request that was sent again although nothing made it necessary."""
        with self._lock:
            self.copies += 1

    def note_trouble(self, what: str) -> None:
        """Count an attempt that got no definite answer, by its reason."""
        with self._lock:
            self.troubles[what] += 1

    def count(self, **wanted: object) -> int:
        """Count the requests whose attributes have these values."""
        return sum(
            all(getattr(asked, name) == value for name, value in wanted.items())
            for asked in self.requests
        )

    @property
    def sent(self) -> int:
        """How many messages and HTTP requests were sent, repetitions included."""
        return sum(asked.sent for asked in self.requests)

    def longest_waits(self, count: int) -> list[Asked]:
        """Return the requests whose answers took longest."""
        return sorted(self.requests, key=lambda asked: -asked.waited)[:count]

    @property
    def longest_wait(self) -> float:
        """The longest time in seconds that a client waited for a definite answer."""
        return max((asked.waited for asked in self.requests), default=0.0)
