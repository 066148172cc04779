"""The statements over the dates of players: which are credited, and by which sessions."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from services.kit.database import Connection
from services.kit.statements import Command, Query, given, of_users
from services.world.explaining import DateSessions
from services.world.streak import Dates
from services.world.tables import (
    BRIDGE,
    DATE,
    ID,
    RESTORED,
    credited_date,
    credited_session,
)


class _Day(NamedTuple):
    user_id: str
    local_date: date


class _DayOfKind(NamedTuple):
    user_id: str
    local_date: date
    kind: str


_days = given(credited_date.c.user_id, credited_date.c.local_date)
_BRIDGE = Command(
    upsert(credited_date)
    .from_select(["user_id", "local_date", "kind"], select(_days, BRIDGE))
    .on_conflict_do_nothing(index_elements=["user_id", "local_date"])
)
_RESTORE = Command(
    upsert(credited_date)
    .from_select(["user_id", "local_date", "kind"], select(_days, RESTORED))
    .on_conflict_do_update(
        index_elements=["user_id", "local_date"],
        set_={"kind": RESTORED},
        where=credited_date.c.kind == BRIDGE,
    )
)
_DATES = Query(
    select(credited_date.c.user_id, credited_date.c.local_date, credited_date.c.kind).where(
        of_users(credited_date.c.user_id)
    ),
    _DayOfKind,
)

# Of each date the session that ended first; `credited_at` is when the first one counted.
_date = credited_session.c.local_date
_SESSIONS = Query(
    select(
        _date,
        credited_session.c.session_id,
        credited_session.c.ends_at,
        func.min(credited_session.c.credited_at).over(partition_by=_date).label("credited_at"),
        func.count().over(partition_by=_date).label("sessions"),
    )
    .ext(distinct_on(_date))
    .where(
        credited_session.c.user_id == bindparam("user_id", type_=ID),
        _date.between(bindparam("first", type_=DATE), bindparam("last", type_=DATE)),
    )
    .order_by(_date, credited_session.c.ends_at, credited_session.c.session_id),
    DateSessions,
)


def bridge(connection: Connection, user_id: str, days: Iterable[date]) -> None:
    """Records bridges of a player; an earned date stays earned."""
    _BRIDGE.run(connection, rows=[_Day(user_id, day) for day in sorted(days)])


def dates(connection: Connection, users: Sequence[str]) -> dict[str, Dates]:
    """Every credited date of the players."""
    calendars = {user: Dates() for user in users}
    for row in _DATES.all(connection, users=users):
        calendars[row.user_id].put(row.local_date, row.kind)
    return calendars


def restore(connection: Connection, user_id: str, days: Iterable[date]) -> None:
    """Records dates that count by an operator's word; an earned date stays earned."""
    _RESTORE.run(connection, rows=[_Day(user_id, day) for day in sorted(days)])


def sessions(
    connection: Connection, user_id: str, first: date, last: date
) -> dict[date, DateSessions]:
    """By date, within both bounds, the sessions of a player that count."""
    found = _SESSIONS.all(connection, user_id=user_id, first=first, last=last)
    return {row.local_date: row for row in found}
