"""The feed of events over HTTP: pages, and a stream that goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ipamd.api import event_stream
from tests.api.v2_client import HEADER, V2

SSE = {"Accept": "text/event-stream", HEADER: "ipam 2.3"}


def opened(v2: V2, path: str = "", **headers: str) -> TestResponse:
    """Open a stream; a client that checks answers would wait for its end."""
    client = FlaskClient(v2.client.application)
    return client.get(f"/v2/events?tenant_id={v2.tenant}{path}", headers={**SSE, **headers})


def messages(answer: TestResponse) -> Iterator[dict[str, str]]:
    """Yield what a stream says, each message as its fields."""
    for text in answer.iter_encoded():
        yield dict(line.split(": ", 1) for line in text.decode().strip().splitlines())


def test_2_3_adds_the_feed_of_events(v2: V2) -> None:
    v2.ask("GET", "/events", None, 404, OpenStack_API_Version="ipam 2.2")
    assert v2.ask("GET", "/events?marker=now", OpenStack_API_Version="ipam 2.3")["events"] == []


def test_pages_of_the_feed(v2: V2) -> None:
    start = v2.get("/events?marker=now")["next_marker"]
    block = v2.block()
    v2.allocate(block, interface_id=f"vif-{v2.tenant}")
    found = v2.get(f"/events?tenant_id={v2.tenant}&limit=2")
    types = [event["event_type"] for event in found["events"]]
    assert types == ["ip_block.create", "interface.create"]
    assert found["events"][0]["payload"]["id"] == block["id"]
    assert not found["is_last"]
    assert found["links"][1]["rel"] == "next"
    rest = v2.get(f"/events?tenant_id={v2.tenant}&marker={found['next_marker']}")
    assert [event["event_type"] for event in rest["events"]] == ["ip_address.create"]
    assert rest["is_last"]
    assert [link["rel"] for link in rest["links"]] == ["self"]
    query = f"tenant_id={v2.tenant}&marker={start}&event_type=ip_block.*,policy.create"
    some = v2.get(f"/events?{query}&event_type=interface.create")
    assert [event["event_type"] for event in some["events"]] == types


@pytest.mark.parametrize("query", ["marker=soon", "since=soon", "event_type=x.y", "colour=red"])
def test_what_is_refused(v2: V2, query: str) -> None:
    error = v2.refused("GET", f"/events?{query}", None, 400)
    assert error["code"] == "ipam.invalid_values"


def test_a_stream_goes_on(v2: V2) -> None:
    v2.block()
    answer = opened(v2)
    assert answer.status_code == 200
    assert answer.content_type == "text/event-stream; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers[HEADER] == "ipam 2.3"
    said = messages(answer)
    assert next(said) == {"retry": "1000"}
    # What was before it began is not told.
    first = next(said)
    assert set(first) == {"id"}
    block = v2.block("10.1.0.0/24")
    told = next(message for message in said if "data" in message)
    assert told["event"] == "ip_block.create"
    assert json.loads(told["data"])["id"] == block["id"]
    answer.close()
    # Who reconnects goes on where it was.
    v2.block("10.2.0.0/24")
    again = opened(v2, **{"Last-Event-ID": first["id"]})
    cidrs = [
        json.loads(message["data"])["cidr"]
        for message, _ in zip(messages(again), range(3), strict=False)
        if "data" in message
    ]
    assert cidrs == ["10.1.0.0/24", "10.2.0.0/24"]
    again.close()


def test_a_stream_from_a_time_on_tells_the_past(v2: V2) -> None:
    block = v2.block()
    answer = opened(v2, f"&since={block['created_at']}")
    told = next(message for message in messages(answer) if "data" in message)
    assert json.loads(told["data"])["id"] == block["id"]
    answer.close()


def test_streams_are_limited_and_given_back(v2: V2, monkeypatch: Any) -> None:
    streams = event_stream.Streams(2)
    monkeypatch.setitem(v2.client.application.extensions, event_stream.EXTENSION, streams)
    streams.take()
    first = opened(v2)
    assert first.status_code == 200
    refused = opened(v2)
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]
    assert "2 streams" in refused.get_json()["errors"][0]["detail"]
    first.close()
    # What is refused before it begins takes no place.
    assert opened(v2, "&marker=soon").status_code == 400
    second = opened(v2)
    assert second.status_code == 200
    second.close()


def test_streams_end_when_the_server_stops(v2: V2, monkeypatch: Any) -> None:
    streams = event_stream.Streams(1)
    monkeypatch.setitem(v2.client.application.extensions, event_stream.EXTENSION, streams)
    answer = opened(v2)
    said = messages(answer)
    assert next(said) == {"retry": "1000"}
    assert set(next(said)) == {"id"}
    streams.is_stopping = lambda: True
    assert list(said) == []
    answer.close()
