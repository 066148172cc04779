"""The audit trail: committed with the change, read newest first, offered by every service."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from protos.audit.v1 import audit_pb2 as pb
from protos.audit.v1 import audit_pb2_grpc
from services.kit.audit import NOBODY, Act, Trail, Warrant
from services.kit.database import Database
from services.kit.ids import uuid7
from services.kit.server import Served
from services.kit.settings import PORTS, ServiceSettings
from services.world.__main__ import wired as wired_world
from services.world.tables import trail
from tests.service.doors import wired
from tests.service.peers import SECRET, Peer, listening, peer

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PLAYER = str(uuid.uuid4())
ITEM = str(uuid.uuid4())


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database(url, size=1)
    database.open()
    try:
        assert any(database.is_ready() for _ in range(5))
        yield database
    finally:
        database.close()


@contextmanager
def asking(served: Served, folder: Path) -> Iterator[Peer]:
    with listening(served, folder) as target:
        yield peer(served.name, target, audit_pb2_grpc.AuditServiceStub)


def fill(url: str, trail: Trail, *acts: tuple[str, Act]) -> None:
    """Enters acts, each by an actor, an hour apart."""
    with opened(url) as database:
        for number, (actor, act) in enumerate(acts):
            now = BEGAN + timedelta(hours=number)
            add = partial(trail.add, warrant=Warrant(actor, "why"), act=act, now=now)
            database.transact(add)


def page(service: Peer, **wanted: Any) -> list[str]:
    """The actions of a page, which is long unless told otherwise."""
    answer = service.ListAudit(pb.ListAuditRequest(**{"limit": 100} | wanted))
    return [entry.action for entry in answer.entries]


def act(number: int, user_id: str = PLAYER, target: str = "") -> Act:
    return Act(f"act.{number}", user_id, target or user_id, {"gold": [number, number + 1]})


@pytest.fixture(scope="module")
def url(new_database: Callable[[str], str]) -> str:
    """World's database, with acts of two actors, on a player, another one, and an item."""
    url = new_database("world")
    other = str(uuid.uuid4())
    fill(
        url,
        trail,
        ("ada", act(0)),
        ("bob", act(1)),
        ("ada", act(2, user_id=other)),
        ("bob", act(3, user_id=NOBODY, target=ITEM)),
        ("ada", act(4)),
    )
    return url


@pytest.fixture(scope="module")
def service(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    settings = ServiceSettings(
        secret=SECRET, environment="development", service="world", database_url=url, listen=""
    )
    with asking(wired_world(settings), tmp_path_factory.mktemp("a")) as service:
        yield service


def test_entries_come_newest_first_a_page_at_a_time(service: Peer) -> None:
    first = service.ListAudit(pb.ListAuditRequest(limit=2)).entries

    assert [entry.action for entry in first] == ["act.4", "act.3"]
    assert page(service, before=first[-1].id) == ["act.2", "act.1", "act.0"]
    assert page(service, limit=0) == ["act.4"]


@pytest.mark.parametrize(
    ("wanted", "actions"),
    [
        ({"actor": "bob"}, ["act.3", "act.1"]),
        ({"target": PLAYER}, ["act.4", "act.1", "act.0"]),
        ({"target": ITEM}, ["act.3"]),
        ({"actor": "ada", "target": PLAYER}, ["act.4", "act.0"]),
        ({"actor": "nobody"}, []),
    ],
)
def test_entries_are_found_by_actor_and_by_what_they_changed(
    service: Peer, wanted: dict[str, str], actions: list[str]
) -> None:
    assert page(service, **wanted) == actions


def test_entries_are_found_by_time_from_the_first_instant_to_before_the_last(
    service: Peer,
) -> None:
    first, last = (Timestamp(seconds=int((BEGAN + timedelta(hours=n)).timestamp())) for n in (1, 3))

    assert page(service, made_from=first, made_before=last) == ["act.2", "act.1"]


def test_an_entry_tells_everything(service: Peer) -> None:
    entries = service.ListAudit(pb.ListAuditRequest(limit=2)).entries
    of_player, of_item = entries

    assert (of_player.actor, of_player.reason) == ("ada", "why")
    assert (of_player.user_id, of_player.target) == (PLAYER, PLAYER)
    assert of_player.changes == '{"gold": [4, 5]}'
    assert of_player.at.ToDatetime(UTC) == BEGAN + timedelta(hours=4)
    assert (of_item.HasField("user_id"), of_item.target) == (False, ITEM)


def test_an_entry_is_there_with_its_change_or_not_at_all(url: str) -> None:
    player = str(uuid.uuid4())

    class Changed(Exception):
        pass

    def change(connection: Any) -> None:
        trail.add(connection, Warrant("ada", "why"), act(9, user_id=player), now=BEGAN)
        raise Changed

    with opened(url) as database, pytest.raises(Changed):
        database.transact(change)

    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT FROM audit WHERE user_id = %s", [player]).fetchall()
    assert rows == []


@pytest.mark.parametrize("reason", ["", "x" * 501])
def test_the_database_refuses_an_entry_without_a_fit_reason(url: str, reason: str) -> None:
    def change(connection: Any) -> None:
        trail.add(connection, Warrant("ada", reason), act(9), now=BEGAN)

    with opened(url) as database, pytest.raises(psycopg.errors.CheckViolation):
        database.transact(change)


@pytest.mark.parametrize("process", PORTS)
def test_every_service_offers_its_trail(process: str, server_url: str, tmp_path: Path) -> None:
    nobody = uuid7(BEGAN)

    with asking(wired(process, server_url), tmp_path) as service:
        answer = service.ListAudit(pb.ListAuditRequest(limit=1, target=nobody))

    assert list(answer.entries) == []
