"""Lists and single resources, which all nouns have alike."""

from __future__ import annotations

from typing import Any

from ipamd.api.v2 import reading
from ipamd.api.v2.answers import page
from ipamd.api.v2.calls import Answer, Api
from ipamd.api.v2.nouns import Noun


def list_resources(api: Api, noun: Noun, **fixed: str) -> Answer:
    """List resources; the query has filters, ``sort``, ``limit`` and ``marker``."""
    filters: dict[str, Any] = {**reading.read_filters(), **fixed}
    paging = reading.read_paging(api.limits)
    found, next_marker = api.query(noun, filters, sort=reading.read_sort(), **paging)
    return Answer(page(noun.plural, found, next_marker))


def show(api: Api, noun: Noun, resource_id: str) -> Answer:
    """Show one resource."""
    return Answer({noun.singular: api.one(noun, resource_id)})
