"""Mutations of bytes: some at random, some that have hurt parsers before."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

INTERESTING: Final = [
    b"\x00", b"\n", b"\r\n", b"\xff", b"\xc0\xae", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"%00",
    b"%0a", b"%2f", b"..", b"../", b"'", b'"', b"\\", b"--", b";", b"<!DOCTYPE x>", b"&x;",
    b"<![CDATA[", b"]]>", b"<?x?>", b"{", b"}", b"[", b"]", b"[" * 200, b'{"a":' * 200, b"null",
    b"true", b"NaN", b"Infinity", b"-0", b"1e999", b"9" * 400, b"-1", b"0", b"65537",
    b"4294967296", b"010.0.0.1", b"::ffff:10.0.0.1", b"fe80::1%eth0", b"10.0.0.0/0", b"::/0",
    b"10.0.0.256", b"0x0a.0.0.1", "１０.0.0.1".encode(), "٣".encode(), b"ff:ff:ff:ff:ff:ff",
    b"{}", b"[]", b'""', b'"\\ud800"', b"oslo.message", b"_context_is_admin", b"tenant_id",
    b"idempotency_key", b"A" * 300, b"\xef\xbb\xbf", b".json", b".xml", b"?limit=-1",
]  # fmt: skip


def _flip(random: Random, data: bytearray) -> None:
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _put(random: Random, data: bytearray) -> None:
    data[random.randrange(len(data))] = random.randrange(256)


def _drop(random: Random, data: bytearray) -> None:
    start = random.randrange(len(data))
    del data[start : start + random.choice((1, 2, 8, 64))]


def _repeat(random: Random, data: bytearray) -> None:
    start = random.randrange(len(data))
    piece = data[start : start + random.choice((1, 4, 16, 64))]
    data[start:start] = piece * random.choice((1, 2, 10))


def _insert(random: Random, data: bytearray) -> None:
    start = random.randrange(len(data) + 1)
    data[start:start] = random.choice(INTERESTING)


def _replace(random: Random, data: bytearray) -> None:
    start = random.randrange(len(data))
    data[start : start + random.choice((1, 4, 12))] = random.choice(INTERESTING)


def _swap(random: Random, data: bytearray) -> None:
    one, other = random.randrange(len(data)), random.randrange(len(data))
    data[one], data[other] = data[other], data[one]


_WAYS: Final[list[Callable[[Random, bytearray], None]]] = [
    _flip, _put, _drop, _repeat, _insert, _replace, _swap,
]  # fmt: skip


def mutate(random: Random, data: bytes) -> bytes:
    """Return ``data`` changed in one to four places, and shorter than 64 KiB."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 4)):
        if not changed:
            changed += random.choice(INTERESTING)
        random.choice(_WAYS)(random, changed)
    return bytes(changed[:65_536])
