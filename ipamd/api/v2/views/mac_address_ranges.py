"""MAC address ranges, which interfaces without a MAC address get theirs from."""

from __future__ import annotations

from ipamd.api.v2.calls import Answer, Api, Resource
from ipamd.api.v2.nouns import MAC_ADDRESS_RANGE


def create_mac_address_range(api: Api, body: Resource) -> Answer:
    """Create a range."""
    wanted = body["mac_address_range"]
    made = api.write("create_mac_address_range", mac_address_range=wanted)
    return Answer({"mac_address_range": made}, MAC_ADDRESS_RANGE.location(made["id"]))


def delete_mac_address_range(api: Api, mac_address_range_id: str) -> Answer:
    """Delete a range; MAC addresses that came from it stay with their interfaces."""
    api.write("delete_mac_address_range", mac_address_range_id=mac_address_range_id)
    return Answer()
