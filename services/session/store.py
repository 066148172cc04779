"""The statements about sessions: the transaction's connection first, rows out.

Each works on a whole batch: arrays in, one round trip. Rows are locked in
(user_id, id) order, sessions before heroes (player_store.py).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    and_,
    bindparam,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from services.kit.database import Connection
from services.kit.statements import Command, Query, Timed, given, of_users, where_given
from services.session.stretches import (
    Stretch,
    bounds_of,
    has_no_bound,
    is_within,
    place_among_bounds,
)
from services.session.tables import (
    ID,
    INSTANT,
    PENDING,
    ROOM,
    STATUS,
    session,
)


class Key(NamedTuple):
    """Names one row of one player."""

    user_id: str
    id: str


class SessionRow(NamedTuple):
    """A session with everything that was decided about it; see tables.py."""

    user_id: str
    id: str
    task_template_id: str
    task_name: str
    category: str
    room: str
    duration_minutes: int
    started_at: datetime
    ends_at: datetime
    seed: bytes
    status: str = "pending"
    ended_at: datetime | None = None
    reward_exp: int | None = None
    reward_gold: int | None = None
    levels_gained: int | None = None
    drop_chance: int | None = None
    dropped: bool | None = None
    dropped_item: dict[str, Any] | None = None
    rules_version: str | None = None
    settled_at: datetime | None = None
    settle_after: datetime | None = None
    settle_attempts: int = 0
    settle_refusals: int = 0

    @property
    def key(self) -> Key:
        """Names it."""
        return Key(self.user_id, self.id)


class Undelivered(NamedTuple):
    """A row that others must still be told of.

    `state` is waiting: nobody refused it; failing: refused, and tried again; dead: given
    up, and then there is no `settle_after`, its next try. `since` when it was paid.
    """

    user_id: str
    id: str
    kind: str
    state: str
    attempts: int
    refusals: int
    settle_after: datetime | None
    since: datetime


class Place(NamedTuple):
    """How far a walk over pending sessions has come."""

    ends_at: datetime
    id: str


FIRST = Place(datetime.min.replace(tzinfo=UTC), str(UUID(int=0)))


class Page(NamedTuple):
    """Which finished sessions of one player: None, or no stretch, means no bound."""

    user_id: str
    status: str | None
    room: str | None
    ends_from: datetime | None
    ends_before: datetime | None
    before: str | None
    limit: int
    # In order, and none reaches into the next.
    stretches: Sequence[Stretch] = ()


SESSION = [session.c[name] for name in SessionRow._fields]

_these = given(session.c.user_id, session.c.id)
_LOCK_SESSIONS = Query(
    select(*SESSION)
    .join(_these, and_(session.c.user_id == _these.c.user_id, session.c.id == _these.c.id))
    .where(of_users(session.c.user_id))
    .order_by(session.c.user_id, session.c.id)
    .with_for_update(of=session),
    SessionRow,
)
_PENDING = (
    select(*SESSION)
    .where(of_users(session.c.user_id), session.c.status == PENDING)
    .order_by(session.c.user_id)
)
_READ_PENDING = Query(_PENDING, SessionRow)
_LOCK_PENDING = Timed(_PENDING.with_for_update(of=session), SessionRow)

_OPENED = [
    session.c[name]
    for name in (
        "user_id",
        "id",
        "task_template_id",
        "task_name",
        "category",
        "room",
        "duration_minutes",
        "started_at",
        "ends_at",
        "seed",
        "status",
    )
]
_opened = given(*_OPENED)
_OPEN = Query(
    upsert(session)
    .from_select([c.name for c in _OPENED], select(_opened))
    .on_conflict_do_nothing(index_elements=["user_id"], index_where=session.c.status == PENDING)
    .returning(session.c.user_id, session.c.id),
    Key,
)

# What is stored of a session that ends.
CLOSED = [
    session.c[name]
    for name in (
        "user_id",
        "id",
        "status",
        "ended_at",
        "reward_exp",
        "reward_gold",
        "levels_gained",
        "drop_chance",
        "dropped",
        "rules_version",
        "settle_after",
    )
]


def set_from(row: Any, columns: Iterable[Column[Any]]) -> dict[str, Any]:
    """What an UPDATE sets: every column but the key, from given rows."""
    return {c.name: row.c[c.name] for c in columns if c.name not in ("user_id", "id")}


def closing(row: Any) -> Any:
    """The UPDATE that ends pending sessions as given rows say; what is final stays as it is."""
    conditions = (
        of_users(session.c.user_id),
        session.c.user_id == row.c.user_id,
        session.c.id == row.c.id,
        session.c.status == PENDING,
    )
    return update(session).values(set_from(row, CLOSED)).where(*conditions)


_CLOSE = Command(closing(given(*CLOSED)))


# Spans all players, without a lock: see timeouts.py.
_OVERDUE = Query(
    select(*SESSION)
    .where(
        session.c.status == PENDING,
        session.c.ends_at < bindparam("ended", type_=INSTANT),
        tuple_(session.c.ends_at, session.c.id)
        > tuple_(bindparam("after_ends_at", type_=INSTANT), bindparam("after_id", type_=ID)),
    )
    .order_by(session.c.ends_at, session.c.id)
    .limit(bindparam("limit", type_=BigInteger)),
    SessionRow,
)


_HISTORY = Query(
    select(*SESSION)
    .where(
        session.c.user_id == bindparam("user_id", type_=ID),
        session.c.status != PENDING,
        where_given("status", STATUS, lambda p: session.c.status == p),
        where_given("room", ROOM, lambda p: session.c.room == p),
        where_given("ends_from", INSTANT, lambda p: session.c.ends_at >= p),
        where_given("ends_before", INSTANT, lambda p: session.c.ends_at < p),
        where_given("before", ID, lambda p: session.c.id < p),
        or_(has_no_bound(), is_within(place_among_bounds())),
    )
    .order_by(session.c.user_id.desc(), session.c.id.desc())
    .limit(bindparam("limit", type_=BigInteger)),
    SessionRow,
)


def lock_sessions(connection: Connection, keys: Iterable[Key]) -> dict[Key, SessionRow]:
    """The sessions that exist among `keys`, locked."""
    rows = _LOCK_SESSIONS.all(connection, rows=in_order(set(keys)))
    return {Key(row.user_id, row.id): row for row in rows}


def read_pending(connection: Connection, users: Sequence[str]) -> dict[str, SessionRow]:
    """The pending session of each player who has one."""
    return {row.user_id: row for row in _READ_PENDING.all(connection, users=users)}


def lock_pending(
    connection: Connection, users: Sequence[str]
) -> tuple[dict[str, SessionRow], datetime]:
    """The pending session of each player who has one, locked, and the time since."""
    locked, now = _LOCK_PENDING.all(connection, users=users)
    return {row.user_id: row for row in locked}, now


def open_sessions(connection: Connection, rows: Sequence[SessionRow]) -> set[Key]:
    """Inserts pending sessions; the keys of those whose player had none pending."""
    return set(_OPEN.all(connection, rows=in_order(rows))) if rows else set()


def close_sessions(connection: Connection, rows: Sequence[SessionRow]) -> None:
    """Gives pending sessions their final status; what is final stays as it is."""
    if rows:
        _CLOSE.run(connection, rows=in_order(rows))


def overdue(
    connection: Connection, *, ended: datetime, after: Place, limit: int
) -> list[SessionRow]:
    """Pending sessions of all players that ended before `ended`, oldest first, from a place on."""
    return _OVERDUE.all(
        connection, ended=ended, after_ends_at=after.ends_at, after_id=after.id, limit=limit
    )


def place_of(row: SessionRow) -> Place:
    """Where a walk stands that has come to this session."""
    return Place(row.ends_at, row.id)


def history(connection: Connection, page: Page) -> list[SessionRow]:
    """Finished sessions of one player, newest first."""
    wanted = page._asdict()
    bounds = bounds_of(wanted.pop("stretches"))
    return _HISTORY.all(connection, **wanted, bounds=bounds)


def in_order(rows: Iterable[Any]) -> list[Any]:
    """The order in which every transaction locks and inserts, so that none wait in a ring."""
    return sorted(rows, key=lambda row: (row.user_id, row.id))
