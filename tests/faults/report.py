"""What the scenarios measured: a table for the terminal, and data that is kept."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.report import circumstances

FOLDER = Path(__file__).parent / "results"
# The name under which a test's report carries its seed and figures.
FIGURES = "faults"
# One worker plays all scenarios, so that no two towns are open at once.
GROUP = "faults"


def rows(stats: Mapping[str, Iterable[Any]]) -> list[dict[str, Any]]:
    """A row for every scenario that a test run reports, with its outcome, seed and figures."""
    reports = [one for each in stats.values() for one in each if isinstance(one, pytest.TestReport)]
    failed = {one.nodeid for one in reports if one.failed}
    return [
        {
            # xdist names the group as well.
            "scenario": one.nodeid.rpartition("::")[2].removesuffix(f"@{GROUP}"),
            "outcome": "failed" if one.nodeid in failed else "passed",
            "seed": seed,
            "figures": figures,
        }
        for one in reports
        if one.when == "teardown"
        for name, (seed, figures) in _told(one)
    ]


def _told(one: pytest.TestReport) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in one.user_properties if name == FIGURES]


def as_line(row: Mapping[str, Any]) -> str:
    """A scenario's row of the table."""
    figures = ", ".join(f"{name} {value}" for name, value in row["figures"].items())
    return f"{row['outcome']:7} {row['scenario']}, seed {row['seed']}: {figures}"


def keep(tier: str, these: list[dict[str, Any]]) -> None:
    """Writes the rows of a run, with when and on what it ran."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(circumstances() | {"runs": these}, indent=1)
    (FOLDER / f"{tier}.json").write_text(f"{text}\n")
