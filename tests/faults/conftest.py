"""Scenarios get a stage, a seed of their own, and a row in the table at the end."""

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.stage import Scene, Stages, as_line
from tests.faults.tier import Tier, chosen
from tests.faults.town import Layout

RESULTS = Path(__file__).parent / "results"
FIGURES = "faults"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="play the plan of an earlier run of a scenario again")


@pytest.fixture(scope="session")
def tier() -> Tier:
    """The sizes of this run."""
    return chosen()


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """What the scenario's plan follows from: a new one, unless one is given."""
    given = request.config.getoption("--seed", default=None)
    return secrets.randbelow(10**9) if given is None else int(given)


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory, tier: Tier) -> Iterator[Stages]:
    """The towns of this run, one at a time."""
    stages = Stages(tmp_path_factory.mktemp("faults"), tier)
    yield stages
    stages.close()


@pytest.fixture
def scene_in(
    stages: Stages, seed: int, request: pytest.FixtureRequest
) -> Iterator[Callable[[Layout], Scene]]:
    """Sets a scene in a town of the given layout; what it measures is reported."""
    scenes: list[Scene] = []

    def set_scene(layout: Layout) -> Scene:
        scenes.append(stages.scene(layout, seed))
        return scenes[-1]

    yield set_scene
    for scene in scenes:
        scene.crowd.rest()
    figures = {name: value for scene in scenes for name, value in scene.figures.items()}
    request.node.user_properties.append((FIGURES, (request.node.name, seed, figures)))


@pytest.fixture
def scene(scene_in: Callable[[Layout], Scene]) -> Scene:
    """A scene in the usual town: one of each service, two gateways."""
    return scene_in(Layout())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the table of runs, seeds and figures, and keeps it."""
    rows = [
        {"scenario": name, "outcome": report.outcome, "seed": seed, "figures": figures}
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "teardown"
        for kind, (name, seed, figures) in _told(report)
        if kind == FIGURES
    ]
    if rows:
        for row in rows:
            terminalreporter.write_line(as_line(row["scenario"], row["seed"], row["figures"]))
        RESULTS.mkdir(exist_ok=True)
        text = json.dumps(rows, indent=1)
        (RESULTS / f"{chosen().name}.json").write_text(f"{text}\n")


def _told(report: pytest.TestReport) -> list[tuple[str, Any]]:
    return list(report.user_properties)
