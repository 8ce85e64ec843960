"""Bodies meant to hurt, sent over a real connection: the client always gets an answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.conformance import serving

PATH = "/v0.1/ipam/tenants/t/ip_blocks"
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running ipamd-all."""
    with serving.embedded(tmp_path_factory.mktemp("ipamd"), {}) as url:
        yield url


def chunks() -> Iterator[bytes]:
    """Yield a body of ten megabytes without a Content-Length."""
    for _ in range(10):
        yield b"x" * MEGABYTE


def bomb() -> bytes:
    """Return 'billion laughs': a kilobyte that expands to gigabytes."""
    entities = "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' if n else '<!ENTITY e0 "lol">' for n in range(10)
    )
    return f"<!DOCTYPE b [{entities}]><ip_block><cidr>&e9;</cidr></ip_block>".encode()


@pytest.mark.slow
@pytest.mark.parametrize("connection", ["keep-alive", "close"])
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"x" * 10 * MEGABYTE, "application/json", 413),
        (b"<a>" * 3 * MEGABYTE, "application/xml", 413),
        (chunks, "application/json", 413),
        (b"x" * (MEGABYTE - 1), "text/plain", 415),
        (b"[" * (MEGABYTE - 1), "application/json", 400),
        (b"<a>" * (MEGABYTE // 4), "application/xml", 400),
        (bomb(), "application/xml", 400),
    ],
    ids=["10 MB", "9 MB of XML", "chunks", "type", "deep JSON", "deep XML", "bomb"],
)
def test_the_client_gets_its_answer(
    base: str, body: object, content_type: str, status: int, connection: str
) -> None:
    answer = requests.post(
        base + PATH,
        data=chunks() if callable(body) else body,  # type: ignore[arg-type]  # bytes or chunks
        headers={"Content-Type": content_type, "Connection": connection},
        timeout=30,
    )
    assert answer.status_code == status
    assert requests.get(base + PATH, timeout=30).json() == {"ip_blocks": []}
