"""The OpenAPI document: whole, well formed, and of exactly the routes that are served."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator

from ipamd.api.v2 import openapi, schemas
from ipamd.api.v2.nouns import NOUNS
from ipamd.api.v2.routes import ROUTES
from tests.api.conftest import RecordingCaller
from tests.api.v2_client import V2

DOCUMENT = openapi.document()
OPERATIONS = {
    (verb.upper(), path): operation
    for path, verbs in DOCUMENT["paths"].items()
    for verb, operation in verbs.items()
}
# Melange's router knew these, without an action behind them; the last is what Nova answers
# with where a path names no version.
NOT_DESCRIBED = re.compile(r"/v(0\.1|1\.0)/ipam/.*|/compute/<path:rest>|/ui(/.*)?")


def template(rule: str) -> str:
    """Return a rule of the URL map as a path of the document."""
    return re.sub(r"<(\w+)>", r"{\1}", rule)


def test_every_served_route_is_described_and_no_other(
    facade: tuple[Flask, RecordingCaller],
) -> None:
    app, _ = facade
    own = {(route.verb, f"/v2{route.path}") for route in ROUTES}
    served = own | {("GET", path) for path in ("/v2", "/v2/", "/v2/openapi.json")}
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            served.add((method, template(rule.rule)))
    assert set(OPERATIONS) - served == set()
    missing = {(verb, path) for verb, path in served - set(OPERATIONS)}
    assert [each for each in missing if not NOT_DESCRIBED.fullmatch(each[1])] == []


def test_rules_of_v2_are_those_of_its_table(facade: tuple[Flask, RecordingCaller]) -> None:
    app, _ = facade
    rules = {template(r.rule) for r in app.url_map.iter_rules() if r.endpoint.startswith("v2.")}
    assert rules == {f"/v2{path}" for path in {route.path for route in ROUTES} | {
        "", "/", "/openapi.json"}}  # fmt: skip


def test_operations_have_ids_of_their_own() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(ids) == len(set(ids))


def test_links_lead_to_operations_and_fill_their_paths() -> None:
    by_id = {each["operationId"]: (key, each) for key, each in OPERATIONS.items()}
    count = 0
    for operation in OPERATIONS.values():
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                (_, path), _ = by_id[link["operationId"]]
                named = {f"path.{name}" for name in re.findall(r"\{(\w+)\}", path)}
                assert set(link.get("parameters", {})) == named
                count += 1
    assert count > 100


def test_what_a_creation_of_v2_made_can_be_shown_changed_and_deleted() -> None:
    for noun in NOUNS:
        created = OPERATIONS["POST", f"/v2{noun.path}"]["responses"]["201"]["links"]
        assert f"get_{noun.singular}" in created
        assert f"delete_{noun.singular}" in created


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_schemas_are_well_formed(name: str) -> None:
    Draft202012Validator.check_schema(DOCUMENT["components"]["schemas"][name])


def test_references_lead_somewhere() -> None:
    def references(value: Any) -> set[str]:
        if isinstance(value, list):
            return {found for item in value for found in references(item)}
        if not isinstance(value, dict):
            return set()
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own | {found for item in value.values() for found in references(item)}

    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert references(DOCUMENT) <= known


def test_every_schema_of_a_route_exists_and_requests_are_closed() -> None:
    for route in ROUTES:
        assert route.answer is None or route.answer in schemas.ALL
        if route.body is not None:
            assert schemas.ALL[route.body]["additionalProperties"] is False
            (name, *_) = schemas.ALL[route.body]["properties"]
            inside = schemas.ALL[route.body]["properties"][name]
            assert inside.get("additionalProperties", False) is False


def test_it_is_served(v2: V2) -> None:
    assert v2.get("/openapi.json") == DOCUMENT
    assert DOCUMENT["openapi"] == "3.1.0"
    assert "2.2: The history of an address" in DOCUMENT["info"]["description"]
