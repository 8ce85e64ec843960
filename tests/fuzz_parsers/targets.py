"""What is fuzzed: each parser with what must hold of it, whatever bytes come.

A target raises AssertionError, or an error that its parser must not raise. What made one
fail is put into ``seeds/<target>/``, from where it is tried again in every test run.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from pathlib import Path

from werkzeug.exceptions import BadRequest

from ipamd import errors
from ipamd.api import formats, xml
from ipamd.context import RequestContext
from ipamd.ipam import addresses, mac
from ipamd.rpc import envelope

SEEDS = Path(__file__).parent / "seeds"
Target = Callable[[bytes], None]


def text_of(data: bytes) -> str:
    """Return text with whatever characters, lone surrogates included."""
    return data.decode("utf-8", "surrogatepass" if b"\xed" in data else "replace")


def _text(data: bytes) -> str:
    try:
        return text_of(data)
    except UnicodeDecodeError:
        return data.decode("latin-1")


def address(data: bytes) -> None:
    """An address is what the standard library takes for it, or refused."""
    text = _text(data)
    try:
        value = addresses.parse_address(text)
    except ValueError:
        return
    assert text.isascii()
    assert "%" not in text
    known = ipaddress.ip_address(text)
    mapped = int(known) if known.version == 6 else int(known) | 0xFFFF << 32
    assert value == mapped
    assert addresses.parse_address(addresses.format_address(value)) == value
    assert addresses.parse_address(addresses.compact_address(value)) == value


def cidr(data: bytes) -> None:
    """A network is what the standard library takes for it, or refused."""
    text = _text(data)
    try:
        found = addresses.parse_cidr(text)
    except ValueError:
        return
    assert text.isascii()
    network = ipaddress.ip_network(text, strict=False)
    assert found.prefix_length == network.prefixlen
    assert found.size == network.num_addresses
    assert ipaddress.ip_network(str(found)) == network


def mac_address(data: bytes) -> None:
    """A MAC address has 48 bits, and one spelling when it is written."""
    try:
        value = mac.parse_mac(_text(data))
    except ValueError:
        return
    assert 0 <= value <= mac.MAC_LAST
    assert mac.parse_mac(mac.format_mac(value)) == value


def mac_range(data: bytes) -> None:
    """A range of MAC addresses is what it is written as."""
    try:
        found = mac.parse_mac_range(_text(data))
    except ValueError:
        return
    assert mac.parse_mac_range(str(found)) == found


def json_body(data: bytes) -> None:
    """JSON is read strictly, and can be written again."""
    try:
        value = formats.parse_json(data)
    except BadRequest:
        return
    written = json.dumps(value, allow_nan=False)
    assert formats.parse_json(written.encode()) == value


def xml_body(data: bytes) -> None:
    """XML gives a dictionary of JSON values, or is refused; no entity is expanded."""
    try:
        value = xml.parse(data)
    except BadRequest:
        return
    assert isinstance(value, dict)
    assert len(value) == 1
    assert len(json.dumps(value)) <= 8 * len(data) + 64


def message(data: bytes) -> None:
    """A message from the bus is a request, or malformed; a context is made of any."""
    try:
        request = envelope.parse(data)
    except envelope.Malformed as malformed:
        json.dumps(malformed.failure)
        return
    assert isinstance(request.args, dict)
    context = RequestContext.from_wire(request.context)
    assert context.confined_to is None or context.confined
    if request.context.get("is_admin") is not True:
        assert not context.is_admin
    json.dumps(context.to_dict())


def answer(data: bytes) -> None:
    """An answer from the bus is read, or malformed; its failure is an error of ours."""
    try:
        _, _, failure, _ = envelope.parse_answer(data)
    except envelope.Malformed:
        return
    if failure is not None:
        assert isinstance(envelope.rebuild(failure), errors.IpamError)


def failure(data: bytes) -> None:
    """Whatever describes a failure becomes an error of ours."""
    assert isinstance(envelope.rebuild(_text(data)), errors.IpamError)


def idempotency(data: bytes) -> None:
    """A key is 1 to 255 printable characters, or refused."""
    from ipamd.api.backend import idempotency_key

    try:
        key = idempotency_key(_text(data))
    except errors.BadRequest:
        return
    assert key is not None
    assert 1 <= len(key) <= 255
    assert key.isascii()
    assert key.isprintable()


TARGETS: dict[str, Target] = {
    "address": address,
    "cidr": cidr,
    "mac_address": mac_address,
    "mac_range": mac_range,
    "json_body": json_body,
    "xml_body": xml_body,
    "message": message,
    "answer": answer,
    "failure": failure,
    "idempotency": idempotency,
}


def seeds(name: str) -> list[bytes]:
    """Return a target's seeds."""
    return [path.read_bytes() for path in sorted((SEEDS / name).iterdir())]
