"""What the town is to reach, as ratios within one run, and what it reached.

The ratio of two rates is the median of the ratios of their rounds, because both
were measured within the same minute.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.report import closed_loop

Kept = Mapping[str, Any]
Values = Sequence[float]


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure with a bound and an aim; `more` says that larger is better."""

    name: str
    bound: float
    aim: float
    values: Callable[[Kept], Values]
    more: bool = True

    def reached(self, kept: Kept) -> dict[str, Any]:
        """How a run stands to it."""
        values = self.values(kept)
        value = statistics.median(values)
        return {
            "goal": self.name,
            "bound": self.bound,
            "aim": self.aim,
            "value": round(value, 3),
            "lowest": round(min(values), 3),
            "highest": round(max(values), 3),
            "outcome": self._outcome(value),
        }

    def _outcome(self, value: float) -> str:
        sign = 1 if self.more else -1
        if sign * value >= sign * self.aim:
            return "aim"
        return "bound" if sign * value >= sign * self.bound else "missed"


def reached(kept: Kept) -> list[dict[str, Any]]:
    """How a run stands to each goal."""
    return [goal.reached(kept) for goal in GOALS]


def table(goals: Sequence[Mapping[str, Any]]) -> str:
    """The goals for a terminal."""
    head = f"{'goal':52}{'bound':>8}{'aim':>8}{'value':>9}{'lowest..highest':>18}"
    lines = ["", head]
    for one in goals:
        spread = f"{one['lowest']:g}..{one['highest']:g}"
        cells = f"{one['goal']:52}{one['bound']:>8g}{one['aim']:>8g}{one['value']:>9g}{spread:>18}"
        lines.append(f"{cells}  {one['outcome']}")
    return "\n".join(lines)


def _by_round(above: Values, below: Values) -> Values:
    return [a / b for a, b in zip(above, below, strict=True)]


def _rates(call: str, clients: int) -> Callable[[Kept], Values]:
    def values(kept: Kept) -> Values:
        town, monolith = (
            closed_loop(kept, target, call, clients)["per_s"]["rounds"]
            for target in ("town", "monolith")
        )
        return _by_round(town, monolith)

    return values


def _ceiling(form: str) -> Callable[[Kept], Values]:
    def values(kept: Kept) -> Values:
        rates = next(one["per_s"]["rounds"] for one in kept["pgbench"] if one["form"] == form)
        return _by_round(closed_loop(kept, "town", "complete", 128)["per_s"]["rounds"], rates)

    return values


def _ratio(field: str, clients: int, below: str = "") -> Callable[[Kept], Values]:
    latencies = field.endswith("_ms")

    def values(kept: Kept) -> Values:
        town, monolith = (
            closed_loop(kept, target, "complete", clients, latencies=latencies)
            for target in ("town", "monolith")
        )
        return [town[field] / monolith[below or field]]

    return values


GOALS = (
    *(
        Goal(f"{call} per s ÷ monolith's, {clients} clients", bound, aim, _rates(call, clients))
        for call, clients, bound, aim in (
            ("complete", 32, 8, 15),
            ("complete", 128, 15, 30),
            ("profile", 32, 6, 12),
            ("profile", 128, 14, 25),
            ("start", 32, 8, 15),
            ("start", 128, 15, 30),
        )
    ),
    Goal("complete per s at 128 ÷ pgbench, five statements", 1.5, 2.5, _ceiling("five statements")),
    Goal("complete per s at 128 ÷ pgbench, one statement", 0.6, 1.0, _ceiling("one statement")),
    Goal(
        "CPU of a completion ÷ monolith's, 32 clients", 0.12, 0.06, _ratio("cpu_us", 32), more=False
    ),
    Goal(
        "p50 of a lone client's completion ÷ monolith's", 1.0, 0.7, _ratio("p50_ms", 1), more=False
    ),
    Goal(
        "p99 of a completion ÷ monolith's p50, 32 clients",
        0.3,
        0.12,
        _ratio("p99_ms", 32, below="p50_ms"),
        more=False,
    ),
    Goal("MiB of the idle town", 600, 400, lambda kept: [kept["idle_mib"]], more=False),
)
