"""The wardrobes of players: each is the lock on all that its player owns and wears."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from services.inventory import store
from services.inventory.store import WardrobeRow
from services.kit.database import Connection, Database
from services.kit.newcomers import under_lock

Answer = TypeVar("Answer")


def locked(
    database: Database,
    users: Iterable[str],
    decide: Callable[[Connection, dict[str, WardrobeRow], datetime], Answer],
) -> Answer:
    """What `decide` makes of the players' locked wardrobes and the time since, committed.

    One hand at a time gives and dresses. Raises Unavailable.
    """
    return under_lock(database, users, decide, lock=store.lock_wardrobes, make=store.make_wardrobes)
