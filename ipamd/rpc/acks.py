"""Acknowledgements of one channel, put together.

Invariant: a delivery is acknowledged only once it is settled.  The broker is told "all up
to this one" as far as all of them are settled, and the others one by one.
"""

from __future__ import annotations

from typing import Any

from ipamd.rpc import frames


class Acks:
    """The deliveries that a channel has open; used by one thread only."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        # In the order of their tags, which is that of their arrival.
        self._open: dict[int, bool] = {}
        self._settled = 0

    def delivered(self, tag: int) -> None:
        """Take note of a delivery; each one has to be."""
        self._open[tag] = False

    def settle(self, tag: int) -> None:
        """Have a delivery acknowledged with the next ``flush()``."""
        if self._open.get(tag) is False:
            self._open[tag] = True
            self._settled += 1

    def flush(self) -> None:
        """Acknowledge what is settled."""
        if not self._settled:
            return
        first_ones: list[int] = []
        for tag, settled in self._open.items():
            if not settled:
                break
            first_ones.append(tag)
        if first_ones:
            self._acknowledge(first_ones, multiple=len(first_ones) > 1)
        if self._settled:
            rest = [tag for tag, settled in self._open.items() if settled]
            for tag in rest:
                self._acknowledge([tag], multiple=False)

    def _acknowledge(self, tags: list[int], *, multiple: bool) -> None:
        frame = frames.acknowledgement(self._channel.channel_id, tags[-1], multiple=multiple)
        frames.write(self._channel, frame)
        for tag in tags:
            del self._open[tag]
        self._settled -= len(tags)
