"""A player's streak, as operators explain and restore it."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.errors import invalid
from gateway.input import Id, QueryDate, Strict, absent, no_body, path_id, query, read
from gateway.plain import Documented, Takes, json_answer, route
from gateway.routes.admin.operator import Change, changing, operator_of, warrant
from gateway.routes.profile import World, world_json
from gateway.routes.users import account_of
from gateway.times import require_in_order
from gateway.town import town_of
from protos.world.v1 import world_pb2 as pb
from services.kit.enums import Words
from services.kit.times import instant

KINDS = Words[pb.DateKind.ValueType](pb.DateKind)
# As world has it; the statistics too have a row for every date of at most so many.
LONGEST_RANGE = 400
# A month that went wrong. For more, ask again.
RESTORED_AT_ONCE = 31


class Range(Strict):
    """Which of the player's local dates to tell of, inclusive; the last 30 where none is given."""

    first: Annotated[QueryDate, Field(alias="from")] = absent()
    last: Annotated[QueryDate, Field(alias="to")] = absent()


class StreakDate(Documented):
    """One local date.

    `earned` and `restored` add to the streak; `bridge` (skipped by a flight east) and `frozen`
    (covered by a streak freeze) neither add nor break; `missed` ends it; `open` is not over
    yet. `session_id` and `ends_at` are those of the session that ended first of the `sessions`
    that count on it, `day_streak` the streak on that date, `zone` where it was lived.
    """

    date: date
    kind: Literal["earned", "restored", "bridge", "frozen", "missed", "open"]
    zone: str
    day_streak: int
    session_id: Id | None
    ends_at: datetime | None
    sessions: int
    why: str


class Explanation(Documented):
    """Why a streak is what it is. `dates`: oldest first, none before the first that counts."""

    user_id: Id
    today: date
    timezone: str
    day_streak: int
    longest_streak: int
    last_session_date: date | None
    freezes_held: int
    why: str
    dates: list[StreakDate]


class Restoration(Change):
    """Which of the player's local dates count as earned from now on."""

    dates: Annotated[list[QueryDate], Field(min_length=1, max_length=RESTORED_AT_ONCE)]


async def explain_streak(request: Request) -> Response:
    """Each date, where it was lived, the session that counts on it, and why the streak is what it is.

    At most 400 dates: of a wider range that is open at its end, the first ones.
    """
    await operator_of(request)
    await no_body(request)
    user_id = path_id(request, "user_id")
    wish = query(request, Range)
    _require_short(wish)
    town = town_of(request)
    # First: asking world makes a town, and a stranger's is not to be made.
    await account_of(town, user_id)
    world = town.services.world
    asked = pb.ExplainStreakRequest(
        user_id=user_id,
        first=wish.first.isoformat() if wish.first else None,
        last=wish.last.isoformat() if wish.last else None,
    )
    return json_answer(_json(await world.call(world.methods.ExplainStreak, asked)))


async def restore_streak(request: Request) -> Response:
    """Makes dates count as earned: the player's today, or up to 400 days before. Safe to repeat."""
    operator = await changing(request)
    user_id = path_id(request, "user_id")
    wish = await read(request, Restoration)
    town = town_of(request)
    await account_of(town, user_id)
    world = town.services.world
    asked = pb.RestoreStreakRequest(
        user_id=user_id,
        dates=[day.isoformat() for day in wish.dates],
        warrant=warrant(operator, wish),
    )
    answer = await world.call(world.methods.RestoreStreak, asked)
    return json_answer(world_json(answer.world))


def _require_short(wish: Range) -> None:
    """Passes unless there are too many dates between. Raises VALIDATION_FAILED."""
    require_in_order(wish.first, wish.last)
    if wish.first and wish.last and (wish.last - wish.first).days >= LONGEST_RANGE:
        raise invalid((("from",), "range_too_long", f"At most {LONGEST_RANGE} dates."))


def _json(answer: pb.ExplainStreakResponse) -> dict[str, Any]:
    world = answer.world
    return {
        "user_id": world.user_id,
        "today": answer.today,
        "timezone": world.timezone,
        "day_streak": world.day_streak,
        "longest_streak": world.longest_streak,
        "last_session_date": world.last_session_date or None,
        "freezes_held": answer.freezes_held,
        "why": answer.why,
        "dates": [_date_json(each) for each in answer.dates],
    }


def _date_json(told: pb.StreakDate) -> dict[str, Any]:
    return {
        "date": told.date,
        "kind": KINDS.word(told.kind),
        "zone": told.timezone,
        "day_streak": told.day_streak,
        "session_id": told.session_id or None,
        "ends_at": instant(told.ends_at) if told.HasField("ends_at") else None,
        "sessions": told.sessions,
        "why": told.why,
    }


ROUTES = [
    route(
        "GET /api/admin/users/{user_id}/explain/streak",
        explain_streak,
        answer=Explanation,
        takes=Takes(query=Range),
        codes=["FORBIDDEN", "NOT_FOUND"],
    ),
    route(
        "POST /api/admin/users/{user_id}/restore-streak",
        restore_streak,
        answer=World,
        takes=Takes(body=Restoration),
        codes=["FORBIDDEN", "NOT_FOUND"],
    ),
]
