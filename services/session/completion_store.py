"""The two statements of a completion: sessions locked with their heroes, and both saved.

A pair at a time is locked, in (user_id, id) order: the session, then its hero. See
store.py for sessions, player_store.py for heroes.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, and_, select, update

from services.kit.database import Connection
from services.kit.statements import Command, Found, Timed, given, of_users
from services.session.player_store import HERO, HeroRow
from services.session.store import CLOSED, SESSION, Key, SessionRow, closing, in_order
from services.session.tables import hero, session


class Outcome(NamedTuple):
    """What is stored of a session that ends, and of its hero: of several, each has the last."""

    user_id: str
    id: str
    status: str
    ended_at: datetime | None
    reward_exp: int | None
    reward_gold: int | None
    levels_gained: int | None
    drop_chance: int | None
    dropped: bool | None
    rules_version: str | None
    settle_after: datetime | None
    hero_level: int
    hero_exp: int
    hero_gold: int


_these = given(session.c.user_id, session.c.id)
_LOCK = Timed(
    select(*SESSION, *HERO)
    .join(_these, and_(session.c.user_id == _these.c.user_id, session.c.id == _these.c.id))
    .join(hero, and_(hero.c.user_id == session.c.user_id, of_users(hero.c.user_id)))
    .where(of_users(session.c.user_id))
    .order_by(session.c.user_id, session.c.id)
    .with_for_update(of=[session, hero]),
    SessionRow,
    HeroRow,
)

_GROWN = [Column(f"hero_{name}", BigInteger) for name in ("level", "exp", "gold")]
_outcome = select(given(*CLOSED, *_GROWN)).cte("outcome")
_closed = closing(_outcome).cte("closed")
_SAVE = Command(
    update(hero)
    .values({hero.c[c.name.removeprefix("hero_")]: _outcome.c[c.name] for c in _GROWN})
    .where(of_users(hero.c.user_id), hero.c.user_id == _outcome.c.user_id)
    .add_cte(_closed)
)


def lock(connection: Connection, keys: Iterable[Key]) -> Found[tuple[SessionRow, HeroRow]]:
    """The sessions that exist among `keys` with their heroes, locked, and the time since."""
    return _LOCK.all(connection, rows=in_order(set(keys)))


def save(connection: Connection, rows: Sequence[Outcome]) -> None:
    """Gives locked pending sessions their final status, and their heroes what they grew to."""
    if rows:
        _SAVE.run(connection, rows=in_order(rows))


def outcome(row: SessionRow, hero: HeroRow) -> Outcome:
    """What is stored of the two."""
    return Outcome(
        row.user_id,
        row.id,
        row.status,
        row.ended_at,
        row.reward_exp,
        row.reward_gold,
        row.levels_gained,
        row.drop_chance,
        row.dropped,
        row.rules_version,
        row.settle_after,
        hero.level,
        hero.exp,
        hero.gold,
    )
