"""XML as Melange spoke it: a list is a plural element around singular ones.

Requests are parsed without DTDs and entities.  ``None`` is written as the text ``None``
and times as ``2012-05-21 18:00:41.123456``; both are what Melange's clients know.
"""

from __future__ import annotations

import re
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, SubElement, indent, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from werkzeug.exceptions import BadRequest

# Plural element -> its children's name. Melange cut the last letter off ("ip_addresse").
SINGULARS: Final = {
    "addresses": "address",
    "allowed_ips": "allowed_ip",
    "ip_addresses": "ip_address",
    "policies": "policy",
}
# Elements of requests that hold a list although nothing in XML says so.
_LISTS: Final = frozenset({"addresses", "interfaces", "ip_addresses"})
# Elements that are objects even when they are empty.
_OBJECTS: Final = frozenset({"instance", "interface", "network"})
_INTEGERS: Final = frozenset({"length", "octet", "offset"})
_MAX_DEPTH: Final = 16
# What XML 1.0 cannot carry, not even escaped (section 2.2, "Characters").
_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse(raw: bytes) -> dict[str, Any]:
    """Parse a request: attributes and children alike become keys, the root tag included.

    Raises: werkzeug.exceptions.BadRequest for what is not well formed, has a DTD or
    entities, or is nested deeper than any request of the API.
    """
    try:
        root = fromstring(raw, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise BadRequest("The body is not valid XML") from error
    value = _value_of(root, 1)
    return {_name(root): {} if value is None else value}


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _value_of(element: Element, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise BadRequest("The body is nested too deeply")
    name = _name(element)
    text = (element.text or "").strip()
    if name in _LISTS and not text:
        return [_value_of(child, depth + 1) for child in element]
    if len(element) or element.attrib:
        value: dict[str, Any] = {
            key.rpartition("}")[2]: item for key, item in element.attrib.items()
        }
        value.update((_name(child), _value_of(child, depth + 1)) for child in element)
        return value
    if not text:
        return {} if name in _OBJECTS else None
    if name in _INTEGERS and re.fullmatch("[+-]?[0-9]{1,18}", text):
        return int(text)
    return text


def render(document: dict[str, Any]) -> str:
    """Render ``{root: value}``; a list's ``…_links`` become ``<link>`` children of it."""
    (root_name, value), *rest = document.items()
    root = Element(root_name)
    _fill(root, value)
    for key, links in rest:
        target = root if key == f"{root_name}_links" else root.find(key.removesuffix("_links"))
        _add_links(root if target is None else target, links)
    return to_text(root)


def to_text(root: Element) -> str:
    """Return the element as indented text without a declaration."""
    indent(root)
    return tostring(root, encoding="unicode") + "\n"


def _fill(element: Element, value: Any) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            child = SubElement(element, key)
            if key == "links":
                _add_links(child, item)
            elif key.endswith("_at") and isinstance(item, str):
                child.text = xml_time(item)
            else:
                _fill(child, item)
    elif isinstance(value, list):
        name = SINGULARS.get(element.tag, element.tag.removesuffix("s"))
        for item in value:
            _fill(SubElement(element, name), item)
    else:
        element.text = clean(str(value))


def _add_links(element: Element, links: list[dict[str, str]]) -> None:
    for link in links:
        SubElement(element, "link", {key: clean(text) for key, text in link.items()})


def clean(text: str) -> str:
    """Replace the characters that XML cannot carry by U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", text)


def xml_time(value: str) -> str:
    """Turn RPC's ``2012-05-21T18:00:41.123456Z`` into ``2012-05-21 18:00:41.123456``."""
    return value.replace("T", " ").removesuffix("Z")
