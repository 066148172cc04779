"""Scenarios get a stage, a seed of their own, and a row in the table at the end."""

import secrets
from collections.abc import Callable, Iterator

import pytest

from tests.faults import report
from tests.faults.stage import Scene, Stages
from tests.faults.tier import Tier, chosen
from tests.faults.town import Layout


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
    request.node.user_properties.append((report.FIGURES, [seed, figures]))


@pytest.fixture
def scene(scene_in: Callable[[Layout], Scene]) -> Scene:
    """A scene in the usual town: one of each service, two gateways."""
    return scene_in(Layout())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the table of runs, seeds and figures, and keeps it."""
    rows = report.rows(terminalreporter.stats)
    for row in rows:
        terminalreporter.write_line(report.as_line(row))
    if rows:
        report.keep(chosen().name, rows)
