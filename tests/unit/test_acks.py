"""Acknowledgements are put together, and never go ahead of what is settled."""

from __future__ import annotations

import random
from struct import unpack_from

import pytest

from ipamd.rpc.acks import Acks


class Channel:
    """Notes what is acknowledged, as a broker does: all up to a tag, or that one."""

    channel_id = 1
    bytes_sent = 0

    def __init__(self) -> None:
        self.frames: list[tuple[int, bool]] = []
        self.connection = self.transport = self

    def write(self, frame: bytes) -> None:
        """Read a frame of basic.ack."""
        tag, multiple = unpack_from(">QB", frame, 11)
        self.frames.append((tag, bool(multiple)))


def delivered(*tags: int) -> tuple[Acks, Channel]:
    channel = Channel()
    acks = Acks(channel)
    for tag in tags:
        acks.delivered(tag)
    return acks, channel


def test_what_is_settled_in_order_is_one_acknowledgement() -> None:
    acks, channel = delivered(1, 2, 3, 4)
    for tag in (2, 1, 3):
        acks.settle(tag)
    acks.flush()
    assert channel.frames == [(3, True)]


def test_what_is_still_open_is_not_acknowledged_with_the_others() -> None:
    acks, channel = delivered(1, 2, 3, 4)
    for tag in (3, 1):
        acks.settle(tag)
    acks.flush()
    acks.flush()
    assert channel.frames == [(1, False), (3, False)]
    acks.settle(2)
    acks.settle(4)
    acks.flush()
    assert channel.frames[2:] == [(4, True)]


def test_a_delivery_is_acknowledged_once() -> None:
    acks, channel = delivered(1, 2)
    for tag in (1, 1, 7):
        acks.settle(tag)
    acks.flush()
    acks.settle(1)
    acks.flush()
    assert channel.frames == [(1, False)]


@pytest.mark.parametrize("seed", range(20))
def test_in_any_order_each_is_acknowledged_after_it_was_settled(seed: int) -> None:
    chance = random.Random(seed)
    acks, channel = delivered()
    waiting: set[int] = set()
    open_tags: set[int] = set()
    tag = 0
    for _ in range(300):
        for _ in range(chance.randrange(4)):
            tag += 1
            acks.delivered(tag)
            open_tags.add(tag)
            waiting.add(tag)
        for settled in chance.sample(sorted(waiting), chance.randrange(len(waiting) + 1)):
            acks.settle(settled)
            waiting.discard(settled)
        before = len(channel.frames)
        acks.flush()
        for last, multiple in channel.frames[before:]:
            told = {each for each in open_tags if each <= last} if multiple else {last}
            assert told <= open_tags
            assert not told & waiting
            open_tags -= told
        assert open_tags == waiting
