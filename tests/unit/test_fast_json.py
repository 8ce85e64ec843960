"""JSON by msgspec is what the standard library makes of it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipamd import fast_json

# Halves of surrogate pairs, numbers beyond 64 bits and beyond a float among them.
TEXTS = st.text(st.characters(exclude_categories=[]))
NUMBERS = st.integers(-(2**200), 2**200) | st.floats()
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
# Text that is nearly JSON.
PIECES = st.sampled_from([
    "{", "}", "[", "]", ",", ":", '"', '"a"', '"a":', "1", "-", "0", "01", "1e", "1e999",
    "-0.0", "NaN", "-Infinity", "null", "true", "nul", "\x00",
    '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"',
    '"\x01"', "é", "\ud800", "\ufeff", " ", "\n", "1.5", "18446744073709551616", '"\\x"', "// a",
])  # fmt: skip


def outcome(read: Any, text: str | bytes) -> Any:
    """Return what comes of reading ``text``, comparable: floats that are no number too."""
    try:
        return repr(read(text))
    except ValueError:
        return ValueError


@given(st.lists(PIECES, max_size=8).map("".join))
def test_any_text_is_read_as_the_standard_library_reads_it(text: str) -> None:
    assert outcome(fast_json.loads, text) == outcome(json.loads, text)


@given(st.binary(max_size=12) | st.lists(PIECES, max_size=6).map(
    lambda pieces: "".join(pieces).encode("utf-8", "surrogatepass")
))  # fmt: skip
def test_any_bytes_are_read_as_the_standard_library_reads_them(text: bytes) -> None:
    assert outcome(fast_json.loads, text) == outcome(json.loads, text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le"])
def test_other_encodings_of_unicode_are_read(encoding: str) -> None:
    assert fast_json.loads('{"é": ["€"]}'.encode(encoding)) == {"é": ["€"]}


@given(VALUES)
def test_what_was_written_is_read_as_it_was(value: Any) -> None:
    for written in (fast_json.dumps(value), fast_json.dump_bytes(value)):
        assert repr(json.loads(written)) == repr(_without_nan(value))
        assert repr(fast_json.loads(written)) == repr(_without_nan(value))


def test_names_that_are_no_text_are_written_as_the_standard_library_does() -> None:
    value = {None: 1, True: 2, 3: 4}
    assert json.loads(fast_json.dumps(value)) == json.loads(json.dumps(value))


@pytest.mark.parametrize("write", [fast_json.dumps, fast_json.dump_bytes])
def test_what_is_no_json_is_refused(write: Any) -> None:
    with pytest.raises(TypeError):
        write({"a": object()})
    with pytest.raises(TypeError):
        write([1j])


def test_too_deep_a_nesting_is_an_error_and_no_crash() -> None:
    with pytest.raises(RecursionError):
        fast_json.loads("[" * 100_000 + "]" * 100_000)
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(RecursionError):
        fast_json.dumps(nested)


def _without_nan(value: Any) -> Any:
    """Put None in the place of what JSON has no number for."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_without_nan(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    return value
