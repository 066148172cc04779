"""Players who are here for the first time: their rows are made before anybody's is locked."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from services.kit.database import Connection, Database
from services.kit.errors import Unavailable

Answer = TypeVar("Answer")
Row = TypeVar("Row")


def under_lock(
    database: Database,
    users: Iterable[str],
    decide: Callable[[Connection, dict[str, Row], datetime], Answer],
    *,
    lock: Callable[[Connection, Sequence[str]], tuple[dict[str, Row], datetime]],
    make: Callable[[Connection, Sequence[str]], None],
) -> Answer:
    """What `decide` makes of the players' locked rows and the time since, committed.

    Whoever has no row gets one from `make`. Raises Unavailable.
    """
    players = sorted(set(users))

    def work(connection: Connection) -> Answer:
        rows, now = lock(connection, players)
        missing = [user for user in players if user not in rows]
        if missing:
            raise _Newcomers(missing)
        return decide(connection, rows, now)

    try:
        return database.transact(work)
    except _Newcomers as newcomers:
        new = newcomers.users
    # By itself: whoever inserts while holding locks may wait in a ring.
    database.transact(lambda connection: make(connection, new))
    return database.transact(work)


class _Newcomers(Unavailable):
    """Some players have no row yet."""

    def __init__(self, users: Sequence[str]) -> None:
        super().__init__()
        self.users = users
