"""What schemathesis makes of the formats of the OpenAPI document.

Values come from small pools as often as at random, so that requests meet: tenants own
blocks that others are refused, blocks overlap, interfaces are known by their ids.
"""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.specs.openapi import stateful

_KNOWN = ("alpha", "beta", "gamma", "delta")
_PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=9)
_SLASHLESS = _PRINTABLE.filter(lambda text: "/" not in text and text not in (".", ".."))
_BLOCKS = [
    *[f"10.{number}.0.0/24" for number in range(8)],
    "10.0.0.0/28", "10.9.0.0/30", "10.9.1.0/31", "10.9.2.0/32", "172.16.0.0/12", "0.0.0.0/0",
    "fd00::/64", "fd00:1::/127", "fd00:2::/48", "::/8",
]  # fmt: skip
_ADDRESSES = st.one_of(
    st.builds("10.{}.0.{}".format, st.integers(0, 3), st.integers(0, 12)),
    st.builds("fd00::{:x}".format, st.integers(0, 0xFFFF)),
    st.ip_addresses().map(str),
)
_PAIR = st.integers(0, 255).map("{:02x}".format)
_MACS = st.one_of(
    st.builds("02:16:3e:00:00:{}".format, _PAIR),
    st.lists(_PAIR, min_size=6, max_size=6).map("-".join),
)

schemathesis.openapi.format("name", st.one_of(st.sampled_from(_KNOWN), _PRINTABLE))
schemathesis.openapi.format("chosen-id", st.one_of(st.sampled_from(_KNOWN), _SLASHLESS))
schemathesis.openapi.format("ip-address", _ADDRESSES)
schemathesis.openapi.format(
    "cidr",
    st.one_of(
        st.sampled_from(_BLOCKS),
        st.builds("{}/{}".format, st.ip_addresses(v=4), st.integers(16, 32)),
        st.builds("{}/{}".format, st.ip_addresses(v=6), st.integers(16, 128)),
    ),
)
schemathesis.openapi.format("mac-address", _MACS)
schemathesis.openapi.format("mac-range", st.builds("{}/{}".format, _MACS, st.integers(0, 48)))


def _creates(operation: Any, node: object, produced_anywhere: object) -> bool:  # noqa: ARG001
    """Tell where a scenario may begin: what creates something without a path to another.

    schemathesis leaves out what names a tenant: it looks for who creates tenants, and
    nobody does.
    """
    return operation.method == "post" and len(operation.path_parameters) <= 1


assert callable(stateful.is_likely_root_transition)
stateful.is_likely_root_transition = _creates
