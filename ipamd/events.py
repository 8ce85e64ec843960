"""The events ipamd publishes: one table, from which the docs are made.

Every payload is the resource as in RPC results, plus ``event_id``, ``sequence``,
``occurred_at``, ``request_id``, ``tenant_id`` and ``idempotency_key``.  What goes with
something else, as NAT associations and allowed IPs go with their address, has no event of
its own.
"""

from __future__ import annotations

from collections.abc import Mapping

ADDED = ("event_id", "sequence", "occurred_at", "request_id", "tenant_id", "idempotency_key")

EVENTS: Mapping[str, str] = {
    "ip_block.create": "A block or subnet was created; the payload is the block.",
    "ip_block.update": "A block was changed; the payload is the block as it is now.",
    "ip_block.delete": "A block was deleted, and with it every address inside; "
    "subnets are told of first, each in an event of its own.",
    "ip_block.full": "The last free address of a block was handed out: {id, cidr}.",
    "ip_block.utilization": "Of the addresses that a block can hand out, a percentage of "
    "[ipam] utilization_thresholds is held or in quarantine, and was not before: {id, cidr, "
    "threshold, size, reserved, allocated, quarantined, free}. One event for each threshold.",
    "ip_address.create": "An address was allocated; the payload is the address.",
    "ip_address.deallocate": "An address went into quarantine; the payload tells who held it.",
    "ip_address.restore": "An address came back out of quarantine.",
    "ip_address.delete": "An address became free: its quarantine was over, it was taken back "
    "for a full block, or it was released without quarantine.",
    "interface.create": "An interface was created, by a request of its own or on the fly; its "
    "addresses are cut short as those of interface.delete are.",
    "interface.delete": "An interface was deleted; the payload shows what it held: of more than "
    "1,000 addresses, or 1 MiB of them, the first ones, and in ip_addresses_left_out how many "
    "more.",
    "mac_address.create": "An interface got a MAC address: {id, address, interface_id}.",
    "mac_address.delete": "An interface's MAC address became free.",
    "policy.create": "A policy was created.",
    "policy.update": "A policy, one of its unusable ranges or octets was changed; the payload "
    "is the policy with its ranges and octets: of more than 1,000 the first ones, and in "
    "unusable_ip_ranges_left_out or unusable_ip_octets_left_out how many more.",
    "policy.delete": "A policy was deleted; blocks that had it have none.",
    "ip_route.create": "A static route was added to a block.",
    "ip_route.update": "A static route was changed.",
    "ip_route.delete": "A static route was removed.",
    "ip_nat.create": "An inside local address got an inside global one.",
    "ip_nat.delete": "A translation was removed. One that went with an address, freed or "
    "deleted with its block, has no event but theirs.",
    "allowed_ip.create": "An interface may use another address.",
    "allowed_ip.delete": "An interface may no longer use another address. A permission that "
    "went with the address or the interface has no event but theirs.",
    "network.create": "A network was created.",
    "network.update": "A network was changed.",
    "network.delete": "A network was deleted, and with it its ports, which are told of first.",
    "port.create": "A port was created.",
    "port.update": "A port's state, attachment or extra keys were changed.",
    "port.delete": "A port was deleted.",
}
"""What each event means, by its type."""

ERROR_SUFFIX = ".error"
"""A cast that failed is told of as ``<noun>.<verb>.error``, priority ERROR."""


def is_known(event_type: str) -> bool:
    """Tell whether events of this type may be published."""
    return event_type in EVENTS or event_type.endswith(ERROR_SUFFIX)
