"""The generated reference is what the code says now, and agrees with itself."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from ipamd import errors
from ipamd.api.melange import routes
from ipamd.rpc.methods import METHODS
from tests.docs.pages import DOCS


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_no_generated_page_is_stale(generate: ModuleType) -> None:
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
