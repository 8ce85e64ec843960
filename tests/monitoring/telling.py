"""A facade on a store of this process, and what it tells Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from ipamd.api.app import create_app
from ipamd.metrics.exposition import Exposed
from ipamd.metrics.worker import WorkerTelemetry
from ipamd.rpc.client import DirectCaller


def facade_of(telemetry: WorkerTelemetry) -> FlaskClient:
    """Build the facade as ``ipamd-all`` does, and return a client of it."""
    manager = telemetry.observed(telemetry.manager(), logs=False)
    exposed = Exposed.of(telemetry.registry)
    return create_app(telemetry.conf, DirectCaller(manager), exposed).test_client()


def samples_in(text: str) -> Iterator[Sample]:
    """Yield the samples of an exposition, ipamd's own."""
    for family in text_string_to_metric_families(text):
        if family.name.startswith("ipamd_"):
            yield from family.samples


def told_by(client: FlaskClient) -> Iterator[Sample]:
    """Yield what a facade tells."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    yield from samples_in(answer.get_data(as_text=True))


def total(text: str, name: str, **labels: str) -> float:
    """Add up the samples of a name whose labels include these."""
    wanted = labels.items()
    return sum(s.value for s in samples_in(text) if s.name == name and s.labels.items() >= wanted)
