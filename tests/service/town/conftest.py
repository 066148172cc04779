"""Three real services on databases of their own, in which every session drops, but for a far season's."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from protos.session.v1 import session_pb2_grpc
from services.inventory.__main__ import wired as wired_inventory
from services.kit import sweeper
from services.kit.callers import TokenMaker
from services.kit.client import Client
from services.kit.database import Database
from services.kit.server import Served
from services.kit.settings import ServiceSettings
from services.kit.sweeper import Sweeper
from services.kit.tls import PLAIN
from services.session.__main__ import assembled
from services.session.__main__ import wired as wired_session
from services.world.__main__ import wired as wired_world
from tests import season
from tests.service.peers import SECRET, Peer, listening, peer, working
from town.facts import PLAYED
from town.invariants import Drift
from town.numbers import Numbers, given_numbers
from town.verify import drifts

EVERY_ROW = "SELECT * FROM {table} WHERE user_id = %s ORDER BY {table}"


@dataclass(frozen=True)
class Town:
    """The session service, whose players are played, and a look into all three databases."""

    sessions: Peer
    sweeper: Sweeper
    urls: dict[str, str]
    rules: Path
    numbers: Numbers
    # Where the session service listens.
    target: str = ""

    def rows(self, service: str, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What a database holds, asked directly."""
        with psycopg.connect(self.urls[service]) as connection:
            return connection.execute(sql, parameters).fetchall()

    def execute(self, service: str, sql: str, parameters: dict[str, Any]) -> None:
        """Changes a database directly, as nobody should."""
        with psycopg.connect(self.urls[service]) as connection:
            assert connection.execute(sql, parameters).rowcount, sql

    def drifts(self, player: str) -> list[Drift]:
        """What is wrong with one player."""
        return list(drifts(self.urls, self.numbers, player=player))

    def everything_of(self, player: str) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of a player, in all three databases."""
        tables = {
            "session": ("hero", "task_template", "session", "hero_grant", "purchase", "audit"),
            "inventory": ("inventory", "drop_grant", "wardrobe", "audit"),
            "world": ("world_state", "credited_session", "credited_date", "audit"),
        }
        return {
            f"{service}.{table}": self.rows(service, EVERY_ROW.format(table=table), player)
            for service, names in tables.items()
            for table in names
        }


@pytest.fixture(scope="module")
def town(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """A town that tests share: each plants its faults in a player of its own."""
    with _town(new_database, tmp_path_factory.mktemp("t")) as town:
        yield town


@pytest.fixture
def own_town(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """A town in which nobody else plays."""
    with _town(new_database, tmp_path_factory.mktemp("t")) as town:
        yield town


@pytest.fixture
def busy_town(
    new_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Town]:
    """A town that also does what is to be done about every second, and fifty times as often."""
    monkeypatch.setattr(sweeper, "EVERY_S", 0.02)
    with _town(new_database, tmp_path_factory.mktemp("t"), does=working) as town:
        yield town


@contextmanager
def _town(
    new_database: Callable[[str], str],
    folder: Path,
    *,
    does: Callable[[Served], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> Iterator[Town]:
    rules = folder / "rules.toml"
    rules.write_text(season.rules_with(season.event()).replace("chance = 1000", "chance = 10000"))
    urls = {service: new_database(service) for service in PLAYED}
    settings = {service: _settings(service, urls[service], rules) for service in PLAYED}
    with ExitStack() as stack:
        targets = {}
        for served in (wired_inventory(settings["inventory"]), wired_world(settings["world"])):
            targets[served.name] = stack.enter_context(listening(served, folder))
            stack.enter_context(does(served))
        session = wired_session(settings["session"], targets.__getitem__)
        target = stack.enter_context(listening(session, folder))
        stack.enter_context(does(session))
        sweeper = stack.enter_context(_sweeper(settings["session"], targets))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NESRA_RULES", str(rules))
            numbers = given_numbers()
        sessions = peer("session", target, session_pb2_grpc.SessionServiceStub)
        yield Town(sessions, sweeper, urls, rules, numbers, target)


def _settings(service: str, url: str, rules: Path) -> ServiceSettings:
    return ServiceSettings(
        secret=SECRET,
        environment="development",
        sandbox=True,
        service=service,
        database_url=url,
        listen="",
        rules=rules,
    )


@contextmanager
def _sweeper(settings: ServiceSettings, targets: dict[str, str]) -> Iterator[Sweeper]:
    """A sweeper that runs only when a test says so."""
    tokens = TokenMaker("session", SECRET)
    world, inventory = (Client(n, targets[n], tokens, PLAIN) for n in ("world", "inventory"))
    database = Database(settings.database_url, size=2)
    database.open()
    parts = assembled(database, world=world, inventory=inventory, has_sandbox=True)
    try:
        yield parts.sweeper
    finally:
        world.close()
        inventory.close()
        database.close()
