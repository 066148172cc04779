"""A player's timeline: read newest first out of a service's tables, offered by every service."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from protos.timeline.v1 import timeline_pb2 as pb
from protos.timeline.v1 import timeline_pb2_grpc
from services.kit.server import Served
from services.kit.settings import PORTS, ServiceSettings
from services.kit.timeline import Source
from services.world.__main__ import wired as wired_world
from services.world.tables import zone_change
from tests.service.doors import wired
from tests.service.peers import SECRET, Peer, listening, peer

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
AT = "INSERT INTO zone_change (user_id, changed_at, timezone) VALUES (%s, %s, %s)"
CREDIT = """
INSERT INTO credited_session (user_id, session_id, ends_at, local_date, rooms_upgraded, credited_at)
VALUES (%s, %s, %s, '2026-01-02', %s, %s)
"""
CHANGE = """
INSERT INTO audit (user_id, id, actor, action, target, reason, changes, at)
VALUES (%s, %s, 'ada', 'world.repair', %s, 'ticket 7', '{}', %s)
"""


@contextmanager
def asking(served: Served, folder: Path) -> Iterator[Peer]:
    with listening(served, folder) as target:
        yield peer(served.name, target, timeline_pb2_grpc.TimelineServiceStub)


@pytest.fixture(scope="module")
def url(new_database: Callable[[str], str]) -> str:
    return new_database("world")


@pytest.fixture(scope="module")
def service(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    settings = ServiceSettings(
        secret=SECRET, environment="development", service="world", database_url=url, listen=""
    )
    with asking(wired_world(settings), tmp_path_factory.mktemp("a")) as service:
        yield service


def store(url: str, statement: str, *values: Any) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement, values)


def page(service: Peer, player: str, **wanted: Any) -> list[pb.Happening]:
    request = pb.ListHappeningsRequest(user_id=player, **{"limit": 100} | wanted)
    return list(service.ListHappenings(request).happenings)


def every(service: Peer, player: str, limit: int) -> list[pb.Place]:
    """All places, a page after the other."""
    found: list[pb.Place] = []
    while True:
        last = {"before": found[-1]} if found else {}
        new = [one.place for one in page(service, player, limit=limit, **last)]
        found += new
        if len(new) < limit:
            return found
        assert len(found) < 50, "it never ends"


def order(place: pb.Place) -> tuple[int, str, int]:
    return place.at.ToNanoseconds(), place.id, place.kind


def test_a_player_who_was_never_here_has_none(service: Peer) -> None:
    assert page(service, str(uuid.uuid4())) == []


def test_each_kind_tells_its_own(service: Peer, url: str) -> None:
    player, session, entry = (str(uuid.uuid4()) for _ in range(3))
    later = BEGAN + timedelta(hours=1, microseconds=7)
    store(url, AT, player, BEGAN, "Asia/Tokyo")
    store(url, CREDIT, player, session, BEGAN, ["study", "plaza"], later)
    store(url, CHANGE, player, entry, player, BEGAN + timedelta(hours=2))

    changed, credited, moved = page(service, player)

    assert (changed.place.kind, changed.place.id) == (pb.KIND_OPERATOR_CHANGED, entry)
    assert (changed.actor, changed.action, changed.reason) == ("ada", "world.repair", "ticket 7")
    assert (credited.place.kind, credited.place.id) == (pb.KIND_SESSION_CREDITED, session)
    assert credited.place.at.ToDatetime(UTC) == later
    assert (credited.date, list(credited.rooms_upgraded)) == ("2026-01-02", ["study", "plaza"])
    assert (moved.place.kind, moved.place.id) == (pb.KIND_ZONE_CHANGED, player)
    assert moved.timezone == "Asia/Tokyo"
    assert not moved.HasField("device")


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 101])
def test_pages_hold_everything_once_also_what_happened_together(
    service: Peer, url: str, limit: int
) -> None:
    player = str(uuid.uuid4())
    for hour in (0, 0, 0, 1):
        at = BEGAN + timedelta(hours=hour)
        store(url, CREDIT, player, str(uuid.uuid4()), at, [], at)
        store(url, CHANGE, player, str(uuid.uuid4()), player, at)
    # Of one id, at one instant: the kind alone tells them apart.
    store(url, CREDIT, player, player, BEGAN, [], BEGAN)
    store(url, AT, player, BEGAN, "Asia/Tokyo")

    found = [order(place) for place in every(service, player, limit)]

    assert found == sorted(found, reverse=True)
    assert len(found) == len(set(found)) == 10


def test_a_page_goes_on_where_the_last_one_ended_whatever_happens_meanwhile(
    service: Peer, url: str
) -> None:
    player = str(uuid.uuid4())
    for hour in range(4):
        store(url, AT, player, BEGAN + timedelta(hours=hour), "Asia/Tokyo")
    first = page(service, player, limit=2)
    store(url, AT, player, BEGAN + timedelta(hours=9), "UTC")

    rest = page(service, player, before=first[-1].place)

    hours = [(told.place.at.ToDatetime(UTC) - BEGAN).seconds // 3600 for told in first + rest]
    assert hours == [3, 2, 1, 0]


def test_nothing_of_another_player_is_told(service: Peer, url: str) -> None:
    ada, bob = str(uuid.uuid4()), str(uuid.uuid4())
    store(url, AT, ada, BEGAN, "Asia/Tokyo")
    store(url, CHANGE, ada, str(uuid.uuid4()), ada, BEGAN)

    assert page(service, bob) == []


def test_a_source_that_says_what_no_happening_has_is_refused() -> None:
    row = zone_change.c
    with pytest.raises(ValueError, match="seed"):
        Source(
            pb.KIND_ZONE_CHANGED,
            player=row.user_id,
            at=row.changed_at,
            of=row.user_id,
            seed=row.timezone,
        )


@pytest.mark.parametrize("process", PORTS)
def test_every_service_offers_its_part(process: str, server_url: str, tmp_path: Path) -> None:
    with asking(wired(process, server_url), tmp_path) as service:
        assert page(service, str(uuid.uuid4())) == []
