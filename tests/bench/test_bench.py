"""The benchmark measures: everything once, in small."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench.figures import Results, Target, in_turns
from bench.stores import Servers, Store, opened


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_all_groups_measure(
    rabbitmq_url: str, rabbitmq_management_url: str, postgresql_url: str, tmp_path: Path
) -> None:
    urls = {"rabbitmq": rabbitmq_url, "postgresql": postgresql_url}
    servers = Servers(urls, rabbitmq_management_url, tmp_path)
    output = tmp_path / "results"
    assert bench.main(["--smoke", "--no-plots", "--output", str(output)], servers) == 0
    found = json.loads((output / "results.json").read_text())["figures"]
    assert {figure["group"] for figure in found} == set(bench.GROUPS)
    assert all(figure["median"] > 0 for figure in found)
    ratios = [figure for figure in found if figure["target"]]
    assert len(ratios) > 10
    page = (output / "results.md").read_text()
    assert all(figure["name"] in page for figure in found)


def test_a_store_that_is_not_in_order_fails_the_run(tmp_path: Path) -> None:
    servers = Servers({}, "", tmp_path)
    with servers.database("sqlite") as url, ExitStack() as stack:
        store = stack.enter_context(opened(url))
        store.allocate(store.block("10.0.0.0/24"), "vif-1")
        with store.db.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM ip_addresses")
        with pytest.raises(RuntimeError, match="not in order"):
            stack.close()


def test_a_failing_round_is_no_figure(tmp_path: Path) -> None:
    servers = Servers({}, "", tmp_path)
    with servers.database("sqlite") as url:
        store = Store(url)
        with pytest.raises(Exception, match="IpBlock Not Found"):
            store.allocate("no such block", "vif-1")
        store.db.close()


def test_sides_take_turns_and_ratios_are_those_of_neighbours() -> None:
    order: list[str] = []
    times = iter([2.0, 4.0, 6.0, 3.0])

    def measure(side: str) -> dict[str, float]:
        order.append(side)
        return {"rate": next(times)}

    found = in_turns(2, {"a": lambda: measure("a"), "b": lambda: measure("b")})
    assert order == ["a", "b", "b", "a"]
    assert found == {"a": {"rate": [2.0, 3.0]}, "b": {"rate": [4.0, 6.0]}}
    results = Results()
    ratio = results.ratio("g", "a / b", [2.0, 3.0], [4.0, 6.0], Target(">=", 0.6))
    assert ratio.median == 0.5
    assert ratio.met is False
    assert results.missed == [ratio]
    assert results.ratio("g", "a / b", [2.0], [4.0], Target("<=", 0.6)).met is True
