"""Ids differ, also in processes that are forked, and grow within one."""

from __future__ import annotations

import os
import time
import uuid

import pytest

from ipamd import ids
from ipamd.ids import new_id, new_ids


def test_ids_grow_and_are_version_7() -> None:
    made = [new_id() for _ in range(2000)]
    made += new_ids(3000)
    made += [new_id() for _ in range(2000)]
    assert len(made) == 7000
    assert made == sorted(set(made))
    for text in made[1900:2200] + made[4900:5100]:
        known = uuid.UUID(text)
        assert str(known) == text
        assert known.version == 7
        assert known.variant == uuid.RFC_4122


def test_the_clock_is_in_an_id_and_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    # Ids made an hour ahead are no requests of today: other tests get theirs from the clock again.
    monkeypatch.setattr(ids, "_last", ids._last)
    first = new_ids(10_000)[-1]  # ahead of the clock by now, unless that was slow
    later = time.time_ns() + 3_600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert new_id() > first
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert int(new_id().replace("-", "")[:12], 16) == later // 1_000_000


def test_a_forked_process_has_random_bytes_of_its_own() -> None:
    new_id()  # some are in store
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, "".join(new_id()[19:] for _ in range(20)).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 10_000).decode()
    os.close(reader)
    os.close(writer)
    assert len(theirs) == 20 * 17
    assert not [tail for tail in (new_id()[19:] for _ in range(20)) if tail in theirs]
