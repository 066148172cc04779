"""The wardrobes of players: each is the lock on all that its player owns and wears."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple, TypeVar

from services.inventory import store
from services.inventory.rules import players_now
from services.inventory.store import WardrobeRow
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.newcomers import under_lock

Answer = TypeVar("Answer")


class Clock(NamedTuple):
    """What time it is: really, and by one player's clock, which the sandbox lets run ahead."""

    now: datetime
    players: datetime


def read_clock(connection: Connection, user_id: str, *, is_sandbox: bool) -> Clock:
    """The time for a player who only looks. The others are told it under their lock."""
    found = store.read_wardrobes(connection, [user_id]) if is_sandbox else {}
    now = database_now(connection)
    offset = found[user_id].clock_offset_seconds if found else 0
    return Clock(now, players_now(now, offset, is_sandbox=is_sandbox))


def locked(
    database: Database,
    users: Iterable[str],
    decide: Callable[[Connection, dict[str, WardrobeRow], datetime], Answer],
) -> Answer:
    """What `decide` makes of the players' locked wardrobes and the time since, committed.

    One hand at a time gives and dresses. Raises Unavailable.
    """
    return under_lock(database, users, decide, lock=store.lock_wardrobes, make=store.make_wardrobes)
