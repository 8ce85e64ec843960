"""The metrics, of the facade and of the workers."""

from __future__ import annotations

from collections.abc import Iterator

from ipamd.metrics.table import METRICS, Metric
from reference_pages.markdown import NOTE, page, table

_SUFFIXES = {"counter": "_total", "histogram": "_bucket", "gauge": ""}


def metrics() -> str:
    """List the metrics with type, labels and meaning."""
    parts = [
        "# Metrics",
        NOTE,
        (
            "In Prometheus's text format, or OpenMetrics where that is asked for.  A histogram "
            "also has `_sum` and `_count` in place of `_bucket`.  `ipamd-api` and `ipamd-all` "
            "tell theirs at `/metrics` (`[api] metrics_allow`), `ipamd-worker` at `[worker] "
            "metrics_bind`; `ipamd-all`, which is both, tells all of them."
        ),
        (
            "No label is a tenant or an address.  A method, an error's code and an event's type "
            "are one of the [methods](rpc-methods.md), [codes](errors.md) and "
            "[types](events.md).  How to use them: [monitoring](../how_to/monitoring.md)."
        ),
        "## The facade",
        _rows("facade"),
        "## Workers",
        _rows("worker"),
        (
            "A worker also tells `process_*` and `python_*`, as every program with "
            "prometheus_client does."
        ),
        *_buckets(),
    ]
    return page(parts)


def _rows(source: str) -> str:
    rows = [
        (
            f"`{each.name}{_SUFFIXES[each.kind]}`",
            each.kind,
            ", ".join(f"`{label}`" for label in each.labels),
            each.help,
        )
        for each in METRICS
        if each.source == source
    ]
    return table(("metric", "type", "labels", "meaning"), rows)


def _buckets() -> Iterator[str]:
    yield "## Buckets"
    alike: dict[tuple[float, ...], list[Metric]] = {}
    for each in METRICS:
        if each.buckets:
            alike.setdefault(each.buckets, []).append(each)
    for bounds, found in alike.items():
        names = ", ".join(f"`{each.name}`" for each in found)
        yield f"{names}: {', '.join(f'{bound:g}' for bound in bounds)}."
