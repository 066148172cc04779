"""Whole towns, as an operator opens them."""

from collections.abc import Iterator

import pytest

from services.kit.settings import RULES
from tests.e2e.opened import Town, opened


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town that tests share: nobody harms its processes."""
    with opened(tmp_path_factory.mktemp("town") / "home") as town:
        town.await_ready()
        yield town


@pytest.fixture(scope="session")
def rough_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town in which every success drops, and whose processes get killed.

    Its fail points are armed in the folder `points` of its home.
    """
    folder = tmp_path_factory.mktemp("rough")
    rules = folder / "rules.toml"
    rules.write_text(RULES.read_text().replace("drop_chance = 1000", "drop_chance = 10000"))
    points = folder / "home" / "points"
    with opened(folder / "home", NESRA_RULES=str(rules), NESRA_FAIL_POINTS=str(points)) as town:
        town.await_ready()
        points.mkdir()
        yield town
