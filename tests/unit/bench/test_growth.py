"""A large town is held to what the small one beside it reached in the same minute."""

from typing import Any

from bench import growth
from bench.goals import table


def figures(rates: list[float], postgres_us: float) -> list[dict[str, Any]]:
    per_s = {"median": rates[0], "rounds": rates}
    cpu = {"postgres": postgres_us}
    return [{"call": "complete", "per_s": per_s, "cpu_us_by_process": cpu}]


def a_run() -> dict[str, Any]:
    first = {"players": 10_000, "figures": figures([1.0], 1.0), "of_smallest": figures([1.0], 1.0)}
    last = {
        "players": 100_000,
        "figures": figures([80.0, 95.0, 50.0], 230.0),
        "of_smallest": figures([100.0, 100.0, 50.0], 200.0),
    }
    return {"smallest": 1000, "sizes": [first, last]}


def test_the_goals_are_of_the_largest_town() -> None:
    rate, cpu = (goal.reached(a_run()) for goal in growth.GOALS)

    assert (rate["lowest"], rate["value"], rate["highest"]) == (0.8, 0.95, 1.0)
    assert rate["outcome"] == "aim"
    assert cpu["value"] == 1.15
    assert cpu["outcome"] == "bound"
    assert "PostgreSQL CPU" in table([rate, cpu])


def test_a_size_is_told_as_soon_as_it_is_measured() -> None:
    said = growth.lines(a_run())

    assert said.splitlines()[0] == "100000 players, beside 1000:"
    assert "0.95 times" in said
    assert "1.15 times" in said
