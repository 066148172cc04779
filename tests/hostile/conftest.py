"""A town for those who do not want its best, and who lives there meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.opened import Town, opened
from tests.hostile.belongings import Resident
from tests.hostile.document import Operation, operations
from tests.service.town.command import promote

FRIEND = "https://friend.example"


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town of their own, which refuses nobody for asking often, and allows one other page."""
    home: Path = tmp_path_factory.mktemp("hostile") / "home"
    with opened(home, NESRA_RATE_LIMITS="off", NESRA_CORS_ORIGINS=FRIEND) as town:
        town.await_ready()
        yield town


@pytest.fixture(scope="session")
def calls(town: Town) -> list[Operation]:
    """Every call that this town's own OpenAPI document tells of."""
    return operations(httpx.get(f"{town.url}/openapi.json").json())


@pytest.fixture(scope="session")
def operator(town: Town) -> Resident:
    """A player who may call everything."""
    resident = Resident(town.url, item=0)
    promote(town.home, resident.email)
    return resident


@pytest.fixture(scope="session")
def ada(town: Town) -> Resident:
    """A player."""
    return Resident(town.url, item=1)


@pytest.fixture(scope="session")
def bob(town: Town) -> Resident:
    """Another player, who owns other things."""
    return Resident(town.url, item=2)
