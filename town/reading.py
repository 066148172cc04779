"""Reading the facts of players out of the three databases that hold some, page by page.

Every statement names its players, but for the one that lists who there is. Everything is read in the order of the
players, so that of the sessions, of which there are most, only one player's are held at a time.
"""

import contextlib
import heapq
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.string import TextLoader

from services.world.rules import World
from services.world.streak import Dates
from town.databases import connected
from town.facts import (
    PLAYED,
    Credit,
    DropGrant,
    Facts,
    Gift,
    Hero,
    InventoryFacts,
    Owned,
    Purchase,
    SessionFacts,
    Success,
    Wardrobe,
    WorldFacts,
)

Row = TypeVar("Row", bound=Any)
Connection = psycopg.Connection[Any]

PAGE: Final = 1_000
# How our connections show in PostgreSQL's own log and views.
OPERATOR: Final = "nesra-operator"
# Rows of one round trip where a statement may answer very many.
CHUNK: Final = 1_000
# Below every player: uuid's smallest, which no player has.
NOBODY: Final = "00000000-0000-0000-0000-000000000000"

# Every table with rows of players, so that one whom a single table knows is seen too.
TABLES: Final = {
    "session": ("hero", "session", "hero_grant", "purchase"),
    "inventory": ("wardrobe", "inventory", "drop_grant"),
    "world": ("world_state", "credited_session", "credited_date"),
}

NEXT_PLAYERS: Final = sql.SQL(
    "(SELECT DISTINCT user_id FROM {} WHERE user_id > %(after)s ORDER BY user_id LIMIT %(limit)s)"
)
# The next players whom any table of a service knows, by service.
PLAYERS: Final = {
    service: sql.SQL("{} ORDER BY user_id LIMIT %(limit)s").format(
        sql.SQL(" UNION ").join(NEXT_PLAYERS.format(sql.Identifier(table)) for table in tables)
    )
    for service, tables in TABLES.items()
}
HEROES: Final = """
    SELECT user_id, level, exp, gold, clock_revision
    FROM hero WHERE hero.user_id = ANY (%(users)s::uuid[])
"""
GIFTS: Final = """
    SELECT user_id, sum(exp)::bigint AS exp, sum(gold)::bigint AS gold
    FROM hero_grant WHERE hero_grant.user_id = ANY (%(users)s::uuid[])
    GROUP BY user_id
"""
PURCHASES: Final = """
    SELECT user_id, id, item_id, price_gold, bought_at,
           refunded_at IS NOT NULL AS is_refunded, settled_at IS NOT NULL AS is_settled,
           CASE WHEN settled_at IS NULL THEN settle_after END AS settle_after, settle_attempts
    FROM purchase WHERE purchase.user_id = ANY (%(users)s::uuid[])
    ORDER BY user_id, id
"""
SUCCESSES: Final = """
    SELECT user_id, id, duration_minutes AS minutes, started_at, ends_at, ended_at,
           reward_exp AS exp, reward_gold AS gold, drop_chance AS chance,
           dropped, dropped_item -> 'item' ->> 'id' AS item_id, rules_version,
           settled_at IS NOT NULL AS is_settled,
           CASE WHEN settled_at IS NULL THEN settle_after END AS settle_after, settle_attempts
    FROM session
    WHERE session.user_id = ANY (%(users)s::uuid[]) AND status = 'success'
    ORDER BY user_id, id
"""
OWNED: Final = """
    SELECT inventory.user_id, item_id, type, source, session_id, purchase_id
    FROM inventory JOIN item ON item.id = inventory.item_id
    WHERE inventory.user_id = ANY (%(users)s::uuid[])
"""
DROP_GRANTS: Final = """
    SELECT user_id, session_id, item_id
    FROM drop_grant WHERE drop_grant.user_id = ANY (%(users)s::uuid[])
"""
WARDROBES: Final = """
    SELECT user_id, equipped_hat_id AS hat, equipped_outfit_id AS outfit,
           equipped_accessory_id AS accessory
    FROM wardrobe WHERE wardrobe.user_id = ANY (%(users)s::uuid[])
"""
WORLDS: Final = sql.SQL(
    "SELECT {} FROM world_state WHERE world_state.user_id = ANY (%(users)s::uuid[])"
).format(sql.SQL(", ").join(map(sql.Identifier, World._fields)))
DATES: Final = """
    SELECT user_id, local_date, kind
    FROM credited_date WHERE credited_date.user_id = ANY (%(users)s::uuid[])
"""
CREDITS: Final = """
    SELECT user_id, session_id, local_date, array_to_string(rooms_upgraded, ',') AS rooms
    FROM credited_session WHERE credited_session.user_id = ANY (%(users)s::uuid[])
    ORDER BY user_id, session_id
"""


@dataclass(frozen=True, slots=True)
class _Day:
    user_id: str
    local_date: date
    kind: str


