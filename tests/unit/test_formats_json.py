"""Which format an answer gets, and which JSON bodies are taken."""

from __future__ import annotations

import pytest
from werkzeug.exceptions import BadRequest

from ipamd.api import formats


@pytest.mark.parametrize(
    ("suffix", "accept", "expected"),
    [
        (None, "", "json"),
        (None, "*/*", "json"),
        (None, "application/*", "json"),
        (None, "text/plain", "json"),
        (None, "application/xml", "xml"),
        (None, "APPLICATION/XML", "xml"),
        (None, "application/json;q=0.3, application/xml;q=0.9", "xml"),
        (None, "application/json, application/xml", "json"),
        (None, "application/xml;q=0, application/json;q=0.1", "json"),
        (None, "text/html,application/xml;q=0.9,*/*;q=0.8", "xml"),
        (None, "application/vnd.openstack.melange+xml", "xml"),
        (None, "text/html, application/vnd.openstack.melange+xml;version=1.0", "xml"),
        (None, "application/vnd.openstack.melange;version=1.0", "json"),
        (None, "garbage/;;=,", "json"),
        ("xml", "application/json", "xml"),
        ("json", "application/xml", "json"),
    ],
)
def test_suffix_beats_accept_beats_json(suffix: str | None, accept: str, expected: str) -> None:
    assert formats.choose(suffix, accept) == expected


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b"\xff\xfe{}",
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
    ],
)
def test_what_is_no_strict_json_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        formats.parse_json(raw)


def test_times_lose_fraction_and_zone_at_any_depth() -> None:
    document = {"a": {"created_at": "2012-05-21T18:00:41.123456Z", "deleted_at": None}}
    nested = {"list": [document]}
    assert formats.write(nested, "json") == (
        '{"list": [{"a": {"created_at": "2012-05-21T18:00:41", "deleted_at": null}}]}'
    )
    assert document["a"]["created_at"] == "2012-05-21T18:00:41.123456Z"
