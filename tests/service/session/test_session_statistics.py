"""What successes come to: the same as whoever counts the history again by hand."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import psycopg
import pytest

from gateway.times import InForce, stretches
from gateway.times import lived as lived_between
from protos.session.v1 import session_pb2 as pb
from services.kit.ids import uuid7
from services.kit.times import instant, wire
from tests.service.session.conftest import Town
from tests.service.session.players import Player

BEGAN = datetime(2027, 3, 20, tzinfo=UTC)
# Spring and autumn in Europe and America, and the date line.
ZONES = ["Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"]
INSERT = """
INSERT INTO session (user_id, id, task_template_id, task_name, category, room, duration_minutes,
    started_at, ends_at, ended_at, status, reward_exp, reward_gold, dropped, dropped_item,
    rules_version, seed, settled_at)
SELECT %(user_id)s, %(id)s, %(task)s, 'Read', %(category)s, %(room)s, %(minutes)s, %(started_at)s,
    %(ends_at)s, %(ends_at)s, %(status)s, %(exp)s, %(gold)s, %(drops)s, %(item)s, 'v',
    decode(repeat('00', 32), 'hex'), %(ends_at)s
"""


class Lived(NamedTuple):
    """A session that is over: after so many minutes since BEGAN it ended."""

    ended_after: int
    minutes: int
    room: str
    category: str
    status: str
    drops: bool


def minute(dice: random.Random) -> int:
    return dice.randrange(60 * 24 * 20)


def lived(dice: random.Random) -> Lived:
    return Lived(
        minute(dice),
        dice.randrange(5, 181),
        dice.choice(["study", "build", "training"]),
        dice.choice(["work", "Work", "", "naïve", "a b"]),
        dice.choice(["success", "success", "success", "cancel", "timeout"]),
        drops=dice.random() < 0.5,
    )


def live(town: Town, player: Player, lives: Sequence[Lived]) -> None:
    """Puts finished sessions into a player's past."""
    task = player.tasks()[0].id
    with psycopg.connect(town.url) as connection, connection.cursor() as cursor:
        cursor.executemany(INSERT, [_row(player.id, task, lived) for lived in lives])


def _row(user_id: str, task: str, lived: Lived) -> dict[str, Any]:
    ends_at = BEGAN + timedelta(minutes=lived.ended_after)
    started_at = ends_at - timedelta(minutes=lived.minutes)
    paid = lived.status == "success"
    return {
        **lived._asdict(),
        "user_id": user_id,
        "id": uuid7(at=started_at),
        "task": task,
        "started_at": started_at,
        "ends_at": ends_at,
        "exp": 2 * lived.minutes * paid,
        "gold": lived.minutes * paid,
        "drops": paid and lived.drops,
        "item": '{"item": {"name": "Straw Hat"}}' if paid and lived.drops else None,
    }


def statistics(
    player: Player, first: date, last: date, zones: Sequence[InForce] = ()
) -> tuple[pb.GetStatisticsResponse, Counter[date]]:
    """What the service says of a range of dates, and the minutes of each date."""
    parts = stretches(first, last, zones)
    asked = [pb.Stretch(begins_at=wire(p.begins_at), ends_at=wire(p.ends_at)) for p in parts]
    request = pb.GetStatisticsRequest(user_id=player.id, stretches=asked)
    answer = player.service.GetStatistics(request)
    minutes: Counter[date] = Counter()
    for part, found in zip(parts, answer.stretches, strict=True):
        minutes[part.day] += found.minutes
    return answer, +minutes


def whole_history(player: Player) -> list[pb.Session]:
    found: list[pb.Session] = []
    before = ""
    while True:
        request = pb.ListSessionsRequest(user_id=player.id, limit=100, before=before)
        page = player.service.ListSessions(request)
        found += page.sessions
        before = page.next_before
        if not before:
            return found


def lived_on(session: pb.Session, zones: Sequence[InForce]) -> date:
    """The date of a session's end, as a person with a calendar of flights tells it."""
    ends_at = instant(session.ends_at)
    there = "UTC"
    for flight in zones:
        there = flight.zone if flight.since <= ends_at else there
    return ends_at.astimezone(ZoneInfo(there)).date()


def sums(rows: Sequence[Any], name: str) -> dict[Any, tuple[int, int]]:
    return {getattr(row, name): (row.sum.sessions, row.sum.minutes) for row in rows}


def counted(
    sessions: Sequence[pb.Session], key: Callable[[pb.Session], Any]
) -> dict[Any, tuple[int, int]]:
    keys = {key(session) for session in sessions}
    of = {k: [s.duration_minutes for s in sessions if key(s) == k] for k in keys}
    return {k: (len(minutes), sum(minutes)) for k, minutes in of.items()}


