"""The table of metrics: its names, its labels, and that it is what is told."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from oslo_config import cfg
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from ipamd import config, errors, events
from ipamd.context import RequestContext
from ipamd.db import schema
from ipamd.db.database import Database
from ipamd.db.outbox import OutboxEvent
from ipamd.metrics import sampled
from ipamd.metrics.exposition import MetricsServer, parse_bind
from ipamd.metrics.table import METRICS, Metric
from ipamd.metrics.worker import WorkerTelemetry
from ipamd.rpc.methods import METHODS
from ipamd.rpc.notifications import JournalOnly
from ipamd.rpc.transport import register_opts
from tests.monitoring.telling import facade_of, told_by

# Everything that may be a label; none is a tenant or an address.
LABELS = {
    "api", "verb", "status", "method", "outcome", "version", "cause", "event_type",
    "ip_block_id", "cidr",
}  # fmt: skip


@pytest.fixture
def telemetry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerTelemetry]:
    """The metrics of a store on SQLite, and of an intake that has no broker."""
    # What is read of the store is told by the first scrape, on a busy machine too.
    monkeypatch.setattr(sampled, "_PATIENCE", 60)
    conf = config.load(["--config-file", os.devnull])
    register_opts(conf)
    conf.set_override("state_path", str(tmp_path))
    conf.set_override("transport_url", "rabbit://127.0.0.1:1//")
    db = Database(conf)
    schema.upgrade(db)
    telemetry = WorkerTelemetry(db)
    telemetry.start(telemetry.intake(conf, telemetry.manager()))
    yield telemetry
    telemetry.stop()
    db.close()


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_named_and_described_as_prometheus_wants_it(metric: Metric) -> None:
    assert metric.name.startswith("ipamd_")
    assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket"))
    assert metric.help.endswith(".")
    assert set(metric.labels) <= LABELS
    assert (metric.kind == "histogram") == bool(metric.buckets)
    assert list(metric.buckets) == sorted(set(metric.buckets))


def test_what_is_told_is_the_table_and_nothing_else(
    telemetry: WorkerTelemetry, promtool: Path
) -> None:
    client = facade_of(telemetry)
    tenant = "/v0.1/ipam/tenants/demo"
    body = {"ip_block": {"cidr": "10.0.0.0/29", "type": "private"}}
    block = client.post(f"{tenant}/ip_blocks", json=body).get_json()["ip_block"]["id"]
    assert client.post(f"{tenant}/ip_blocks/{block}/ip_addresses", json={}).status_code == 201
    telemetry.db.on_retry(errors.Busy())
    sender = telemetry.observed_sender(JournalOnly())
    event = OutboxEvent(1, "e", "ip_block.create", "INFO", "{}")
    sender.send([event], lambda _event: None, lambda: False)
    text = client.get("/metrics").get_data(as_text=True)
    own = {
        family.name: family
        for family in text_string_to_metric_families(text)
        if not family.name.startswith(("process_", "python_"))
    }
    assert {name: family.type for name, family in own.items()} == {
        metric.name: metric.kind for metric in METRICS
    }
    for metric in METRICS:
        family = own[metric.name]
        assert family.documentation == metric.help
        assert family.samples, metric.name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_callers_choose_no_label(telemetry: WorkerTelemetry) -> None:
    client = facade_of(telemetry)
    for number in range(20):
        client.open(f"/{number}/x", method=f"VERB{number}")
        client.get(f"/v0.1/ipam/tenants/t{number}/ip_blocks")
        client.get(f"/v0.1/ipam/tenants/t{number}/ip_blocks/b{number}")
    before = len(list(told_by(client)))
    for number in range(20, 60):
        client.open(f"/{number}/x", method=f"VERB{number}")
        client.get(f"/v0.1/ipam/tenants/t{number}/ip_blocks")
        client.get(f"/v0.1/ipam/tenants/t{number}/ip_blocks/b{number}")
    manager = telemetry.observed(telemetry.manager(), logs=False)
    for number in range(20):
        with pytest.raises(errors.UnknownMethod):
            manager.call(RequestContext(), f"method{number}", {})
    # The requests for /metrics, and one method that does not exist with its buckets.
    assert len(list(told_by(client))) - before < 40
    methods = {s.labels["method"] for s in told_by(client) if "method" in s.labels}
    assert methods <= {*METHODS, "unknown"}


def test_outcomes_are_codes_of_errors(telemetry: WorkerTelemetry) -> None:
    client = facade_of(telemetry)
    client.get("/v0.1/ipam/tenants/demo/ip_blocks/none")
    client.get("/v0.1/ipam/tenants/demo/ip_blocks")
    found = {
        (s.labels["method"], s.labels["outcome"]): s.value
        for s in told_by(client)
        if s.name == "ipamd_requests_total"
    }
    assert found == {("get_ip_block", "ip_block_not_found"): 1, ("list_ip_blocks", "ok"): 1}
    known = {cls.code for cls in errors.all_errors()}
    assert {outcome for _, outcome in found} <= {*known, "ok"}


def test_the_types_of_events_are_a_bounded_label() -> None:
    assert "error" not in events.EVENTS
    assert len(events.EVENTS) < 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9899", ("127.0.0.1", 9899)),
        ("[::1]:1", ("::1", 1)),
        ("host.example:65535", ("host.example", 65535)),
    ],
)
def test_where_to_listen_is_host_and_port(text: str, expected: tuple[str, int]) -> None:
    assert parse_bind(text) == expected


@pytest.mark.parametrize("text", ["", "9899", ":9899", "h:", "h:x", "h:65536", "h:²", "h:-1"])
def test_what_is_not_host_and_port_is_refused(text: str) -> None:
    with pytest.raises(cfg.Error, match="metrics_bind"):
        parse_bind(text)


def test_a_port_that_is_taken_is_a_sentence() -> None:
    first = MetricsServer("127.0.0.1:0", CollectorRegistry())
    try:
        with pytest.raises(cfg.Error, match=rf"metrics_bind = 127.0.0.1:{first.port}: \w"):
            MetricsServer(f"127.0.0.1:{first.port}", CollectorRegistry())
    finally:
        first.stop()


def test_who_may_read_them(telemetry: WorkerTelemetry) -> None:
    telemetry.conf.set_override("metrics_allow", ["::1", "10.0.0.0/8"], group="api")
    client: FlaskClient = facade_of(telemetry)

    def status(address: str, **headers: str) -> int:
        environ = {"REMOTE_ADDR": address}
        return client.get("/metrics", headers=headers, environ_overrides=environ).status_code

    assert status("10.1.2.3") == 200
    assert status("::ffff:10.1.2.3") == 200
    assert status("::1") == 200
    assert status("127.0.0.1") == 403
    assert status("10.1.2.3", **{"X-Forwarded-For": "10.1.2.3"}) == 403
    assert status("11.0.0.1") == 403


def test_networks_that_are_none_are_refused_at_the_start(telemetry: WorkerTelemetry) -> None:
    telemetry.conf.set_override("metrics_allow", ["10.0.0.1/8"], group="api")
    with pytest.raises(cfg.Error, match="metrics_allow"):
        facade_of(telemetry)


def test_openmetrics_is_told_to_who_asks_for_it(telemetry: WorkerTelemetry) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = facade_of(telemetry).get("/metrics", headers=accept)
    assert answer.content_type.startswith("application/openmetrics-text")
    assert answer.get_data(as_text=True).endswith("# EOF\n")
