"""A goal is reached by the median of the rounds' ratios, and a page and a table say so."""

from typing import Any

import pytest

from bench import goals, page
from bench.goals import Goal
from bench.play import Measured
from bench.report import figure, percentile, table


@pytest.mark.parametrize(
    ("value", "more", "outcome"),
    [
        (8.0, True, "bound"),
        (7.9, True, "missed"),
        (15.0, True, "aim"),
        (8.0, False, "aim"),
        (15.1, False, "missed"),
        (15.0, False, "bound"),
    ],
)
def test_a_goal_has_a_bound_and_an_aim(value: float, more: bool, outcome: str) -> None:  # noqa: FBT001
    bound, aim = (8, 15) if more else (15, 8)

    reached = Goal("a ratio", bound, aim, lambda _: [value], more=more).reached({})

    assert reached["outcome"] == outcome


def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds() -> None:
    kept = a_run(town=[100.0, 900.0, 300.0], monolith=[10.0, 30.0, 30.0])

    reached = next(one for one in goals.reached(kept) if one["goal"].startswith("complete per s"))

    assert (reached["value"], reached["lowest"], reached["highest"]) == (10.0, 10.0, 30.0)


def test_a_percentile_is_the_value_that_so_many_do_not_exceed() -> None:
    hundred = [float(n) for n in range(1, 101)]

    assert [percentile(hundred, share) for share in (50, 99, 99.9)] == [50.0, 99.0, 100.0]
    assert percentile([7.0], 50) == 7.0


def test_the_cpu_of_a_request_leaves_out_the_driver() -> None:
    one = Measured("town", "start", 32, rates=[1.0], latencies_s=[0.5], requests=2)
    one.cpu_s = {"gateway": 1e-3, "postgres": 3e-3, "driver": 9e-3}

    assert figure(one)["cpu_us"] == 2000.0
    assert figure(one)["cpu_us_by_process"]["driver"] == 4500.0


def test_rates_are_of_wrk_where_it_was_found_and_latencies_never() -> None:
    kept = a_run(town=[100.0], monolith=[10.0])
    by_wrk = Measured("town", "complete", 32, rates=[200.0], requests=1, load="wrk")
    kept["figures"].append(figure(by_wrk))

    reached = {one["goal"]: one["value"] for one in goals.reached(kept)}

    assert reached["complete per s ÷ monolith's, 32 clients"] == 20.0
    assert reached["p99 of a completion ÷ monolith's p50, 32 clients"] == 1.0
    assert "wrk 32" in table(kept)


def test_every_figure_is_on_the_page_and_in_the_table(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.html")
    kept = a_run(town=[100.0], monolith=[10.0])
    kept["goals"] = goals.reached(kept)

    page.keep(kept)

    shown = page.PAGE.read_text()
    assert shown.count("<svg") == 3
    for goal in kept["goals"]:
        assert goal["goal"] in goals.table(kept["goals"])
        assert f"<tr class={goal['outcome']}><td>{goal['goal']}" in shown
    assert "monolith" in table(kept)


def a_run(town: list[float], monolith: list[float]) -> dict[str, Any]:
    """A run in which every call of a target has the same rates."""

    def played(target: str, rates: list[float], call: str, clients: int, per_s: float) -> Any:
        one = Measured(target, call, clients, per_s, rates, [0.01], 1, {"postgres": 1e-3})
        return figure(one)

    closed = [(call, clients, 0.0) for call in page.CALLS for clients in (1, 32, 128)]
    opened = [("complete", 256, 50.0), ("profile", 256, 50.0)]
    return {
        "commit": "",
        "measured_at": "",
        "machine": {"cores": 2, "memory_gib": 1, "system": "", "python": "", "postgresql": ""},
        "idle_mib": 100.0,
        "pgbench": [
            {"form": form, "per_s": {"median": 1.0, "rounds": [1.0] * len(town)}}
            for form in ("five statements", "one statement")
        ],
        "figures": [
            played(target, rates, *one)
            for target, rates in (("town", town), ("monolith", monolith))
            for one in closed + opened
        ],
    }
