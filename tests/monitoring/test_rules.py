"""The alerts and the dashboard: Prometheus reads them, and they ask for what there is."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ipamd import errors
from ipamd.metrics.table import METRICS
from ipamd.rpc.methods import METHODS

ETC = Path(__file__).parents[2] / "etc"
RULES = ETC / "prometheus" / "ipamd.rules.yml"
CASES = ETC / "prometheus" / "ipamd.rules.test.yml"
DASHBOARD = ETC / "grafana" / "ipamd.json"

# Names of series, and the labels that they have besides those of every scrape.
SERIES: dict[str, set[str]] = {
    "up": set(),
    "process_cpu_seconds_total": set(),
    "process_resident_memory_bytes": set(),
}
for _metric in METRICS:
    _labels = set(_metric.labels)
    if _metric.kind == "histogram":
        SERIES[f"{_metric.name}_bucket"] = {*_labels, "le"}
        SERIES |= {f"{_metric.name}_{part}": _labels for part in ("sum", "count")}
    else:
        SERIES[_metric.name + ("_total" if _metric.kind == "counter" else "")] = _labels
SCRAPED = {"job", "instance"}

_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})")
_WORD = re.compile(r"\b(?:ipamd|process)_\w+|\bup\b")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
_BY = re.compile(r"\bby\s*\(([^)]*)\)")


def problems(expression: str) -> list[str]:
    """Say which series and labels a query asks for that there are none of."""
    names = set(_WORD.findall(re.sub(r'"[^"]*"', '""', expression)))
    found = [f"no series {name}" for name in sorted(names - set(SERIES))]
    if not names:
        found.append("asks for nothing")
    for name, matchers in _SELECTOR.findall(expression):
        for label, value in _MATCHER.findall(matchers):
            if label not in SERIES.get(name, set()) | SCRAPED:
                found.append(f"{name} has no label {label}")
            found += _unknown_values(label, value)
    labels = set().union(*(SERIES.get(name, set()) for name in names)) | SCRAPED
    grouped = {label.strip() for group in _BY.findall(expression) for label in group.split(",")}
    return found + [f"no label {label} to group by" for label in sorted(grouped - labels)]


def _unknown_values(label: str, value: str) -> list[str]:
    known = {
        "outcome": {"ok", *(cls.code for cls in errors.all_errors())},
        "method": set(METHODS),
    }.get(label)
    if known is None:
        return []
    patterns = value.split("|")
    return [
        f"{label} is never {each}"
        for each in patterns
        if not any(re.fullmatch(each, name) for name in known)
    ]


def panels() -> Iterator[dict[str, Any]]:
    """Yield the panels of the dashboard that show something."""
    yield from (p for p in json.loads(DASHBOARD.read_text())["panels"] if p["type"] != "row")


def queries() -> list[tuple[str, str]]:
    """Return the queries of the dashboard, each with its panel's title."""
    return [(panel["title"], t["expr"]) for panel in panels() for t in panel["targets"]]


def alerts() -> list[dict[str, Any]]:
    """Return the alerts."""
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return list(group["rules"])


@pytest.mark.parametrize(("title", "expression"), queries())
def test_a_query_of_the_dashboard_asks_for_what_there_is(title: str, expression: str) -> None:
    assert problems(expression) == [], title


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_what_there_is(alert: dict[str, Any]) -> None:
    assert problems(alert["expr"]) == []


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("ipamd_nothing", "no series ipamd_nothing"),
        ('ipamd_requests_total{tenant="t"}', "ipamd_requests_total has no label tenant"),
        ('ipamd_requests_total{outcome="bad"}', "outcome is never bad"),
        ("sum by (api) (ipamd_requests_total)", "no label api to group by"),
        ("vector(1)", "asks for nothing"),
    ],
)
def test_a_query_for_what_there_is_not_is_noticed(expression: str, problem: str) -> None:
    assert problems(expression) == [problem]


def test_every_metric_of_the_table_is_in_the_dashboard() -> None:
    text = " ".join(expression for _, expression in queries())
    assert [metric.name for metric in METRICS if metric.name not in text] == []


def test_panels_are_told_apart_and_do_not_overlap() -> None:
    shown = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in shown}) == len(shown)
    cells = [
        (x, y)
        for panel in shown
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def run(promtool: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool."""
    command = [promtool, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_prometheus_reads_the_rules(promtool: Path) -> None:
    done = run(promtool, "check", "rules", "--lint-fatal", RULES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(alerts())} rules found" in done.stdout


def test_alerts_fire_when_they_should(promtool: Path) -> None:
    done = run(promtool, "test", "rules", CASES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    cases = [
        case
        for test in yaml.safe_load(CASES.read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    fire = {case["alertname"] for case in cases if case["exp_alerts"]}
    assert fire == {alert["alert"] for alert in alerts()}


def test_a_rule_that_is_off_fails_its_case(promtool: Path, tmp_path: Path) -> None:
    text = RULES.read_text()
    assert text.count(">= 0.95") == 1
    (tmp_path / RULES.name).write_text(text.replace(">= 0.95", ">= 0.97"))
    cases = tmp_path / CASES.name
    cases.write_text(CASES.read_text())
    assert run(promtool, "test", "rules", cases).returncode != 0


def test_prometheus_understands_the_queries_of_the_dashboard(
    promtool: Path, tmp_path: Path
) -> None:
    rules = [
        {"record": f"query:{number}", "expr": _filled_in(expression)}
        for number, (_, expression) in enumerate(queries())
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = run(promtool, "check", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def _filled_in(expression: str) -> str:
    """Put in what Grafana would."""
    return (
        expression.replace("$__rate_interval", "5m")
        .replace("$job", ".*")
        .replace("$instance", ".*")
    )
