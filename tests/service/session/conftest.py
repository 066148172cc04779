"""The real session service on real PostgreSQL, between fakes of the two that it calls."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from protos.session.v1 import session_pb2_grpc
from services.kit import failpoints
from services.kit.callers import TokenMaker
from services.kit.client import Client
from services.kit.database import Database
from services.kit.settings import ServiceSettings
from services.kit.sweeper import Sweeper
from services.kit.tls import PLAIN
from services.session.__main__ import Parts, assembled, wired
from services.session.outbox import PostgresOutbox
from services.session.store import SessionRow
from tests import season
from tests.service.by_the_clock import done
from tests.service.peers import SECRET, Peer, listening, peer
from tests.service.session.fakes import PRICE, FakeInventory, FakeWorld, served
from tests.service.session.players import Player

NewDatabase = Callable[[str], str]
Arm = Callable[[str], None]


@dataclass(frozen=True)
class Town:
    """A session service with everything that a test may turn."""

    sessions: Peer
    target: str
    world: FakeWorld
    inventory: FakeInventory
    sweeper: Sweeper
    outbox: PostgresOutbox[SessionRow]
    url: str

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What the database holds, asked directly."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql, parameters).fetchall()

    def time_out(self) -> int:
        """Runs the job that times sessions out."""
        return done("session", "timeouts", self.url)


@pytest.fixture(scope="module")
def town(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town in which no session drops."""
    with _town(new_database("session"), tmp_path_factory.mktemp("t"), drop_chance=0) as town:
        yield town


@pytest.fixture(scope="module")
def generous(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town in which every session drops."""
    with _town(new_database("session"), tmp_path_factory.mktemp("t"), drop_chance=10_000) as town:
        yield town


@pytest.fixture(scope="module")
def even(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town in which every other session drops."""
    with _town(new_database("session"), tmp_path_factory.mktemp("t"), drop_chance=5_000) as town:
        yield town


@pytest.fixture(scope="module")
def fast(fast_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town by whose database's clock it is the day after tomorrow."""
    with _town(fast_database("session"), tmp_path_factory.mktemp("t"), drop_chance=0) as town:
        yield town


@pytest.fixture
def new_town(new_database: NewDatabase, tmp_path: Path) -> Iterator[Town]:
    """A town in which nobody played before."""
    with _town(new_database("session"), tmp_path, drop_chance=0) as town:
        yield town


@pytest.fixture(scope="module")
def earnest(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The same town, served without a sandbox."""
    folder = tmp_path_factory.mktemp("t")
    with _town(town.url, folder, drop_chance=0, sandbox=False) as earnest:
        yield earnest


@pytest.fixture
def player(town: Town) -> Player:
    """A player with gold for two items of the shop."""
    return Player(town.sessions).enrich(2 * PRICE)


@pytest.fixture
def arm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Arm:
    """Makes a fail point raise, once."""
    monkeypatch.setattr(failpoints, "_FOLDER", str(tmp_path))

    def arm(point: str) -> None:
        (tmp_path / point).write_text("raise")

    return arm


@contextmanager
def _town(url: str, folder: Path, *, drop_chance: int, sandbox: bool = True) -> Iterator[Town]:
    rules = folder / "rules.toml"
    text = season.rules_with(season.event())
    rules.write_text(text.replace("chance = 1000", f"chance = {drop_chance}"))
    settings = ServiceSettings(
        secret=SECRET,
        environment="development",
        sandbox=sandbox,
        service="session",
        database_url=url,
        listen="",
        rules=rules,
    )
    # The fakes answer only what the session service asks.
    world = FakeWorld()  # type: ignore[abstract]
    inventory = FakeInventory()  # type: ignore[abstract]
    with (
        listening(served("world", world), folder) as world_target,
        listening(served("inventory", inventory), folder) as inventory_target,
    ):
        targets = {"inventory": inventory_target, "world": world_target}
        service = wired(settings, targets.__getitem__)
        with (
            listening(service, folder) as target,
            _parts(settings, inventory_target, world_target) as parts,
        ):
            stub = session_pb2_grpc.SessionServiceStub
            yield Town(
                sessions=peer("session", target, stub),
                target=target,
                world=world,
                inventory=inventory,
                sweeper=parts.sweeper,
                outbox=parts.paid,
                url=url,
            )


@contextmanager
def _parts(settings: ServiceSettings, inventory_target: str, world_target: str) -> Iterator[Parts]:
    """What follows a commit; its sweeper runs only when a test says so."""
    tokens = TokenMaker("session", SECRET)
    inventory = Client("inventory", inventory_target, tokens, PLAIN)
    world = Client("world", world_target, tokens, PLAIN)
    database = Database(settings.database_url, size=4)
    database.open()
    try:
        yield assembled(
            database,
            world=world,
            inventory=inventory,
            has_sandbox=settings.sandbox,
        )
    finally:
        inventory.close()
        world.close()
        database.close()
