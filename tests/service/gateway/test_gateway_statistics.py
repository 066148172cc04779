"""What a player's sessions come to: what the services are asked, and how it is told."""

from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from protos.session.v1 import session_pb2
from protos.world.v1 import world_pb2
from services.kit.errors import Unavailable
from tests.service.gateway.actor import Play, refusing
from tests.service.gateway.stage import Stage
from tests.service.gateway.test_gateway_refusals import problem

PATH = "/api/session/stats"


def living_in(zone: str, since: datetime, today: str = "2026-01-31") -> Play:
    at = Timestamp(seconds=int(since.timestamp()))
    changes = [world_pb2.ZoneChange(changed_at=at, timezone=zone)]
    return lambda _: world_pb2.GetZonesResponse(today=today, changes=changes)


def asked_of(stage: Stage) -> list[tuple[str, str]]:
    """The stretches of time about which session was asked last."""
    request = stage.session.seen["GetStatistics"][-1]
    return [(s.begins_at.ToJsonString(), s.ends_at.ToJsonString()) for s in request.stretches]


def test_every_date_has_a_row_and_the_rest_stands_beside_them(player: httpx.Client) -> None:
    answer = player.get(PATH, params={"from": "2026-01-30", "to": "2026-02-01"}).json()

    one, none = {"sessions": 1, "minutes": 25}, {"sessions": 0, "minutes": 0}
    assert answer == {
        "totals": one | {"exp": 50, "gold": 25, "drops": 1},
        "best_day": {"date": "2026-01-30"} | one,
        "rooms": [{"room": "study"} | none, {"room": "build"} | one, {"room": "training"} | none],
        "categories": [{"category": "reading"} | one],
        "days": [
            {"date": "2026-01-30"} | one,
            {"date": "2026-01-31"} | none,
            {"date": "2026-02-01"} | none,
        ],
    }


@pytest.mark.parametrize(
    ("given", "first", "last"),
    [
        ({}, "2026-01-02", "2026-01-31"),
        ({"from": "2026-01-30"}, "2026-01-30", "2026-01-31"),
        ({"to": "2026-01-15"}, "2025-12-17", "2026-01-15"),
        ({"from": "2026-02-03"}, "2026-02-03", "2026-02-03"),
        ({"to": "0001-01-05"}, "0001-01-01", "0001-01-05"),
        ({"from": "9999-12-31"}, "9999-12-31", "9999-12-31"),
        ({"from": "2025-01-01", "to": "2026-02-04"}, "2025-01-01", "2026-02-04"),
    ],
)
def test_it_ends_today_and_has_30_days_where_nobody_says_otherwise(
    stage: Stage, player: httpx.Client, given: dict[str, str], first: str, last: str
) -> None:
    with stage.session.playing(GetStatistics=nothing):
        days = player.get(PATH, params=given).json()["days"]

    assert (days[0]["date"], days[-1]["date"]) == (first, last)
    assert len(days) == (date.fromisoformat(last) - date.fromisoformat(first)).days + 1


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"from": "2025-01-01", "to": "2026-02-05"}, "range_too_long"),
        ({"from": "2024-12-01"}, "range_too_long"),
        ({"from": "2026-01-02", "to": "2026-01-01"}, "range_reversed"),
    ],
)
def test_a_range_is_in_order_and_of_400_days_at_most(
    player: httpx.Client, given: dict[str, str], code: str
) -> None:
    errors = problem(player.get(PATH, params=given), "VALIDATION_FAILED")["errors"]

    assert [error["code"] for error in errors] == [code]


def test_a_date_is_asked_about_by_the_zone_in_force_then(
    stage: Stage, player: httpx.Client
) -> None:
    moved = living_in("Asia/Tokyo", datetime(2026, 1, 10, 12, tzinfo=UTC))
    with stage.world.playing(GetZones=moved):
        player.get(PATH, params={"from": "2026-01-10", "to": "2026-01-11"})

    assert asked_of(stage) == [
        ("2026-01-10T00:00:00Z", "2026-01-10T12:00:00Z"),
        ("2026-01-10T12:00:00Z", "2026-01-10T15:00:00Z"),
        ("2026-01-10T15:00:00Z", "2026-01-11T15:00:00Z"),
    ]


def test_the_parts_of_a_date_are_one_row(stage: Stage, player: httpx.Client) -> None:
    moved = living_in("America/New_York", datetime(2026, 1, 11, 3, tzinfo=UTC))
    one = session_pb2.Sum(sessions=1, minutes=10)
    told = session_pb2.GetStatisticsResponse(stretches=[one, one])
    with (
        stage.world.playing(GetZones=moved),
        stage.session.playing(GetStatistics=lambda _: told),
    ):
        answer = player.get(PATH, params={"from": "2026-01-10", "to": "2026-01-10"}).json()

    assert answer["days"] == [{"date": "2026-01-10", "sessions": 2, "minutes": 20}]
    assert answer["best_day"] == answer["days"][0]


@pytest.mark.parametrize(
    ("minutes", "best"), [([5, 9, 7], "2026-01-02"), ([9, 5, 9], "2026-01-03"), ([0, 0, 0], None)]
)
def test_the_best_day_has_the_most_minutes_and_of_several_is_the_latest(
    stage: Stage, player: httpx.Client, minutes: list[int], best: str | None
) -> None:
    sums = [session_pb2.Sum(sessions=min(m, 1), minutes=m) for m in minutes]
    told = session_pb2.GetStatisticsResponse(stretches=sums)
    with stage.session.playing(GetStatistics=lambda _: told):
        answer = player.get(PATH, params={"from": "2026-01-01", "to": "2026-01-03"}).json()

    assert (answer["best_day"] and answer["best_day"]["date"]) == best


def test_without_world_nobody_knows_which_dates_were_when(
    stage: Stage, player: httpx.Client
) -> None:
    with stage.world.playing(GetZones=refusing(Unavailable())):
        problem(player.get(PATH), "UNAVAILABLE")


def test_a_life_of_flights_is_told_too(stage: Stage, player: httpx.Client) -> None:
    began = datetime(2025, 1, 1, tzinfo=UTC)
    zones = ["Asia/Tokyo", "America/New_York"]
    changes = [
        world_pb2.ZoneChange(
            changed_at=Timestamp(seconds=int((began + timedelta(days=n)).timestamp())),
            timezone=zones[n % 2],
        )
        for n in range(400)
    ]
    moved = world_pb2.GetZonesResponse(today="2026-01-31", changes=changes)
    with (
        stage.world.playing(GetZones=lambda _: moved),
        stage.session.playing(GetStatistics=nothing),
    ):
        answer = player.get(PATH, params={"from": "2025-01-01", "to": "2026-02-04"})

    assert len(answer.json()["days"]) == 400
    assert len(asked_of(stage)) > 400


def nothing(request: session_pb2.GetStatisticsRequest) -> session_pb2.GetStatisticsResponse:
    sums = [session_pb2.Sum() for _ in request.stretches]
    return session_pb2.GetStatisticsResponse(stretches=sums)
