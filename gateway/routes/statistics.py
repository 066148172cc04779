"""What a player's sessions come to: totals, the best day, rooms, categories, every date."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.errors import invalid
from gateway.input import QueryDate, Strict, absent, no_body, query
from gateway.plain import Documented, Takes, json_answer, route
from gateway.routes.profile import zones_of
from gateway.routes.tasks import ROOMS, Room
from gateway.times import Stretch, require_in_order, stretches
from gateway.town import player_of, town_of
from protos.session.v1 import session_pb2
from services.kit.times import wire

# A year, and a month of the one before to compare with.
MOST_DAYS = 400
# What is shown of whoever does not say.
USUAL_DAYS = 30


class Totals(Documented):
    """All sessions together; `drops` are items that they brought."""

    sessions: int
    minutes: int
    exp: int
    gold: int
    drops: int


class DaySum(Documented):
    """The sessions of one local date."""

    date: date
    sessions: int
    minutes: int


class RoomSum(Documented):
    """The sessions of one room."""

    room: Room
    sessions: int
    minutes: int


class CategorySum(Documented):
    """The sessions of one category."""

    category: str
    sessions: int
    minutes: int


class Statistics(Documented):
    """What successful sessions come to.

    `best_day`: that with the most minutes, of several the latest; null without a session.
    `rooms`: always all three. `categories`: those that have any, the most minutes first, a
    hundred at most. `days`: every date, oldest first.
    """

    totals: Totals
    best_day: DaySum | None
    rooms: list[RoomSum]
    categories: list[CategorySum]
    days: list[DaySum]


class Range(Strict):
    """Which dates to tell of, both inclusive, at most 400.

    Without `to` up to today, or to `from` where that is later; without `from` the 30 days
    that end then.
    """

    first: Annotated[QueryDate, Field(alias="from")] = absent()
    last: Annotated[QueryDate, Field(alias="to")] = absent()


async def read_statistics(request: Request) -> Response:
    """What the player's successful sessions come to, over dates.

    Both ends of the range are inclusive, 400 dates at most. Without `to` it ends today, or
    at `from` where that is later; without `from` it has 30 dates. A session counts on the
    local date of its `ends_at`, in the zone in force then, as for the streak.
    """
    town, player = town_of(request), player_of(request)
    await no_body(request)
    wish = query(request, Range)
    require_in_order(wish.first, wish.last)
    today, zones = await zones_of(town, player)
    days = _days(wish, today=today)
    parts = stretches(days[0], days[-1], zones)
    session = town.services.session
    asked = session_pb2.GetStatisticsRequest(user_id=player.id)
    for part in parts:
        asked.stretches.add(begins_at=wire(part.begins_at), ends_at=wire(part.ends_at))
    found = await session.call(session.methods.GetStatistics, asked)
    return json_answer(_json(found, _by_day(days, parts, found.stretches)))


def _days(wish: Range, *, today: date) -> Sequence[date]:
    """Every date that is wished for. Raises VALIDATION_FAILED for too many."""
    last = wish.last or max(today, wish.first or today)
    # The calendar has a first date.
    usual = max(last.toordinal() - USUAL_DAYS + 1, 1)
    first = wish.first or date.fromordinal(usual)
    count = (last - first).days + 1
    if count > MOST_DAYS:
        raise invalid((("from",), "range_too_long", f"At most {MOST_DAYS} days."))
    return [first + timedelta(days=n) for n in range(count)]


def _by_day(
    days: Sequence[date], parts: Sequence[Stretch], sums: Sequence[session_pb2.Sum]
) -> list[dict[str, Any]]:
    """The sums of each date, over all the stretches of time that were on it."""
    of: Mapping[date, list[session_pb2.Sum]] = defaultdict(list)
    for part, each in zip(parts, sums, strict=True):
        of[part.day].append(each)
    return [
        {
            "date": day,
            "sessions": sum(each.sessions for each in of[day]),
            "minutes": sum(each.minutes for each in of[day]),
        }
        for day in days
    ]


def _json(found: session_pb2.GetStatisticsResponse, days: list[dict[str, Any]]) -> dict[str, Any]:
    best = max(days, key=lambda day: (day["minutes"], day["date"]))
    rooms = {ROOMS.word(each.room): each.sum for each in found.rooms}
    return {
        "totals": _sum(found.total) | {"exp": found.exp, "gold": found.gold, "drops": found.drops},
        "best_day": best if best["sessions"] else None,
        "rooms": [
            {"room": room} | _sum(rooms.get(room, session_pb2.Sum()))
            for room in ("study", "build", "training")
        ],
        "categories": [{"category": each.category} | _sum(each.sum) for each in found.categories],
        "days": days,
    }


def _sum(found: session_pb2.Sum) -> dict[str, int]:
    return {"sessions": found.sessions, "minutes": found.minutes}


ROUTES = [
    route(
        "GET /api/session/stats",
        read_statistics,
        answer=Statistics,
        takes=Takes(query=Range),
    ),
]
