"""The real world service on real PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from protos.world.v1 import world_pb2_grpc
from services.kit.settings import ServiceSettings, database_on
from services.world.__main__ import wired
from tests.service.peers import SECRET, listening, peer
from tests.service.world.residents import Player, Town


@pytest.fixture(scope="module")
def town(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town with a sandbox."""
    url = database_on(server_url, "nesra_world")
    with open_town(url, tmp_path_factory.mktemp("t"), sandbox=True) as town:
        yield town


@pytest.fixture(scope="module")
def earnest(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The same town, served without a sandbox."""
    url = database_on(server_url, "nesra_world")
    with open_town(url, tmp_path_factory.mktemp("t"), sandbox=False) as town:
        yield town


@pytest.fixture(scope="module")
def fast(
    fast_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """A town by whose database's clock it is the day after tomorrow."""
    with open_town(fast_database("world"), tmp_path_factory.mktemp("t"), sandbox=False) as town:
        yield town


@pytest.fixture
def player(town: Town) -> Player:
    """A new player of the town with a sandbox."""
    return Player(town)


@contextmanager
def open_town(url: str, folder: Path, *, sandbox: bool, **changes: Any) -> Iterator[Town]:
    """A world service over a database, as the session service and the gateway see it."""
    settings = ServiceSettings(
        secret=SECRET,
        environment="development",
        sandbox=sandbox,
        service="world",
        database_url=url,
        listen="",
        **changes,
    )
    stub = world_pb2_grpc.WorldServiceStub
    with listening(wired(settings), folder) as target:
        yield Town(
            session=peer("world", target, stub, caller="session"),
            gateway=peer("world", target, stub, caller="gateway"),
            url=settings.database_url,
        )