class Reader:
    """Reads the town at `urls`, and changes nothing."""

    def __init__(self, urls: Mapping[str, str], *, page: int = PAGE) -> None:
        """Name the databases, and how many players are read at a time."""
        self._urls = urls
        self._page = page
        self._stack = contextlib.ExitStack()
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> Self:
        """Connect. Raises DatabaseFailed."""
        with contextlib.ExitStack() as stack:
            for service in PLAYED:
                connection = stack.enter_context(connection_of(service, self._urls))
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.execute("SET default_transaction_read_only = on")
                self._connections[service] = connection
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self._stack.close()

    def count(self) -> int:
        """Return about how many players there are."""
        most = 0
        for service, connection in self._connections.items():
            count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(TABLES[service][0]))
            most = max(most, *(row[0] for row in connection.execute(count)))
        return most

    def pages(self) -> Iterator[list[str]]:
        """Return all players whom any table knows, in order."""
        after = NOBODY
        while page := self._players(after):
            yield page
            after = page[-1]

    def read(self, players: Sequence[str]) -> Iterator[Facts]:
        """Return the facts of players, who come in order; each database is seen as it is at one instant.

        Session is seen first, and that makes an open town readable: session commits a success before it tells
        the two others, so whatever session calls settled, they have. They may have more, from after session's
        instant; whoever reads again sees session later than that, and finds the reason. What is still wrong
        then, with the same values, is wrong.
        """
        with contextlib.ExitStack() as stack:
            for connection in self._connections.values():
                stack.enter_context(connection.transaction())
            # Nobody may leave a transaction while rows still arrive in it.
            session, inventory, world = (
                stack.enter_context(contextlib.closing(FACTS[service](connection, players)))
                for service, connection in self._connections.items()
            )
            # Session is asked first: with the first of its statements a database fixes its instant.
            yield from map(Facts, players, session, inventory, world)

    def _players(self, after: str) -> list[str]:
        bounds = {"after": after, "limit": self._page}
        found = (
            [row[0] for row in connection.execute(PLAYERS[service], bounds)]
            for service, connection in self._connections.items()
        )
        return list(islice(_distinct(heapq.merge(*found)), self._page))


@contextlib.contextmanager
def connection_of(service: str, urls: Mapping[str, str]) -> Iterator[Connection]:
    """Lend a connection to a service's database that reads ids as text and instants in UTC. Raises DatabaseFailed."""
    name = f"NESRA_{service.upper()}_DATABASE_URL"
    with connected(urls[service], name=name) as connection:
        connection.adapters.register_loader("uuid", TextLoader)
        connection.execute("SET TIME ZONE 'UTC'")
        connection.execute(sql.SQL("SET application_name = {}").format(OPERATOR))
        yield connection


def session_facts(connection: Connection, players: Sequence[str]) -> Generator[SessionFacts]:
    """Return what session knows of players, who come in order."""
    now = database_now(connection)
    heroes = _one_each(_all(connection, HEROES, Hero, players))
    gifts = _one_each(_all(connection, GIFTS, Gift, players))
    purchases = _many_each(_all(connection, PURCHASES, Purchase, players))
    successes = _by_player(players, _stream(connection, SUCCESSES, Success, players))
    for player, mine in zip(players, successes, strict=True):
        yield SessionFacts(
            now=now,
            hero=heroes.get(player),
            gift=gifts.get(player),
            successes=mine,
            purchases=purchases[player],
        )


def inventory_facts(connection: Connection, players: Sequence[str]) -> Generator[InventoryFacts]:
    """Return what inventory knows of players, who come in order."""
    owned = _many_each(_all(connection, OWNED, Owned, players))
    grants = _many_each(_all(connection, DROP_GRANTS, DropGrant, players))
    wardrobes = _one_each(_all(connection, WARDROBES, Wardrobe, players))
    for player in players:
        yield InventoryFacts(owned[player], grants[player], wardrobes.get(player))


def world_facts(connection: Connection, players: Sequence[str]) -> Generator[WorldFacts]:
    """Return what world knows of players, who come in order."""
    worlds = _one_each(_all(connection, WORLDS, World, players))
    days = _many_each(_all(connection, DATES, _Day, players))
    credits_ = _by_player(players, _stream(connection, CREDITS, Credit, players))
    for player, mine in zip(players, credits_, strict=True):
        yield WorldFacts(worlds.get(player), mine, _dates(days[player]))


def database_now(connection: Connection) -> datetime:
    """Return the database's time, read now."""
    (row,) = connection.execute("SELECT clock_timestamp()").fetchall()
    now: datetime = row[0]
    return now


FACTS: Final[dict[str, Callable[[Connection, Sequence[str]], Generator[Any]]]] = {
    "session": session_facts,
    "inventory": inventory_facts,
    "world": world_facts,
}


def _dates(days: Iterable[_Day]) -> Dates:
    dates = Dates()
    for day in days:
        dates.put(day.local_date, day.kind)
    return dates


def _distinct(ordered: Iterable[str]) -> Iterator[str]:
    last = None
    for one in ordered:
        if one != last:
            yield one
        last = one


def _all(
    connection: Connection, statement: str | sql.Composed, row: type[Row], players: Sequence[str]
) -> list[Row]:
    cursor = connection.cursor(row_factory=class_row(row))
    return cursor.execute(statement, {"users": list(players)}).fetchall()


def _stream(
    connection: Connection, statement: str, row: type[Row], players: Sequence[str]
) -> Iterator[Row]:
    """Return rows as they arrive; the connection answers nothing else before the last."""
    cursor = connection.cursor(row_factory=class_row(row))
    return cursor.stream(statement, {"users": list(players)}, size=CHUNK)


def _by_player(players: Sequence[str], rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Return each player's rows, out of rows that come in the same order as the players."""
    waiting = next(rows, None)
    for player in players:
        mine = []
        while waiting is not None and waiting.user_id == player:
            mine.append(waiting)
            waiting = next(rows, None)
        yield mine


def _one_each(rows: Iterable[Row]) -> dict[str, Row]:
    return {row.user_id: row for row in rows}


def _many_each(rows: Iterable[Row]) -> defaultdict[str, list[Row]]:
    lists: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        lists[row.user_id].append(row)
    return lists
