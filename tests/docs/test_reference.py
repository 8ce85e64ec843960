"""The generated reference is what the code says now, and agrees with itself."""

from __future__ import annotations

import generate

from ipamd import errors
from ipamd.api.melange import routes
from ipamd.rpc.methods import METHODS
from tests.docs.pages import DOCS


def test_no_generated_page_is_stale() -> None:
    stale = [
        name
        for name, text in generate.pages().items()
        if (DOCS / "reference" / name).read_text() != text
    ]
    assert stale == [], "run 'make docs-tables'"


def test_every_served_route_names_a_method_that_exists() -> None:
    assert {route.method for route in routes.documented()} - set(METHODS) == set()


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [cls.code for cls in errors.all_errors()]
    assert len(codes) == len(set(codes))
