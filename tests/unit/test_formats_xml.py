"""XML in: objects, lists, nothing dangerous. XML out: Melange's spelling."""

from __future__ import annotations

from typing import Any

import pytest
from defusedxml import ElementTree
from werkzeug.exceptions import BadRequest

from ipamd.api import xml


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<ip_block><cidr>10.0.0.0/8</cidr></ip_block>", {"ip_block": {"cidr": "10.0.0.0/8"}}),
        ('<ip_block dns2="9.9.9.8"/>', {"ip_block": {"dns2": "9.9.9.8"}}),
        ("<ip_route/>", {"ip_route": {}}),
        ("<ip_block>x</ip_block>", {"ip_block": "x"}),
        ('<subnet xmlns="urn:x"><cidr> a </cidr></subnet>', {"subnet": {"cidr": "a"}}),
        ("<ip_block><gateway/></ip_block>", {"ip_block": {"gateway": None}}),
        ("<ip_range><offset>-3</offset></ip_range>", {"ip_range": {"offset": -3}}),
        ("<ip_range><offset>x</offset></ip_range>", {"ip_range": {"offset": "x"}}),
        (
            """<instance><interfaces><interface/><interface><mac_address>m</mac_address>
            <network><id>n</id><addresses><address>a</address></addresses></network>
            </interface></interfaces></instance>""",
            {
                "instance": {
                    "interfaces": [
                        {},
                        {"mac_address": "m", "network": {"id": "n", "addresses": ["a"]}},
                    ]
                }
            },
        ),
        (
            """<ip_addresses><ip_address><ip_block_id>b</ip_block_id>
            <ip_address>a</ip_address></ip_address></ip_addresses>""",
            {"ip_addresses": [{"ip_block_id": "b", "ip_address": "a"}]},
        ),
    ],
)
def test_requests_become_dictionaries(text: str, expected: dict[str, Any]) -> None:
    assert xml.parse(text.encode()) == expected


LAUGHS = """<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><ip_block>&b;</ip_block>"""


@pytest.mark.parametrize(
    "text",
    [
        "<ip_block><cidr>",
        "<ip_block",
        "<a/><b/>",
        LAUGHS,
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        '<?xml version="1.0" encoding="no-such-code"?><a/>',
        "<a>" * 5000 + "</a>" * 5000,
    ],
)
def test_broken_and_hostile_documents_are_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        xml.parse(text.encode())


def test_answers_are_spelled_as_melange_spelled_them() -> None:
    block: dict[str, Any] = {
        "gateway": None,
        "created_at": "2012-05-21T18:00:41.123456Z",
        "ip_routes": [],
    }
    text = xml.render({"ip_addresses": [{"version": 4, "ip_block": block}]})
    assert text == (
        "<ip_addresses>\n"
        "  <ip_address>\n"
        "    <version>4</version>\n"
        "    <ip_block>\n"
        "      <gateway>None</gateway>\n"
        "      <created_at>2012-05-21 18:00:41.123456</created_at>\n"
        "      <ip_routes />\n"
        "    </ip_block>\n"
        "  </ip_address>\n"
        "</ip_addresses>\n"
    )


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("policies", "policy"),
        ("ip_blocks", "ip_block"),
        ("ip_addresses", "ip_address"),
        ("interfaces", "interface"),
        ("mac_address_ranges", "mac_address_range"),
    ],
)
def test_items_carry_the_singular(plural: str, singular: str) -> None:
    root = ElementTree.fromstring(xml.render({plural: [{"id": "x"}]}))
    assert [child.tag for child in root] == [singular]


def test_links_become_link_elements_of_their_list() -> None:
    link = {"rel": "next", "href": "http://h/?a=1&b=2"}
    root = ElementTree.fromstring(xml.render({"policies": [], "policies_links": [link]}))
    assert [(child.tag, child.attrib) for child in root] == [("link", link)]

    document = {"instance": {"interfaces": []}, "interfaces_links": [link]}
    inner = ElementTree.fromstring(xml.render(document)).find("interfaces/link")
    assert inner is not None
    assert inner.attrib == link


def test_unprintable_characters_are_replaced_and_the_rest_escaped() -> None:
    text = xml.render({"policy": {"name": "<ä ☃ & \x00\x1b\ufffe>"}})
    assert ElementTree.fromstring(text).findtext("name") == "<ä ☃ & \ufffd\ufffd\ufffd>"
