"""Lists read page by page over HTTP hold the same as lists read at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conformance import serving

TENANT = "/v0.1/ipam/tenants/t"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running ipamd-all with a network of two blocks and an interface in both."""
    folder: Path = tmp_path_factory.mktemp("ipamd")
    with serving.embedded(folder, {}) as url:
        for cidr in ("10.0.0.0/29", "10.0.1.0/24"):
            block = {"cidr": cidr, "type": "private", "network_id": "n"}
            post(url + TENANT + "/ip_blocks", {"ip_block": block})
        for _ in range(10):
            post(url + TENANT + "/networks/n/interfaces/i/ip_allocations", {"network": {}})
        yield url


def post(url: str, body: dict[str, Any]) -> None:
    """POST and expect a success."""
    answer = requests.post(url, json=body, timeout=30)
    assert answer.status_code == 201, answer.text


def pages(url: str, root: str, limit: int) -> Iterator[list[dict[str, Any]]]:
    """Follow the next links from the first page on."""
    following: str | None = f"{url}?limit={limit}"
    while following is not None:
        document = requests.get(following, timeout=30).json()
        yield document[root]
        links = document.get(f"{root}_links", [])
        following = links[0]["href"] if links else None


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1, 3, 5, 10, 11])
@pytest.mark.parametrize(
    ("path", "root", "count"),
    [
        ("/ip_blocks", "ip_blocks", 2),
        ("/networks/n", "ip_blocks", 2),
        ("/networks/n/interfaces/i/ip_allocations", "ip_addresses", 10),
        ("/allocated_ip_addresses", "ip_addresses", 10),
    ],
)
def test_pages_add_up(base: str, path: str, root: str, count: int, limit: int) -> None:
    url = base + TENANT + path
    whole = requests.get(url, timeout=30).json()
    assert len(whole[root]) == count
    assert f"{root}_links" not in whole
    read = list(pages(url, root, limit))
    assert [item for page in read for item in page] == whole[root]
    assert [len(page) for page in read[:-1]] == [limit] * (len(read) - 1)
    assert 1 <= len(read[-1]) <= limit
