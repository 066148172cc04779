"""What the databases hold in the end, read straight from PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from psycopg.rows import class_row

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as its service keeps it; `dropped_item` is an item's id."""

    id: str
    player: str
    status: str
    ends_at: datetime
    ended_at: datetime | None
    reward_exp: int | None
    reward_gold: int | None
    seed: bytes
    dropped: bool | None
    dropped_item: str | None
    is_settled: bool


@dataclass(frozen=True, slots=True)
class HeroRow:
    """What a hero has."""

    player: str
    level: int
    exp: int
    gold: int


@dataclass(frozen=True, slots=True)
class WorldRow:
    """What a town counts."""

    player: str
    successes: int
    streak: int
    longest_streak: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What world or inventory did for a session; `item` is None where the drop brought none."""

    player: str
    session: str
    item: str | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """An item that was paid for."""

    player: str
    item: str
    gold: int
    is_settled: bool
    is_refunded: bool


@dataclass(frozen=True, slots=True)
class Gift:
    """What the sandbox gave."""

    player: str
    exp: int
    gold: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The final state of some players in all databases."""

    sessions: Mapping[str, SessionRow]
    heroes: Mapping[str, HeroRow]
    worlds: Mapping[str, WorldRow]
    credits: Sequence[Effect]
    drops: Sequence[Effect]
    # Every item that came by a drop, with the session that brought it.
    items: Sequence[Effect]
    purchases: Sequence[Purchase] = ()
    gifts: Sequence[Gift] = ()

    def of(self, player: str) -> list[SessionRow]:
        """One player's sessions."""
        return [row for row in self.sessions.values() if row.player == player]


_SESSIONS = """
    SELECT id::text, user_id::text AS player, status::text, ends_at, ended_at, reward_exp,
           reward_gold, seed, dropped, dropped_item -> 'item' ->> 'id' AS dropped_item,
           settled_at IS NOT NULL AS is_settled
    FROM session WHERE user_id = ANY(%s::uuid[])
"""
_HEROES = """
    SELECT user_id::text AS player, level, exp, gold FROM hero WHERE user_id = ANY(%s::uuid[])
"""
_WORLDS = """
    SELECT user_id::text AS player, total_sessions_success AS successes, day_streak AS streak,
           longest_streak
    FROM world_state WHERE user_id = ANY(%s::uuid[])
"""
_CREDITS = """
    SELECT user_id::text AS player, session_id::text AS session
    FROM credited_session WHERE user_id = ANY(%s::uuid[])
"""
_DROPS = """
    SELECT user_id::text AS player, session_id::text AS session, item_id::text AS item
    FROM drop_grant WHERE user_id = ANY(%s::uuid[])
"""
_ITEMS = """
    SELECT user_id::text AS player, session_id::text AS session, item_id::text AS item
    FROM inventory WHERE source = 'drop' AND user_id = ANY(%s::uuid[])
"""
_PURCHASES = """
    SELECT user_id::text AS player, item_id::text AS item, price_gold AS gold,
           settled_at IS NOT NULL AS is_settled, refunded_at IS NOT NULL AS is_refunded
    FROM purchase WHERE user_id = ANY(%s::uuid[])
"""
_GIFTS = """
    SELECT user_id::text AS player, exp, gold FROM hero_grant WHERE user_id = ANY(%s::uuid[])
"""
_UNSETTLED = """
    SELECT (SELECT count(*) FROM session WHERE status = 'success' AND settled_at IS NULL)
         + (SELECT count(*) FROM purchase WHERE settled_at IS NULL)
"""


def read(databases: Mapping[str, str], players: Sequence[str]) -> Ledger:
    """What the databases hold of some players."""
    session, inventory, world = (databases[s] for s in ("session", "inventory", "world"))
    return Ledger(
        sessions={row.id: row for row in _rows(session, _SESSIONS, players, SessionRow)},
        heroes={row.player: row for row in _rows(session, _HEROES, players, HeroRow)},
        worlds={row.player: row for row in _rows(world, _WORLDS, players, WorldRow)},
        credits=_rows(world, _CREDITS, players, Effect),
        drops=_rows(inventory, _DROPS, players, Effect),
        items=_rows(inventory, _ITEMS, players, Effect),
        purchases=_rows(session, _PURCHASES, players, Purchase),
        gifts=_rows(session, _GIFTS, players, Gift),
    )


def unsettled(databases: Mapping[str, str]) -> int:
    """How many successes and purchases of anybody are still on their way to world or inventory."""
    with psycopg.connect(databases["session"], autocommit=True) as connection:
        row: Any = connection.execute(_UNSETTLED).fetchone()
    return int(row[0])


def _rows(database: str, query: str, players: Sequence[str], kind: type[Row]) -> list[Row]:
    with (
        psycopg.connect(database, autocommit=True) as connection,
        connection.cursor(row_factory=class_row(kind)) as cursor,
    ):
        return cursor.execute(query.encode(), [list(players)]).fetchall()