# Not by Hypothesis: the service's threads in this process draw from the same dice.
@pytest.mark.parametrize("seed", range(24))
def test_statistics_are_what_a_recount_of_the_history_says(town: Town, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  # the same lives in every run
    lives = [lived(dice) for _ in range(dice.randrange(40))]
    flights = sorted((minute(dice), dice.choice(ZONES)) for _ in range(dice.randrange(5)))
    first, days = dice.randrange(-3, 22), dice.randrange(25)

    player = Player(town.sessions)
    live(town, player, lives)
    zones = [InForce(BEGAN + timedelta(minutes=after), zone) for after, zone in flights]
    begin = BEGAN.date() + timedelta(first)
    end = begin + timedelta(days)
    expected = [
        session
        for session in whole_history(player)
        if session.status == pb.STATUS_SUCCESS and begin <= lived_on(session, zones) <= end
    ]

    answer, by_day = statistics(player, begin, end, zones)
    bounded = player.history(
        status=pb.STATUS_SUCCESS,
        stretches=[
            pb.Stretch(begins_at=wire(span.begins_at), ends_at=wire(span.ends_at))
            for span in lived_between(begin, end, zones)
        ],
    )

    assert [s.session_id for s in bounded] == [s.session_id for s in expected]
    assert answer.total.sessions == len(expected)
    assert answer.total.minutes == sum(s.duration_minutes for s in expected)
    assert answer.exp == sum(s.reward_exp for s in expected)
    assert answer.gold == sum(s.reward_gold for s in expected)
    assert answer.drops == sum(s.HasField("dropped_item") for s in expected)
    assert sums(answer.rooms, "room") == counted(expected, attrgetter("room"))
    assert sums(answer.categories, "category") == counted(expected, attrgetter("category"))
    days_counted = counted(expected, lambda s: lived_on(s, zones))
    assert by_day == {day: minutes for day, (_, minutes) in days_counted.items()}


def test_a_new_player_has_none_of_anything(town: Town) -> None:
    answer, by_day = statistics(Player(town.sessions), BEGAN.date(), BEGAN.date())

    assert answer == pb.GetStatisticsResponse(total=pb.Sum(), stretches=[pb.Sum()])
    assert by_day == {}


def test_of_no_time_there_is_nothing_to_tell(town: Town) -> None:
    player = Player(town.sessions)
    player.focus()

    answer, _ = statistics(player, date(9100, 1, 1), date(9100, 1, 2))

    assert answer == pb.GetStatisticsResponse(total=pb.Sum())


def test_only_ones_own_sessions_count(town: Town) -> None:
    ada, bob = Player(town.sessions), Player(town.sessions)
    ada.focus(30)
    today = datetime.now(UTC).date()

    theirs = [statistics(p, today, today + timedelta(1))[0].total for p in (ada, bob)]

    assert theirs == [pb.Sum(sessions=1, minutes=30), pb.Sum()]


def test_an_end_is_exclusive_to_the_microsecond(town: Town) -> None:
    player = Player(town.sessions)
    live(town, player, [Lived(0, 25, "study", "work", "success", drops=False)])
    first, last = BEGAN - timedelta(hours=1), BEGAN + timedelta(microseconds=1)

    counts = [
        player.service.GetStatistics(
            pb.GetStatisticsRequest(
                user_id=player.id,
                stretches=[pb.Stretch(begins_at=wire(begin), ends_at=wire(end))],
            )
        ).total.sessions
        for begin, end in [
            (first, BEGAN),
            (first, last),
            (BEGAN, last),
            (last, last + (last - first)),
        ]
    ]

    assert counts == [0, 1, 1, 0]


def test_categories_are_the_hundred_with_the_most_minutes(town: Town) -> None:
    player = Player(town.sessions)
    lives = [
        Lived(n, 5 + n // 2, "study", f"category {n:03}", "success", drops=False)
        for n in range(110)
    ]
    live(town, player, lives)

    answer, _ = statistics(player, BEGAN.date(), BEGAN.date())

    shown = [(c.category, c.sum.minutes) for c in answer.categories]
    everything = [(lived.category, lived.minutes) for lived in lives]
    assert shown == sorted(everything, key=lambda c: (-c[1], c[0]))[:100]
    assert answer.total.sessions == 110


def test_a_player_with_10_000_sessions_is_answered_within_a_call(town: Town) -> None:
    player = Player(town.sessions)
    rooms = ["study", "build", "training"]
    lives = [
        Lived(57 * n, 25, rooms[n % 3], f"c{n % 40}", "success", drops=n % 10 == 0)
        for n in range(10_000)
    ]
    live(town, player, lives)
    last = BEGAN.date() + timedelta(days=399)

    began = time.monotonic()
    answer, _ = statistics(player, BEGAN.date(), last)
    took = time.monotonic() - began

    assert (answer.total.sessions, len(answer.stretches), len(answer.categories)) == (
        10_000,
        400,
        40,
    )
    # What the gateway gives a call; it takes some 30 ms.
    assert took < 2.0
