"""The world service's statements: the transaction's connection first, rows out.

Each works on a whole batch: arrays in, one round trip. Rows are locked in
user order.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Text,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from services.kit.database import Connection
from services.kit.statements import Command, Query, Timed, given, of_users, transposed
from services.world.rules import World
from services.world.streak import ZoneChange
from services.world.tables import (
    BRIDGE,
    EARNED,
    ID,
    INSTANT,
    credited_date,
    credited_session,
    world_state,
    zone_change,
)


class Key(NamedTuple):
    """Names one session of one player."""

    user_id: str
    session_id: str


class CreditRow(NamedTuple):
    """A session that counts now; `rooms` are those that it upgraded.

    `is_new_date` when its date is not known yet as the last earned one.
    """

    user_id: str
    session_id: str
    ends_at: datetime
    local_date: date
    rooms: str
    is_new_date: bool


class Lapsed(NamedTuple):
    """A player whose last date is over, and the date that the streak reached."""

    user_id: str
    streak_through: date


class _Zone(NamedTuple):
    timezone: str


class _Credited(NamedTuple):
    user_id: str
    session_id: str
    rooms_upgraded: list[str]


_WORLD = [world_state.c[name] for name in World._fields]
_WORLDS = select(*_WORLD).where(of_users(world_state.c.user_id)).order_by(world_state.c.user_id)
_READ_WORLDS = Timed(_WORLDS, World)
_LOCK_WORLDS = Timed(_WORLDS.with_for_update(of=world_state), World)

_new = given(*_WORLD)
_MAKE_WORLDS = Command(
    upsert(world_state)
    .from_select([c.name for c in _WORLD], select(_new))
    .on_conflict_do_nothing(index_elements=["user_id"])
)
_changed = given(*_WORLD)
_SAVE_WORLDS = Command(
    update(world_state)
    .values({c.name: _changed.c[c.name] for c in _WORLD if c.name not in ("user_id", "id")})
    .where(of_users(world_state.c.user_id), world_state.c.user_id == _changed.c.user_id)
)

# Literally what the partial index says: with a parameter in its place no plan could use it.
_HAS_STREAK = world_state.c.day_streak > literal_column("0")
# Over all players: endings.py closes them player by player afterwards.
_NEXT_ZONE = Query(
    select(world_state.c.timezone)
    .where(_HAS_STREAK, world_state.c.timezone > bindparam("after", type_=Text))
    .order_by(world_state.c.timezone)
    .limit(1),
    _Zone,
)
_LAPSED = Query(
    select(world_state.c.user_id, world_state.c.streak_through)
    .where(
        _HAS_STREAK,
        world_state.c.timezone == bindparam("zone", type_=Text),
        world_state.c.streak_through < bindparam("before", type_=Date),
        tuple_(world_state.c.streak_through, world_state.c.user_id)
        > tuple_(bindparam("after_day", type_=Date), bindparam("after_user", type_=ID)),
    )
    .order_by(world_state.c.streak_through, world_state.c.user_id)
    .limit(bindparam("limit", type_=BigInteger)),
    Lapsed,
)

_these = given(credited_session.c.user_id, credited_session.c.session_id)
_CREDITED = Query(
    select(
        credited_session.c.user_id,
        credited_session.c.session_id,
        credited_session.c.rooms_upgraded,
    )
    .join(
        _these,
        and_(
            credited_session.c.user_id == _these.c.user_id,
            credited_session.c.session_id == _these.c.session_id,
        ),
    )
    .where(of_users(credited_session.c.user_id)),
    _Credited,
)
_CREDIT = [
    *(credited_session.c[name] for name in ("user_id", "session_id", "ends_at", "local_date")),
    # An array of arrays cannot be unnested row by row: the rooms travel as one text.
    Column("rooms", Text),
    Column("is_new_date", Boolean),
]
# What a success changes of a world.
_GROWN = [
    world_state.c[name]
    for name in (
        "study_room_level",
        "build_room_level",
        "training_room_level",
        "plaza_level",
        "total_sessions_success",
        "day_streak",
        "longest_streak",
        "last_session_date",
        "streak_through",
        "bridged_through",
        "freeze_days",
        "ended_on",
    )
]
_credits = select(given(*_CREDIT, *_GROWN)).cte("credits")
_credited = (
    insert(credited_session)
    .from_select(
        ["user_id", "session_id", "ends_at", "local_date", "credited_at", "rooms_upgraded"],
        select(
            _credits.c.user_id,
            _credits.c.session_id,
            _credits.c.ends_at,
            _credits.c.local_date,
            bindparam("credited_at", type_=INSTANT),
            func.string_to_array(_credits.c.rooms, ","),
        ),
    )
    .cte("credited")
)
_earned = (
    upsert(credited_date)
    .from_select(
        ["user_id", "local_date", "kind"],
        select(_credits.c.user_id, _credits.c.local_date, EARNED)
        .where(_credits.c.is_new_date)
        .distinct(),
    )
    .on_conflict_do_update(
        index_elements=["user_id", "local_date"],
        set_={"kind": EARNED},
        # What an operator restored stays so, whatever becomes of the session.
        where=credited_date.c.kind == BRIDGE,
    )
    .cte("earned")
)
_CREDIT_SESSIONS = Command(
    update(world_state)
    .values({c.name: _credits.c[c.name] for c in _GROWN})
    .where(of_users(world_state.c.user_id), world_state.c.user_id == _credits.c.user_id)
    .add_cte(_credited, _earned)
)

_CHANGE = [zone_change.c[name] for name in ZoneChange._fields]
_ZONE_CHANGES = Query(select(*_CHANGE).where(of_users(zone_change.c.user_id)), ZoneChange)
_FORGET_LATER_ZONES = Command(
    delete(zone_change).where(
        zone_change.c.user_id == bindparam("user_id", type_=ID),
        zone_change.c.changed_at >= bindparam("changed_at", type_=INSTANT),
    )
)
_ADD_ZONE = Command(
    insert(zone_change).from_select([c.name for c in _CHANGE], select(given(*_CHANGE)))
)


def read_worlds(connection: Connection, users: Sequence[str]) -> tuple[dict[str, World], datetime]:
    """The worlds that exist, and the time."""
    worlds, now = _READ_WORLDS.all(connection, users=users)
    return {world.user_id: world for world in worlds}, now


def lock_worlds(connection: Connection, users: Sequence[str]) -> tuple[dict[str, World], datetime]:
    """The worlds that exist, locked, and the time since."""
    worlds, now = _LOCK_WORLDS.all(connection, users=users)
    return {world.user_id: world for world in worlds}, now


def make_worlds(connection: Connection, worlds: Iterable[World]) -> None:
    """Stores new worlds; those of players who have one stay as they are."""
    _MAKE_WORLDS.run(connection, rows=_in_order(worlds))


def save_worlds(connection: Connection, worlds: Iterable[World]) -> None:
    """Stores locked worlds."""
    _SAVE_WORLDS.run(connection, rows=_in_order(worlds))


def next_zone(connection: Connection, after: str) -> str | None:
    """The zone after `after`, by name, in which anybody has a streak."""
    found = _NEXT_ZONE.one(connection, after=after)
    return found and found.timezone


def lapsed(
    connection: Connection, zone: str, *, before: date, after: Lapsed, limit: int
) -> list[Lapsed]:
    """Players of a zone whose streak reached no date from `before` on, behind a place in their order."""
    return _LAPSED.all(
        connection,
        zone=zone,
        before=before,
        after_day=after.streak_through,
        after_user=after.user_id,
        limit=limit,
    )


def credited(connection: Connection, keys: Iterable[Key]) -> dict[Key, tuple[str, ...]]:
    """The sessions among `keys` that count already, with the rooms that each upgraded."""
    rows = _CREDITED.all(connection, rows=list(keys))
    return {Key(row.user_id, row.session_id): tuple(row.rooms_upgraded) for row in rows}


def credit_sessions(
    connection: Connection,
    rows: Sequence[CreditRow],
    worlds: Mapping[str, World],
    *,
    credited_at: datetime,
) -> None:
    """Records sessions that count, their dates as earned ones, and what locked worlds grew to.

    A second record of one session is refused; a bridge becomes earned.
    """
    after = [worlds[row.user_id] for row in rows]
    grown = transposed(after, [column.name for column in _GROWN])
    _CREDIT_SESSIONS.run(connection, rows=rows, credited_at=credited_at, **grown)


def zone_changes(connection: Connection, users: Sequence[str]) -> dict[str, list[ZoneChange]]:
    """Every change of zone of the players."""
    changes: dict[str, list[ZoneChange]] = {user: [] for user in users}
    for change in _ZONE_CHANGES.all(connection, users=users):
        changes[change.user_id].append(change)
    return changes


def set_zone(connection: Connection, change: ZoneChange) -> None:
    """Records a zone that is in force from now on.

    A later change can only stem from a sandbox clock that was set back since.
    """
    at = {"user_id": change.user_id, "changed_at": change.changed_at}
    _FORGET_LATER_ZONES.run(connection, **at)
    _ADD_ZONE.run(connection, rows=[change])


def _in_order(worlds: Iterable[World]) -> list[Any]:
    """The order in which every transaction inserts, so that none wait in a ring."""
    return sorted(worlds, key=lambda world: world.user_id)
