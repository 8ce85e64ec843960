"""Lists of /v2: filters, order, pages and links."""

from __future__ import annotations

from typing import Any

import pytest

from ipamd.api.v2.nouns import NOUNS
from ipamd.operations.kinds import KINDS
from tests.api.v2_client import V2


def test_the_filters_are_those_of_the_service() -> None:
    filters = {noun.plural: set(noun.filters) for noun in NOUNS}
    assert filters == {name: set(kind.fields) for name, kind in KINDS.items()}


@pytest.fixture
def blocks(v2: V2) -> list[str]:
    """The ids of four blocks of the tenant; a page has three at most."""
    cidrs = ("10.2.0.0/24", "10.1.0.0/16", "10.0.0.0/24", "fd00::/64")
    networks = [f"{v2.tenant}-{number}" for number in (2, 1, 0)] + [None]
    made = zip(cidrs, networks, strict=True)
    return [v2.block(cidr, network_id=network)["id"] for cidr, network in made]


def cidrs(v2: V2, query: str) -> list[Any]:
    """Return the CIDRs of a list."""
    found = v2.get(f"/ip-blocks?tenant_id={v2.tenant}&{query}")["ip_blocks"]
    return [block["cidr"] for block in found]


@pytest.mark.usefixtures("blocks")
def test_filters(v2: V2) -> None:
    assert cidrs(v2, "cidr=10.0.0.0/24") == ["10.0.0.0/24"]
    assert cidrs(v2, "cidr=10.0.0.0/16") == []
    assert cidrs(v2, "prefix_length=gte:24&prefix_length=lt:64") == ["10.2.0.0/24", "10.0.0.0/24"]
    two = f"{v2.tenant}-0,{v2.tenant}-1"
    assert cidrs(v2, f"network_id=in:{two}") == ["10.1.0.0/16", "10.0.0.0/24"]
    assert cidrs(v2, f"network_id=nin:{two}") == ["10.2.0.0/24", "fd00::/64"]
    assert cidrs(v2, f"network_id=nin:{two}&cidr=neq:fd00::/64") == ["10.2.0.0/24"]
    assert cidrs(v2, "created_at=gt:2100-01-01T00:00:00Z") == []
    assert len(cidrs(v2, "created_at=lt:2100-01-01T00:00:00%2B02:00")) == 3


@pytest.mark.usefixtures("blocks")
def test_order_and_pages(v2: V2) -> None:
    query = f"/ip-blocks?tenant_id={v2.tenant}&sort=prefix_length:desc,cidr&limit=2"
    first = v2.get(query)
    assert [block["cidr"] for block in first["ip_blocks"]] == ["fd00::/64", "10.0.0.0/24"]
    own, following = first["links"]
    assert own == {"rel": "self", "href": f"http://localhost/v2{query}"}
    assert following["rel"] == "next"
    second = v2.get(following["href"].removeprefix("http://localhost/v2"))
    assert [block["cidr"] for block in second["ip_blocks"]] == ["10.2.0.0/24", "10.1.0.0/16"]
    assert [link["rel"] for link in second["links"]] == ["self"]


@pytest.mark.usefixtures("blocks")
def test_a_limit_above_the_largest_page(v2: V2) -> None:
    assert len(cidrs(v2, "limit=1000")) == 3
    page = v2.get(f"/ip-blocks?tenant_id={v2.tenant}&limit=1000")
    assert "limit=1000" in page["links"][1]["href"]


def test_a_marker_that_is_gone(v2: V2, blocks: list[str]) -> None:
    v2.ask("DELETE", f"/ip-blocks/{blocks[1]}", status=204)
    assert cidrs(v2, f"marker={blocks[1]}") == ["10.0.0.0/24", "fd00::/64"]
    query = f"/ip-blocks?tenant_id={v2.tenant}&sort=cidr&marker={blocks[1]}"
    assert list(v2.refused("GET", query, None, 400)["fields"]) == ["marker"]


def test_links_carry_what_was_asked(v2: V2) -> None:
    names = ["a b&c=d", "\N{SNOWMAN}", "in:x", "d"]
    for name in names:
        v2.make("policy", tenant_id=v2.tenant, name=name)
    page = v2.client.get(
        "/v2/policies", query_string={"tenant_id": v2.tenant, "name": "neq:a b&c=d", "limit": 2}
    ).get_json()
    following = v2.client.get(page["links"][1]["href"]).get_json()
    found = [policy["name"] for policy in page["policies"] + following["policies"]]
    assert found == names[1:]
