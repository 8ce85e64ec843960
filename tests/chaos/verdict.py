"""The books, the events and the store compared; every disagreement is a finding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.chaos.ledger import Asked, Holding, Ledger
from tests.chaos.replica import HELD, Contents, Replica, differences

Event = Mapping[str, Any]
# How often the failure of a cast was reported, by its key.
Failures = Mapping[str, int]

# The event that each address gets by a method, told with the key of the request.
EFFECTS = {
    "allocate_ip_address": "ip_address.create",
    "allocate_ip_addresses": "ip_address.create",
    "allocate_network_ips": "ip_address.create",
    "create_interface": "ip_address.create",
    "replace_instance_interfaces": "ip_address.create",
    "deallocate_ip_address": "ip_address.deallocate",
    "deallocate_network_ips": "ip_address.deallocate",
    "delete_interface": "ip_address.deallocate",
    "restore_ip_address": "ip_address.restore",
}


@dataclass
class Findings:
    """What is wrong; all lists are empty after a good run."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    events_missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(vars(self).values())

    def __str__(self) -> str:
        lines = []
        for name, found in vars(self).items():
            lines.append(f"{name} = {len(found)}")
            lines += [f"  {text}" for text in found[:20]]
        return "\n".join(lines)


def judge(ledger: Ledger, events: Sequence[Event], journal: set[str], store: Contents) -> Findings:
    """Compare what clients were told, what the events tell, and what the store holds.

    ``journal`` holds the ids of all events that were committed.
    """
    findings = Findings(wrong=list(ledger.contradictions))
    _judge_events(findings, events, journal, store)
    effects, failures = _by_key(events)
    for asked in ledger.requests:
        _judge_request(findings, asked, effects.get(asked.key, []), failures.get(asked.key, 0))
    _judge_singles(findings, ledger, events)
    findings.doubled += _held_twice(ledger.holdings)
    _judge_store(findings, ledger, failures, store)
    return findings


def _judge_events(
    findings: Findings, events: Sequence[Event], journal: set[str], store: Contents
) -> None:
    heard = {event["event_id"] for event in events}
    findings.events_missing += [f"event {name} was never heard" for name in journal - heard]
    findings.wrong += [f"event {name} was never committed" for name in heard - journal]
    replica = Replica()
    replica.replay(events)
    findings.wrong += differences(replica, store)


def _by_key(events: Iterable[Event]) -> tuple[dict[str, list[Event]], dict[str, int]]:
    effects: dict[str, list[Event]] = defaultdict(list)
    failures: dict[str, int] = defaultdict(int)
    for event in events:
        key = event.get("idempotency_key")
        if key is None:
            continue
        if event["event_type"].endswith(".error"):
            failures[key] += 1
        elif event["event_type"] in EFFECTS.values():
            effects[key].append(event)
    return effects, failures


def _judge_request(
    findings: Findings, asked: Asked, effects: Sequence[Event], failures: int
) -> None:
    if asked.is_single:
        return
    done = [event["id"] for event in effects if event["event_type"] == EFFECTS[asked.method]]
    if len(set(done)) < len(done):
        findings.doubled.append(f"{asked}: {len(done)} effects on {len(set(done))} addresses")
    if asked.is_cast:
        _judge_cast(findings, asked, done, failures)
        return
    if asked.answer is None:
        findings.lost.append(f"{asked}: never answered ({asked.trouble})")
        return
    if failures:
        findings.wrong.append(f"{asked}: a call, and reported as a failed cast")
    if asked.answer.refusal is not None:
        if effects:
            findings.leaked.append(f"{asked}: refused with {asked.answer.refusal}, and done")
        return
    told = _told_addresses(asked)
    if told is None:
        if not done and asked.method in ("deallocate_ip_address", "restore_ip_address"):
            findings.lost.append(f"{asked}: acknowledged, and not done")
        return
    findings.lost += [f"{asked}: {name} is in no event" for name in told - set(done)]
    findings.doubled += [f"{asked}: {name} was made too" for name in set(done) - told]


def _judge_cast(findings: Findings, asked: Asked, done: Sequence[str], failures: int) -> None:
    if asked.trouble == "never accepted":
        findings.lost.append(f"{asked}: the broker never took it")
    elif not done and not failures:
        findings.lost.append(f"{asked}: neither done nor reported")
    elif len(done) > 1:
        findings.doubled.append(f"{asked}: done {len(done)} times")
    elif done and failures:
        findings.wrong.append(f"{asked}: done, and reported as failed")


def _told_addresses(asked: Asked) -> set[str] | None:
    """Return the ids of the addresses that an answer grants; None where it grants none."""
    assert asked.answer is not None
    result = asked.answer.result
    match asked.method:
        case "allocate_ip_address":
            return {result["id"]}
        case "allocate_ip_addresses" | "allocate_network_ips" | "create_interface":
            return {address["id"] for address in result["ip_addresses"]}
        case "replace_instance_interfaces":
            return {
                address["id"] for made in result["interfaces"] for address in made["ip_addresses"]
            }
    return None


def _judge_singles(findings: Findings, ledger: Ledger, events: Iterable[Event]) -> None:
    """Judge requests without a key: their interfaces have names of their own."""
    made: dict[str, int] = defaultdict(int)
    for event in events:
        if event["event_type"] == "ip_address.create":
            made[event["interface_id"]] += 1
    for asked in ledger.requests:
        if not asked.is_single:
            continue
        times = made[asked.args["ip_address"]["interface_id"]]
        if times > 1:
            findings.doubled.append(f"{asked}: done {times} times")
        elif asked.answer is not None and asked.answer.refusal is None and not times:
            findings.lost.append(f"{asked}: acknowledged, and not done")
        elif asked.answer is not None and asked.answer.refusal is not None and times:
            findings.leaked.append(f"{asked}: refused with {asked.answer.refusal}, and done")


def _held_twice(holdings: Iterable[Holding]) -> Iterator[str]:
    places: dict[tuple[str, str], list[Holding]] = defaultdict(list)
    for holding in holdings:
        places[holding.block_id, holding.address].append(holding)
    for (_, address), spans in places.items():
        spans.sort(key=lambda span: span.since)
        for before, after in pairwise(spans):
            if before.until is None or before.until > after.since:
                yield f"{address} held by {before.interface_id} and {after.interface_id} at once"


def _judge_store(findings: Findings, ledger: Ledger, failures: Failures, store: Contents) -> None:
    acknowledged = {holding.address_id: holding for holding in ledger.holdings}
    refused = {
        (asked.args["ip_block_id"], asked.args["address"])
        for asked in ledger.requests
        if asked.is_cast and failures.get(asked.key) and "address" in asked.args
    }
    for address_id, holding in acknowledged.items():
        row = store.addresses.get(address_id)
        held = row is not None and row.state == HELD
        is_theirs = held and row is not None and row.interface_id == holding.interface_id
        if holding.until is None and not is_theirs:
            findings.lost.append(f"{holding.address} of {holding.interface_id}: store has {row}")
        elif holding.is_released and held and (holding.block_id, holding.address) not in refused:
            findings.leaked.append(f"{holding.address} was released, and the store has {row}")
    # Clients that were not told, or did not want to know, have interfaces of their own.
    untold = {
        asked.args["ip_address"]["interface_id"]
        for asked in ledger.requests
        if (asked.is_cast or asked.is_single) and "ip_address" in asked.args
    }
    for address_id, row in store.addresses.items():
        if row.state == HELD and address_id not in acknowledged and row.interface_id not in untold:
            findings.leaked.append(f"nobody was told of {row}")
